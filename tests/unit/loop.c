/* The loop: descriptors, timers, signals, turn ends, and work in threads, each waited for with a deadline. */
#include "common/loop.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fiber.h"
#include "tests/support/cmocka.h"

enum { DEADLINE_MS = 5000 };

struct fixture {
    struct loop *loop;
    struct loop_timer *deadline;
    bool late;
};

static void on_deadline(void *context)
{
    struct fixture *fixture = context;
    fixture->late = true;
    loop_stop(fixture->loop);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->loop = loop_new();
    fixture->deadline = loop_timer_new(fixture->loop, on_deadline, fixture);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    loop_timer_destroy(&fixture->deadline);
    loop_stop(fixture->loop); /* as a second SIGTERM does, too late to matter */
    loop_destroy(&fixture->loop);
    int failed = fixture->loop != NULL || fiber_count() != 0;
    free(fixture);
    fiber_cleanup();
    return failed;
}

/* Runs until somebody stops the loop; fails the test when nobody does. */
static void run(struct fixture *fixture)
{
    loop_timer_start(fixture->deadline, DEADLINE_MS, 0);
    loop_run(fixture->loop);
    loop_timer_stop(fixture->deadline);
    assert_false(fixture->late);
}

static void stop(void *loop)
{
    loop_stop(loop);
}

/* ---- timers ---- */

struct ticks {
    struct loop *loop;
    int64_t at[3];
    int count;
};

static void on_tick(void *context)
{
    struct ticks *ticks = context;
    ticks->at[ticks->count++] = loop_now_ms();
    if (ticks->count == 3)
        loop_stop(ticks->loop);
}

static void timer_repeats_at_its_times(void **state)
{
    struct fixture *fixture = *state;
    struct ticks ticks = {.loop = fixture->loop};
    struct loop_timer *timer = loop_timer_new(fixture->loop, on_tick, &ticks);
    int64_t start = loop_now_ms();
    loop_timer_start(timer, 30, 10);
    run(fixture);
    loop_timer_destroy(&timer);
    assert_null(timer);
    /* A millisecond of grace: libuv's clock and ours round apart. */
    assert_true(ticks.at[0] - start >= 29);
    assert_true(ticks.at[2] - start >= 49);
}

static void stopped_timer_stays_silent(void **state)
{
    struct fixture *fixture = *state;
    struct ticks ticks = {.loop = fixture->loop};
    struct loop_timer *stopped = loop_timer_new(fixture->loop, on_tick, &ticks);
    struct loop_timer *later = loop_timer_new(fixture->loop, stop, fixture->loop);
    loop_timer_start(stopped, 1, 0);
    loop_timer_start(later, 20, 0);
    loop_timer_stop(stopped);
    run(fixture);
    assert_int_equal(ticks.count, 0);
    loop_timer_destroy(&stopped);
    loop_timer_destroy(&later);
}

/* A loop that has been busy must not let a timer fire early: libuv counts from the start of the turn. */
static void timer_counts_from_now(void **state)
{
    struct fixture *fixture = *state;
    struct loop_timer *timer = loop_timer_new(fixture->loop, stop, fixture->loop);
    int64_t busy_until = loop_now_ms() + 30;
    while (loop_now_ms() < busy_until)
        continue;
    int64_t start = loop_now_ms();
    loop_timer_start(timer, 20, 0);
    run(fixture);
    assert_true(loop_now_ms() - start >= 19);
    loop_timer_destroy(&timer);
}

/* ---- descriptors ---- */

struct peer {
    struct loop *loop;
    struct loop_watch *watch;
    int fd;
    int readable, writable;
};

static void on_peer_ready(void *context, bool readable, bool writable)
{
    struct peer *peer = context;
    peer->readable += readable;
    peer->writable += writable;
    loop_stop(peer->loop);
}

static void watch_tells_what_it_was_asked_for(void **state)
{
    struct fixture *fixture = *state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct peer peer = {.loop = fixture->loop, .fd = pair[0]};
    peer.watch = loop_watch(fixture->loop, pair[0], on_peer_ready, &peer);

    loop_watch_set(peer.watch, true, true);
    run(fixture);
    assert_int_equal(peer.readable, 0);
    assert_int_equal(peer.writable, 1);

    loop_watch_set(peer.watch, true, false);
    assert_int_equal(write(pair[1], "x", 1), 1);
    run(fixture);
    assert_int_equal(peer.readable, 1);
    assert_int_equal(peer.writable, 1);
    run(fixture); /* nobody has read: it is told again */
    assert_int_equal(peer.readable, 2);

    loop_watch_set(peer.watch, false, false);
    struct loop_timer *later = loop_timer_new(fixture->loop, stop, fixture->loop);
    loop_timer_start(later, 20, 0);
    run(fixture);
    assert_int_equal(peer.readable, 2);
    loop_timer_destroy(&later);

    loop_watch_destroy(&peer.watch);
    assert_null(peer.watch);
    assert_int_equal(write(pair[0], "y", 1), 1); /* the descriptor is still ours */
    close(pair[0]);
    close(pair[1]);
}

static void on_ready_destroy(void *context, bool readable, bool writable)
{
    (void)writable;
    struct peer *peer = context;
    peer->readable += readable;
    loop_watch_destroy(&peer->watch);
    close(peer->fd);
    loop_stop(peer->loop);
}

static void watch_may_be_destroyed_by_its_own_callback(void **state)
{
    struct fixture *fixture = *state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct peer peer = {.loop = fixture->loop, .fd = pair[0]};
    peer.watch = loop_watch(fixture->loop, pair[0], on_ready_destroy, &peer);
    loop_watch_set(peer.watch, true, false);
    close(pair[1]); /* the end of the stream is readable */
    run(fixture);
    assert_int_equal(peer.readable, 1);
}

/* A pipe whose reader is gone has an error pending (POLLERR): the writer must hear of it, and again if it does nothing.
 */
static void descriptor_with_an_error_is_ready(void **state)
{
    struct fixture *fixture = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct peer peer = {.loop = fixture->loop, .fd = ends[1]};
    peer.watch = loop_watch(fixture->loop, ends[1], on_peer_ready, &peer);
    close(ends[0]);
    loop_watch_set(peer.watch, false, true);
    run(fixture);
    run(fixture);
    assert_int_equal(peer.writable, 2);
    loop_watch_destroy(&peer.watch);
    close(ends[1]);
}

/* ---- turn ends ---- */

struct turns {
    struct loop *loop;
    int first, second;
    int more;
};

static bool first_hook(void *context)
{
    struct turns *turns = context;
    assert_int_equal(turns->first, turns->second);
    turns->first++;
    return turns->first < turns->more;
}

static bool second_hook(void *context)
{
    struct turns *turns = context;
    turns->second++;
    assert_int_equal(turns->first, turns->second);
    if (turns->second == turns->more)
        loop_stop(turns->loop);
    return false;
}

/* Nothing else happens in this loop: only the hook's `true` keeps it from waiting for the deadline. */
static void hooks_run_in_order_and_keep_the_loop_awake(void **state)
{
    struct fixture *fixture = *state;
    struct turns turns = {.loop = fixture->loop, .more = 100};
    loop_at_turn_end(fixture->loop, first_hook, &turns);
    loop_at_turn_end(fixture->loop, second_hook, &turns);
    run(fixture);
    assert_int_equal(turns.first, 100);
    assert_int_equal(turns.second, 100);
}

static bool count_turn(void *context)
{
    ++*(int *)context;
    return false;
}

static void loop_waits_when_hooks_have_no_more(void **state)
{
    struct fixture *fixture = *state;
    int turns = 0;
    loop_at_turn_end(fixture->loop, count_turn, &turns);
    struct loop_timer *later = loop_timer_new(fixture->loop, stop, fixture->loop);
    loop_timer_start(later, 50, 0);
    run(fixture);
    assert_in_range(turns, 1, 5);
    loop_timer_destroy(&later);
}

/* ---- signals ---- */

static void signal_arrives(void **state)
{
    struct fixture *fixture = *state;
    loop_on_signal(fixture->loop, SIGUSR1, stop, fixture->loop);
    assert_int_equal(kill(getpid(), SIGUSR1), 0);
    run(fixture);
}

/* ---- fibers: sleep and work ---- */

struct task {
    struct fixture *fixture;
    int *running; /* tasks that have not ended; the last one stops the loop */
    int64_t deadline_ms;
    atomic_int *gate; /* work waits until it is open */
    int64_t takes_us; /* and takes so long */
    pid_t thread;
    int niceness;
    bool is_offered;
    int order, *ended;
    enum error error;
};

static void end_task(struct task *task)
{
    task->order = ++*task->ended;
    if (--*task->running == 0)
        loop_stop(task->fixture->loop);
}

static void do_work(void *argument)
{
    struct task *task = argument;
    task->thread = gettid();
    task->niceness = getpriority(PRIO_PROCESS, (id_t)gettid());
    int64_t give_up = loop_now_ms() + DEADLINE_MS;
    while (task->gate != NULL && atomic_load(task->gate) == 0 && loop_now_ms() < give_up)
        usleep(100);
    for (int64_t end_us = clock_now_us() + task->takes_us; clock_now_us() < end_us;)
        continue; /* a sleep would be cut short by what offers the core */
}

static void work_task(void *argument)
{
    struct task *task = argument;
    task->error = loop_work(task->fixture->loop, task->deadline_ms, do_work, task);
    end_task(task);
}

static void work_runs_in_another_thread_at_low_priority(void **state)
{
    struct fixture *fixture = *state;
    int running = 1, ended = 0;
    struct task task = {.fixture = fixture, .running = &running, .ended = &ended, .deadline_ms = INT64_MAX};
    task.error = ERROR_COUNT;
    assert_true(fiber_start(work_task, &task));
    assert_int_equal(ended, 0);
    run(fixture);
    assert_int_equal(task.error, OK);
    assert_int_not_equal(task.thread, 0);
    assert_int_not_equal(task.thread, gettid());
    assert_int_equal(task.niceness, 10);
    assert_int_equal(getpriority(PRIO_PROCESS, (id_t)gettid()), 0);
}

static void await_offer(void *argument)
{
    bool *is_offered = argument;
    sigset_t offer, pending;
    sigemptyset(&offer);
    sigaddset(&offer, SIGURG);
    pthread_sigmask(SIG_BLOCK, &offer, NULL);
    for (int64_t give_up = loop_now_ms() + DEADLINE_MS; !*is_offered && loop_now_ms() < give_up;) {
        sigpending(&pending);
        *is_offered = sigismember(&pending, SIGURG);
    }
    pthread_sigmask(SIG_UNBLOCK, &offer, NULL);
}

static void work_fiber(void *argument)
{
    struct task *task = argument;
    task->error = loop_work(task->fixture->loop, INT64_MAX, await_offer, &task->is_offered);
    loop_stop(task->fixture->loop);
}

/* By a signal, at which it yields. */
static void work_offers_its_core_to_others(void **state)
{
    struct task task = {.fixture = *state, .error = ERROR_COUNT};
    assert_true(fiber_start(work_fiber, &task));
    run(task.fixture);
    assert_int_equal(task.error, OK);
    assert_true(task.is_offered);
}

static void open_gate(void *context)
{
    atomic_store((atomic_int *)context, 1);
}

/* The queue is full: refused at once. The deadline passes while the pool is busy: refused when its turn comes. */
static void work_is_bounded_by_limit_and_deadline(void **state)
{
    struct fixture *fixture = *state;
    enum { BUSY = 64, LATE = BUSY, REFUSED = BUSY + 1, ALL = BUSY + 2 };
    atomic_int gate = 0;
    int running = ALL, ended = 0;
    struct task *tasks = calloc(ALL, sizeof *tasks);
    loop_set_work_limit(fixture->loop, BUSY + 1);
    for (int i = 0; i < ALL; i++) {
        tasks[i] = (struct task){.fixture = fixture, .running = &running, .ended = &ended, .error = ERROR_COUNT};
        tasks[i].deadline_ms = i == LATE ? loop_now_ms() + 10 : INT64_MAX;
        tasks[i].gate = &gate;
        assert_true(fiber_start(work_task, &tasks[i]));
    }
    assert_int_equal(tasks[REFUSED].error, ERROR_OVERLOADED);
    assert_int_equal(tasks[REFUSED].thread, 0);

    struct loop_timer *opener = loop_timer_new(fixture->loop, open_gate, &gate);
    loop_timer_start(opener, 30, 0);
    run(fixture);
    for (int i = 0; i < BUSY; i++)
        assert_int_equal(tasks[i].error, OK);
    assert_int_equal(tasks[LATE].error, ERROR_TIMEOUT);
    assert_int_equal(tasks[LATE].thread, 0);
    loop_timer_destroy(&opener);
    free(tasks);
}

static void work_then_open_gate(void *argument)
{
    struct task *task = argument;
    atomic_int *gate = task->gate;
    task->gate = NULL;
    task->error = loop_work(task->fixture->loop, INT64_MAX, do_work, task);
    atomic_store(gate, 1);
    end_task(task);
}

/* Every thread waits for what only the fiber whose work is done already will do, and so does work without a thread. */
static void work_is_not_held_for_longer_than_a_moment(void **state)
{
    struct fixture *fixture = *state;
    enum { STUCK = 64, FIRST = STUCK, ALL };
    atomic_int gate = 0;
    int running = ALL, ended = 0;
    struct task *tasks = calloc(ALL, sizeof *tasks);
    for (int i = 0; i < ALL; i++)
        tasks[i] = (struct task){
            .fixture = fixture, .running = &running, .ended = &ended, .gate = &gate, .deadline_ms = INT64_MAX};
    int64_t start = loop_now_ms();
    assert_true(fiber_start(work_then_open_gate, &tasks[FIRST]));
    for (int i = 0; i < STUCK; i++)
        assert_true(fiber_start(work_task, &tasks[i]));
    run(fixture);
    assert_int_equal(tasks[FIRST].order, 1);
    assert_true(loop_now_ms() - start < DEADLINE_MS);
    free(tasks);
}

/* Each would wake the loop, else. */
static void work_of_a_crowd_is_handed_back_together(void **state)
{
    struct fixture *fixture = *state;
    int turns = 0, running = 64, ended = 0;
    struct task *tasks = calloc((size_t)running, sizeof *tasks);
    loop_at_turn_end(fixture->loop, count_turn, &turns);
    for (int i = 0; i < 64; i++) {
        tasks[i] = (struct task){.fixture = fixture, .running = &running, .ended = &ended, .deadline_ms = INT64_MAX};
        tasks[i].takes_us = 500;
        assert_true(fiber_start(work_task, &tasks[i]));
    }
    run(fixture);
    assert_int_equal(ended, 64);
    assert_in_range(turns, 1, 32);
    free(tasks);
}

static void sleep_task(void *argument)
{
    struct task *task = argument;
    loop_sleep(task->fixture->loop, task->deadline_ms);
    end_task(task);
}

static void sleepers_wake_in_the_order_of_their_times(void **state)
{
    struct fixture *fixture = *state;
    int running = 3, ended = 0;
    struct task tasks[3];
    const int64_t delays[3] = {60, 0, 30};
    int64_t start = loop_now_ms();
    for (int i = 0; i < 3; i++) {
        tasks[i] = (struct task){.fixture = fixture, .running = &running, .ended = &ended, .deadline_ms = delays[i]};
        assert_true(fiber_start(sleep_task, &tasks[i]));
        assert_int_equal(ended, 0); /* even a sleep of 0 lets others run */
    }
    run(fixture);
    assert_int_equal(tasks[1].order, 1);
    assert_int_equal(tasks[2].order, 2);
    assert_int_equal(tasks[0].order, 3);
    assert_true(loop_now_ms() - start >= 59);
}

#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOOP_TEST(timer_repeats_at_its_times),
        LOOP_TEST(stopped_timer_stays_silent),
        LOOP_TEST(timer_counts_from_now),
        LOOP_TEST(watch_tells_what_it_was_asked_for),
        LOOP_TEST(watch_may_be_destroyed_by_its_own_callback),
        LOOP_TEST(descriptor_with_an_error_is_ready),
        LOOP_TEST(hooks_run_in_order_and_keep_the_loop_awake),
        LOOP_TEST(loop_waits_when_hooks_have_no_more),
        LOOP_TEST(signal_arrives),
        LOOP_TEST(work_runs_in_another_thread_at_low_priority),
        LOOP_TEST(work_offers_its_core_to_others),
        LOOP_TEST(work_is_bounded_by_limit_and_deadline),
        LOOP_TEST(work_is_not_held_for_longer_than_a_moment),
        LOOP_TEST(work_of_a_crowd_is_handed_back_together),
        LOOP_TEST(sleepers_wake_in_the_order_of_their_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
