/* The event loop, on libuv; the only file that includes it. Descriptors, timers, signals, what runs at a turn's end,
 * and work that fibers hand to the pool of threads. */
#include "common/loop.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "common/allocate.h"
#include "common/clock.h"
#include "common/fiber.h"
#include "common/workers.h"

enum { MAX_HOOKS = 16, MAX_SIGNALS = 8, DEFAULT_WORK_LIMIT = 256, HOLD_MS = 25 };

struct hook {
    bool (*run)(void *context);
    void *context;
};

struct signal_watch {
    uv_signal_t uv;
    void (*on_signal)(void *context);
    void *context;
};

struct loop {
    uv_loop_t uv;
    uv_prepare_t turn_end; /* runs right before the loop waits; active always, so the loop never runs out of handles */
    uv_idle_t more_to_do;  /* active = the loop does not wait */
    struct hook hooks[MAX_HOOKS];
    size_t hook_count;
    struct signal_watch signals[MAX_SIGNALS];
    size_t signal_count;
    struct workers *workers; /* NULL before there is work */
    struct loop_watch *workers_watch;
    struct loop_timer *holding; /* runs while results wait for others */
    bool is_holding;
    size_t working; /* queued and running */
    size_t work_limit;
    struct work_stats work_stats;
};

struct loop_watch {
    uv_poll_t uv;
    int events; /* asked for */
    void (*on_ready)(void *context, bool readable, bool writable);
    void *context;
};

struct loop_timer {
    uv_timer_t uv;
    void (*on_time)(void *context);
    void *context;
};

/* libuv fails here only by a bug of ours or when the kernel has run out. */
static void must(int result, const char *what)
{
    if (result == 0)
        return;
    fprintf(stderr, "event loop: %s: %s\n", what, uv_strerror(result));
    abort();
}

static void free_handle(uv_handle_t *handle)
{
    free(handle->data);
}

int64_t loop_now_ms(void)
{
    return clock_now_ms();
}

/* ---- the loop ---- */

static void stay_awake(uv_idle_t *idle)
{
    (void)idle; /* that it is active is all it is for */
}

static void on_turn_end(uv_prepare_t *prepare)
{
    struct loop *loop = prepare->data;
    bool more = false;
    for (size_t i = 0; i < loop->hook_count; i++)
        more |= loop->hooks[i].run(loop->hooks[i].context);
    if (more)
        must(uv_idle_start(&loop->more_to_do, stay_awake), "start idle");
    else
        must(uv_idle_stop(&loop->more_to_do), "stop idle");
}

struct loop *loop_new(void)
{
    struct loop *loop = allocate(sizeof *loop);
    loop_set_work_limit(loop, DEFAULT_WORK_LIMIT);
    must(uv_loop_init(&loop->uv), "create");
    must(uv_idle_init(&loop->uv, &loop->more_to_do), "create idle");
    must(uv_prepare_init(&loop->uv, &loop->turn_end), "create prepare");
    loop->turn_end.data = loop;
    must(uv_prepare_start(&loop->turn_end, on_turn_end), "start prepare");
    return loop;
}

void loop_destroy(struct loop **loop_)
{
    struct loop *loop = *loop_;
    if (loop == NULL)
        return;
    assert(loop->working == 0);
    loop_watch_destroy(&loop->workers_watch);
    loop_timer_destroy(&loop->holding);
    workers_destroy(&loop->workers);
    uv_close((uv_handle_t *)&loop->turn_end, NULL);
    uv_close((uv_handle_t *)&loop->more_to_do, NULL);
    for (size_t i = 0; i < loop->signal_count; i++)
        uv_close((uv_handle_t *)&loop->signals[i].uv, NULL);
    for (int turn = 0; turn < 2;
         turn++) /* lets what is closing close; a loop_stop while not running takes one turn away */
        (void)uv_run(&loop->uv, UV_RUN_NOWAIT);
    must(uv_loop_close(&loop->uv), "destroy, with something still watched or timed");
    free(loop);
    *loop_ = NULL;
}

void loop_run(struct loop *loop)
{
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
    uv_stop(&loop->uv);
}

void loop_at_turn_end(struct loop *loop, bool (*run)(void *context), void *context)
{
    assert(loop->hook_count < MAX_HOOKS);
    loop->hooks[loop->hook_count++] = (struct hook){run, context};
}

static void on_uv_signal(uv_signal_t *uv, int signal_number)
{
    (void)signal_number;
    struct signal_watch *watch = uv->data;
    watch->on_signal(watch->context);
}

void loop_on_signal(struct loop *loop, int signal_number, void (*on_signal)(void *context), void *context)
{
    assert(loop->signal_count < MAX_SIGNALS);
    struct signal_watch *watch = &loop->signals[loop->signal_count++];
    watch->on_signal = on_signal;
    watch->context = context;
    must(uv_signal_init(&loop->uv, &watch->uv), "create signal");
    watch->uv.data = watch;
    must(uv_signal_start(&watch->uv, on_uv_signal, signal_number), "watch signal");
}

/* ---- descriptors ---- */

static void on_poll(uv_poll_t *uv, int status, int events)
{
    struct loop_watch *watch = uv->data;
    if (status < 0) {
        /* libuv stops a handle whose descriptor has an error pending. The owner finds out by using it, as with poll(2).
         */
        events = watch->events;
        must(uv_poll_start(uv, events, on_poll), "watch descriptor");
    }
    watch->on_ready(watch->context, (events & UV_READABLE) != 0, (events & UV_WRITABLE) != 0);
}

struct loop_watch *loop_watch(struct loop *loop, int fd, void (*on_ready)(void *context, bool readable, bool writable),
                              void *context)
{
    struct loop_watch *watch = allocate(sizeof *watch);
    watch->on_ready = on_ready;
    watch->context = context;
    must(uv_poll_init(&loop->uv, &watch->uv, fd), "create descriptor watch");
    watch->uv.data = watch;
    return watch;
}

void loop_watch_set(struct loop_watch *watch, bool reading, bool writing)
{
    int events = (reading ? UV_READABLE : 0) | (writing ? UV_WRITABLE : 0);
    if (events == watch->events)
        return;
    watch->events = events;
    if (events == 0)
        must(uv_poll_stop(&watch->uv), "stop watching descriptor");
    else
        must(uv_poll_start(&watch->uv, events, on_poll), "watch descriptor");
}

void loop_watch_destroy(struct loop_watch **watch)
{
    if (*watch == NULL)
        return;
    uv_close((uv_handle_t *)&(*watch)->uv, free_handle);
    *watch = NULL;
}

/* ---- timers ---- */

static void on_uv_timer(uv_timer_t *uv)
{
    struct loop_timer *timer = uv->data;
    timer->on_time(timer->context);
}

struct loop_timer *loop_timer_new(struct loop *loop, void (*on_time)(void *context), void *context)
{
    struct loop_timer *timer = allocate(sizeof *timer);
    timer->on_time = on_time;
    timer->context = context;
    must(uv_timer_init(&loop->uv, &timer->uv), "create timer");
    timer->uv.data = timer;
    return timer;
}

void loop_timer_start(struct loop_timer *timer, int64_t delay_ms, int64_t repeat_ms)
{
    assert(repeat_ms >= 0);
    uv_update_time(timer->uv.loop); /* libuv counts from the turn's start, which may be a while ago */
    uint64_t delay = delay_ms > 0 ? (uint64_t)delay_ms : 0;
    must(uv_timer_start(&timer->uv, on_uv_timer, delay, (uint64_t)repeat_ms), "start timer");
}

void loop_timer_stop(struct loop_timer *timer)
{
    must(uv_timer_stop(&timer->uv), "stop timer");
}

void loop_timer_destroy(struct loop_timer **timer)
{
    if (*timer == NULL)
        return;
    uv_close((uv_handle_t *)&(*timer)->uv, free_handle);
    *timer = NULL;
}

static void wake_fiber(void *context)
{
    fiber_resume(context);
}

void loop_sleep(struct loop *loop, int64_t delay_ms)
{
    assert(fiber_current() != NULL);
    struct loop_timer *timer = loop_timer_new(loop, wake_fiber, fiber_current());
    loop_timer_start(timer, delay_ms, 0);
    fiber_suspend();
    loop_timer_destroy(&timer);
}

/* ---- work for the worker threads ---- */

/* Lives on the stack of the fiber that waits for it. */
struct work {
    struct job job;
    struct fiber *fiber;
    void (*run)(void *argument);
    void *argument;
    int64_t deadline_ms;
    enum error result;
    bool done;
};

static struct work *work_of(struct job *job)
{
    return (struct work *)((char *)job - offsetof(struct work, job));
}

static void run_in_time(struct job *job)
{
    struct work *work = work_of(job);
    if (loop_now_ms() >= work->deadline_ms)
        work->result = ERROR_TIMEOUT;
    else
        work->run(work->argument);
}

static void on_done(struct job *job)
{
    struct work *work = work_of(job);
    work->done = true;
    fiber_resume(work->fiber);
}

static void collect(void *context)
{
    struct loop *loop = context;
    loop->is_holding = false;
    workers_collect(loop->workers, on_done);
}

/* While more work waits than there are cores, results wait a little for each other. What follows on each of them then
 * does so for several at once, with warm caches: work of this kind has emptied them (HOLD_MS 1, 25: 0.88, 0.91 × as
 * many logins as hashes alone, before those kept their memory). Who waits for a core has waited longer than that. */
static void on_workers(void *context, bool readable, bool writable)
{
    (void)readable, (void)writable;
    struct loop *loop = context;
    if (!workers_hear(loop->workers)) {
        loop_timer_stop(loop->holding);
        collect(loop);
    } else if (!loop->is_holding) {
        loop->is_holding = true;
        loop_timer_start(loop->holding, HOLD_MS, 0);
    }
}

static void start_workers_once(struct loop *loop)
{
    if (loop->workers != NULL)
        return;
    loop->workers = workers_new(uv_available_parallelism());
    loop->holding = loop_timer_new(loop, collect, loop);
    loop->workers_watch = loop_watch(loop, workers_fd(loop->workers), on_workers, loop);
    loop_watch_set(loop->workers_watch, true, false);
}

enum error loop_work(struct loop *loop, int64_t deadline_ms, void (*run)(void *argument), void *argument)
{
    assert(fiber_current() != NULL);
    if (loop->working >= loop->work_limit) {
        counter_add(&loop->work_stats.refused, 1);
        return ERROR_OVERLOADED;
    }
    struct work work = {.job = {.run = run_in_time},
                        .fiber = fiber_current(),
                        .run = run,
                        .argument = argument,
                        .deadline_ms = deadline_ms,
                        .result = OK};
    start_workers_once(loop);
    counter_set(&loop->work_stats.queued, ++loop->working);
    int64_t begun_us = clock_now_us();
    workers_give(loop->workers, &work.job);
    fiber_suspend();
    assert(work.done);
    counter_set(&loop->work_stats.queued, --loop->working);
    counter_add(work.result == OK ? &loop->work_stats.jobs : &loop->work_stats.expired, 1);
    histogram_time(&loop->work_stats.duration, clock_now_us() - begun_us);
    return work.result;
}

void loop_set_work_limit(struct loop *loop, size_t limit)
{
    loop->work_limit = limit;
    counter_set(&loop->work_stats.limit, limit);
}

const struct work_stats *loop_work_stats(const struct loop *loop)
{
    return &loop->work_stats;
}
