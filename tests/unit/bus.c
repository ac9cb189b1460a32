/* The bus over real sockets: buses turned in one thread by poll(), services to be killed in processes of their own
 * (this program again, with arguments), and raw sockets that say what no bus would. */
#include "common/bus.h"

#include <czmq.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/clock.h"
#include "common/envelope.h"
#include "tests/support/cmocka.h"

enum { PATIENCE_MS = 20000, LONG_MS = 60000, MAX_HELD = 20000, A = 0, B = 1 };

/* ---- a service: a bus that answers at once, or holds calls until the test answers them ---- */

struct service {
    struct bus *bus;
    char address[128];
    bool is_holding;
    size_t calls;
    struct bus_origin held[MAX_HELD];
    char last_arguments[64];
    struct bus_incoming last;
};

static void on_call(void *context, const struct bus_incoming *incoming)
{
    struct service *service = context;
    assert_true(service->calls < MAX_HELD);
    service->held[service->calls++] = incoming->origin;
    service->last = *incoming;
    if (!service->is_holding)
        bus_answer(service->bus, &incoming->origin, &(struct bus_reply){.body = incoming->arguments});
}

/* ---- the test's own buses ---- */

struct outcome {
    size_t times;
    enum error error;
    char body[64];
    size_t body_len;
    int64_t at_ms;
};

struct fixture {
    char folder[64];
    struct bus *client;
    struct service services[2];
    pid_t child;
    struct outcome outcomes[4]; /* not on the test's stack: a test that fails leaves calls pending */
    size_t outcome_count;
};

static struct outcome *new_outcome(struct fixture *fixture)
{
    assert_true(fixture->outcome_count < sizeof fixture->outcomes / sizeof *fixture->outcomes);
    return &fixture->outcomes[fixture->outcome_count++];
}

static void on_reply(void *context, const struct bus_reply *reply)
{
    struct outcome *outcome = context;
    outcome->times++;
    outcome->error = reply->error;
    outcome->body_len = reply->body.len;
    if (reply->body.len <= sizeof outcome->body)
        memcpy(outcome->body, reply->body.ptr, reply->body.len);
    outcome->at_ms = clock_now_ms();
}

static struct bus *bus_of(struct fixture *fixture, size_t which)
{
    return which < 2 ? fixture->services[which].bus : fixture->client;
}

static void turn(struct fixture *fixture)
{
    for (size_t i = 0; i < 3; i++)
        if (bus_of(fixture, i) != NULL && bus_turn(bus_of(fixture, i)))
            assert_int_equal(bus_wait_ms(bus_of(fixture, i)), 0);
}

/* Waits as a loop would: for the descriptors, as long as the buses say. An edge that one of them missed is a wait too
 * long. */
static void wait_until(struct fixture *fixture, int64_t until_ms)
{
    struct pollfd polled[3 * BUS_MAX_DESCRIPTORS];
    nfds_t count = 0;
    int64_t wait_ms = until_ms - clock_now_ms();
    for (size_t i = 0; i < 3; i++) {
        struct bus *bus = bus_of(fixture, i);
        int fds[BUS_MAX_DESCRIPTORS];
        if (bus == NULL)
            continue;
        if (bus_wait_ms(bus) != -1 && bus_wait_ms(bus) < wait_ms)
            wait_ms = bus_wait_ms(bus);
        size_t descriptors = bus_descriptors(bus, fds, BUS_MAX_DESCRIPTORS);
        for (size_t n = 0; n < descriptors; n++)
            polled[count++] = (struct pollfd){.fd = fds[n], .events = POLLIN};
    }
    poll(polled, count, wait_ms > 0 ? (int)wait_ms : 0);
}

#define WAIT_FOR(fixture, condition)                                                                                   \
    for (int64_t until_ms_ = clock_now_ms() + PATIENCE_MS;;) {                                                         \
        turn(fixture);                                                                                                 \
        if (condition)                                                                                                 \
            break;                                                                                                     \
        if (clock_now_ms() >= until_ms_)                                                                               \
            fail_msg("waited too long for " #condition);                                                               \
        wait_until((fixture), until_ms_);                                                                              \
    }

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/unit_bus.XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    fixture->client = bus_new();
    for (size_t i = 0; i < 2; i++)
        snprintf(fixture->services[i].address, sizeof fixture->services[i].address, "ipc://%s/%c", fixture->folder,
                 (char)('a' + i));
    *state = fixture;
    return 0;
}

static void kill_child(struct fixture *fixture)
{
    kill(fixture->child, SIGKILL);
    assert_int_equal(waitpid(fixture->child, NULL, 0), fixture->child);
    fixture->child = 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->child != 0)
        kill_child(fixture);
    bus_destroy(&fixture->client);
    for (size_t i = 0; i < 2; i++) {
        bus_destroy(&fixture->services[i].bus);
        unlink(fixture->services[i].address + strlen("ipc://"));
    }
    /* libzmq's thread unlinks the socket files in its own time. */
    for (int64_t until_ms = clock_now_ms() + PATIENCE_MS; rmdir(fixture->folder) != 0 && errno == ENOTEMPTY;)
        assert_true(clock_now_ms() < until_ms);
    free(fixture);
    return 0;
}

static struct service *start_service(struct fixture *fixture, size_t which)
{
    struct service *service = &fixture->services[which];
    service->bus = bus_new();
    assert_int_equal(bus_bind(service->bus, service->address, on_call, service), OK);
    return service;
}

static void connect_client(struct fixture *fixture, unsigned target, const char *endpoints)
{
    assert_int_equal(bus_connect(fixture->client, target, endpoints), OK);
    WAIT_FOR(fixture, bus_is_connected(fixture->client, target));
}

static struct service *start_and_connect(struct fixture *fixture, size_t which)
{
    struct service *service = start_service(fixture, which);
    connect_client(fixture, (unsigned)which, service->address);
    return service;
}

static enum error call_with(struct fixture *fixture, unsigned target, struct str arguments, int64_t timeout_ms,
                            struct outcome *outcome, bus_call_id *id)
{
    const struct bus_request request = {.method = STR("test.echo"),
                                        .caller = {.id = 7, .role = STR("user")},
                                        .request_id = STR("r-1"),
                                        .arguments = arguments,
                                        .timeout_ms = timeout_ms};
    return bus_call(fixture->client, target, &request, on_reply, outcome, id);
}

static void call(struct fixture *fixture, unsigned target, struct outcome *outcome)
{
    assert_int_equal(call_with(fixture, target, STR("\x2A"), LONG_MS, outcome, NULL), OK);
}

/* ---- calls and replies ---- */

static void a_call_goes_there_and_its_reply_comes_back(void **state)
{
    struct fixture *fixture = *state;
    struct service *service = start_and_connect(fixture, A);
    service->is_holding = true;
    struct outcome *outcome = new_outcome(fixture);
    call(fixture, A, outcome);
    WAIT_FOR(fixture, service->calls == 1);
    assert_true(service->last.deadline_ms > clock_now_ms() + LONG_MS - PATIENCE_MS);
    const struct bus_reply full = {.error = ERROR_ROOM_FULL,
                                   .body = STR("\xA4"
                                               "full"),
                                   .next_after = 3};
    bus_answer(service->bus, &service->held[0], &full);
    WAIT_FOR(fixture, outcome->times == 1);
    assert_int_equal(outcome->error, ERROR_ROOM_FULL);
    assert_int_equal(outcome->body_len, 5);
    assert_memory_equal(outcome->body,
                        "\xA4"
                        "full",
                        5);
    assert_int_equal(bus_stats(fixture->client).pending, 0);
}

static void calls_of_a_turn_share_a_batch(void **state)
{
    struct fixture *fixture = *state;
    struct service *service = start_and_connect(fixture, A);
    enum { CALLS = 1000 };
    struct outcome *outcomes = calloc(CALLS, sizeof *outcomes);
    for (size_t i = 0; i < CALLS; i++)
        assert_int_equal(call_with(fixture, A, (struct str){(const char *)&i, sizeof i}, LONG_MS, &outcomes[i], NULL),
                         OK);
    WAIT_FOR(fixture, bus_stats(fixture->client).replies == CALLS);
    for (size_t i = 0; i < CALLS; i++) {
        assert_int_equal(outcomes[i].times, 1);
        assert_int_equal(outcomes[i].error, OK);
        assert_memory_equal(outcomes[i].body, &i, sizeof i);
    }
    assert_int_equal(bus_stats(fixture->client).batches_sent, 1);
    assert_int_equal(bus_stats(service->bus).batches_received, 1);
    assert_int_equal(bus_stats(service->bus).batches_sent, 1);
    free(outcomes);
}

static void a_large_batch_leaves_in_parts(void **state)
{
    struct fixture *fixture = *state;
    struct service *service = start_and_connect(fixture, A);
    char *large = calloc(1, 100000);
    struct outcome *outcome = new_outcome(fixture);
    for (int i = 0; i < 30; i++)
        assert_int_equal(call_with(fixture, A, (struct str){large, 100000}, LONG_MS, outcome, NULL), OK);
    WAIT_FOR(fixture, outcome->times == 30);
    assert_int_equal(outcome->body_len, 100000);
    assert_int_equal(bus_stats(fixture->client).batches_sent, 10);
    assert_int_equal(bus_stats(service->bus).batches_sent, 10);
    free(large);
}

static void what_is_too_large_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct service *service = start_and_connect(fixture, A);
    char *large = calloc(1, BUS_MAX_BODY + 1);
    struct outcome *outcome = new_outcome(fixture);
    struct str most = {large, BUS_MAX_BODY}, more = {large, BUS_MAX_BODY + 1};
    assert_int_equal(call_with(fixture, A, more, LONG_MS, outcome, NULL), ERROR_BODY_TOO_LARGE);
    assert_int_equal(call_with(fixture, A, most, LONG_MS, outcome, NULL), OK);
    WAIT_FOR(fixture, outcome->times == 1);
    assert_int_equal(outcome->body_len, BUS_MAX_BODY);
    service->is_holding = true;
    call(fixture, A, outcome);
    WAIT_FOR(fixture, service->calls == 2);
    bus_answer(service->bus, &service->held[1], &(struct bus_reply){.body = more});
    WAIT_FOR(fixture, outcome->times == 2);
    assert_int_equal(outcome->error, ERROR_INTERNAL);
    struct bus_request wordy = {.method = more, .timeout_ms = 1};
    assert_int_equal(bus_call(fixture->client, A, &wordy, on_reply, outcome, NULL), ERROR_MALFORMED);
    free(large);
}

struct chain {
    struct fixture *fixture;
    size_t left;
};

static void on_link(void *context, const struct bus_reply *reply)
{
    struct chain *chain = context;
    const struct bus_request request = {.method = STR("test.echo"), .timeout_ms = LONG_MS};
    assert_int_equal(reply->error, OK);
    if (chain->left-- > 0)
        assert_int_equal(bus_call(chain->fixture->client, A, &request, on_link, chain, NULL), OK);
}

static void a_callback_may_call_again(void **state)
{
    struct fixture *fixture = *state;
    start_and_connect(fixture, A);
    static struct chain chain;
    chain = (struct chain){fixture, 200};
    on_link(&chain, &(struct bus_reply){.error = OK});
    WAIT_FOR(fixture, bus_stats(fixture->client).replies == 200);
    assert_int_equal(bus_stats(fixture->client).pending, 0);
}

/* ---- calls that end in another way ---- */

static void a_cancelled_call_is_forgotten(void **state)
{
    struct fixture *fixture = *state;
    struct service *service = start_and_connect(fixture, A);
    struct outcome *outcome = new_outcome(fixture);
    bus_call_id id = 0;
    assert_int_equal(call_with(fixture, A, STR("\x01"), LONG_MS, outcome, &id), OK);
    assert_true(id != 0);
    bus_cancel(fixture->client, id);
    bus_cancel(fixture->client, id);
    bus_cancel(fixture->client, 0);
    bus_cancel(fixture->client, UINT64_MAX);
    assert_int_equal(bus_stats(fixture->client).pending, 0);
    struct outcome *next = new_outcome(fixture); /* takes the same slot */
    call(fixture, A, next);
    bus_cancel(fixture->client, id);
    WAIT_FOR(fixture, next->times == 1 && bus_stats(fixture->client).late_replies == 1);
    assert_int_equal(outcome->times, 0);
    assert_int_equal(service->calls, 2);
}

struct couple {
    struct bus *bus;
    bus_call_id other;
    size_t times;
};

static void on_either(void *context, const struct bus_reply *reply)
{
    struct couple *couple = context;
    (void)reply;
    couple->times++;
    bus_cancel(couple->bus, couple->other);
}

static void a_callback_may_cancel_the_next(void **state)
{
    struct fixture *fixture = *state;
    start_and_connect(fixture, A);
    static struct couple couples[2];
    couples[0] = couples[1] = (struct couple){.bus = fixture->client};
    const struct bus_request request = {.method = STR("test.echo"), .timeout_ms = LONG_MS};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(bus_call(fixture->client, A, &request, on_either, &couples[i], &couples[1 - i].other), OK);
    WAIT_FOR(fixture, bus_stats(fixture->client).late_replies == 1);
    assert_int_equal(couples[0].times + couples[1].times, 1);
}

static void a_call_ends_at_its_deadline_and_its_late_reply_finds_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct service *service = start_and_connect(fixture, A);
    service->is_holding = true;
    struct outcome *soon = new_outcome(fixture), *sooner = new_outcome(fixture), *patient = new_outcome(fixture);
    int64_t start_ms = clock_now_ms();
    call(fixture, A, patient);
    assert_int_equal(call_with(fixture, A, STR("\x01"), 80, soon, NULL), OK);
    assert_int_equal(call_with(fixture, A, STR("\x01"), 30, sooner, NULL), OK);
    WAIT_FOR(fixture, soon->times == 1);
    assert_int_equal(soon->error, ERROR_TIMEOUT);
    assert_int_equal(soon->body_len, 1);
    assert_int_equal(sooner->error, ERROR_TIMEOUT);
    assert_in_range(sooner->at_ms - start_ms, 30, 1000);
    assert_in_range(soon->at_ms - start_ms, 80, 1000);
    assert_int_equal(bus_stats(fixture->client).timeouts, 2);
    for (size_t i = 0; i < 3; i++)
        bus_answer(service->bus, &service->held[i], &(struct bus_reply){.body = STR("\x02")});
    WAIT_FOR(fixture, patient->times == 1 && bus_stats(fixture->client).late_replies == 2);
    assert_int_equal(patient->error, OK);
    assert_int_equal(soon->times + sooner->times, 2);
}

static void a_second_reply_finds_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct service *service = start_and_connect(fixture, A);
    service->is_holding = true;
    struct outcome *outcome = new_outcome(fixture), *next = new_outcome(fixture);
    call(fixture, A, outcome);
    WAIT_FOR(fixture, service->calls == 1);
    bus_answer(service->bus, &service->held[0], &(struct bus_reply){.body = STR("\x01")});
    WAIT_FOR(fixture, outcome->times == 1);
    call(fixture, A, next);
    bus_answer(service->bus, &service->held[0], &(struct bus_reply){.body = STR("\x02")});
    WAIT_FOR(fixture, bus_stats(fixture->client).late_replies == 1);
    assert_int_equal(outcome->times, 1);
    assert_int_equal(next->times, 0);
}

static void a_call_without_time_left_is_not_handled(void **state)
{
    struct fixture *fixture = *state;
    struct service *service = start_and_connect(fixture, A);
    struct outcome *outcome = new_outcome(fixture);
    assert_int_equal(call_with(fixture, A, STR("\x01"), -5, outcome, NULL), OK);
    WAIT_FOR(fixture, outcome->times == 1 && bus_stats(service->bus).expired == 1);
    assert_int_equal(outcome->error, ERROR_TIMEOUT);
    assert_int_equal(service->calls, 0);
}

static void a_service_that_is_not_there_is_unavailable_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct outcome *outcome = new_outcome(fixture);
    assert_int_equal(call_with(fixture, A, STR("\x01"), LONG_MS, outcome, NULL), ERROR_UNAVAILABLE);
    assert_int_equal(bus_connect(fixture->client, A, fixture->services[A].address), OK);
    for (int i = 0; i < 10; i++) {
        turn(fixture);
        wait_until(fixture, clock_now_ms() + 10);
        assert_int_equal(call_with(fixture, A, STR("\x01"), LONG_MS, outcome, NULL), ERROR_UNAVAILABLE);
    }
    start_service(fixture, A);
    WAIT_FOR(fixture, bus_is_connected(fixture->client, A));
    call(fixture, A, outcome);
    WAIT_FOR(fixture, outcome->times == 1);
    assert_int_equal(outcome->error, OK);
}

static void too_many_calls_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct service *service = start_and_connect(fixture, A);
    service->is_holding = true;
    struct outcome *outcome = new_outcome(fixture);
    for (size_t i = 0; i < BUS_MAX_PENDING; i++)
        call(fixture, A, outcome);
    assert_int_equal(call_with(fixture, A, STR("\x01"), LONG_MS, outcome, NULL), ERROR_OVERLOADED);
    WAIT_FOR(fixture, service->calls == BUS_MAX_PENDING);
    for (size_t i = 0; i < BUS_MAX_PENDING; i++)
        bus_answer(service->bus, &service->held[i], &(struct bus_reply){.error = OK});
    WAIT_FOR(fixture, outcome->times == BUS_MAX_PENDING);
    call(fixture, A, outcome);
}

static void a_service_that_does_not_read_overloads(void **state)
{
    struct fixture *fixture = *state;
    struct service *service = start_and_connect(fixture, A);
    struct bus *stuck = service->bus;
    service->bus = NULL; /* nobody turns it */
    char *large = calloc(1, 4000);
    struct outcome *outcome = new_outcome(fixture);
    size_t calls = 0;
    while (outcome->times == 0 && calls < BUS_MAX_PENDING) {
        assert_int_equal(call_with(fixture, A, (struct str){large, 4000}, LONG_MS, outcome, NULL), OK);
        calls++;
        turn(fixture);
    }
    assert_int_equal(outcome->times, 1);
    assert_int_equal(outcome->error, ERROR_OVERLOADED);
    service->bus = stuck;
    WAIT_FOR(fixture, outcome->times == calls);
    assert_int_equal(outcome->error, OK);
    free(large);
}

static void destroying_sends_and_fails_what_is_left(void **state)
{
    struct fixture *fixture = *state;
    struct service *service = start_and_connect(fixture, A);
    struct outcome *outcome = new_outcome(fixture);
    call(fixture, A, outcome);
    bus_destroy(&fixture->client);
    assert_null(fixture->client);
    assert_int_equal(outcome->times, 1);
    assert_int_equal(outcome->error, ERROR_UNAVAILABLE);
    WAIT_FOR(fixture, service->calls == 1);
    WAIT_FOR(fixture, (bus_answer(service->bus, &service->held[0], &(struct bus_reply){.error = OK}),
                       bus_stats(service->bus).peer_gone > 0));
}

/* ---- services that die ---- */

/* What the child does (main): binds, tells by a byte that it listens, answers or holds, and tells of each call it
 * holds. */
static void start_child(struct fixture *fixture, const char *mode)
{
    int pipe_fds[2];
    char byte;
    assert_int_equal(pipe(pipe_fds), 0);
    fixture->child = fork();
    assert_true(fixture->child != -1);
    if (fixture->child == 0) {
        dup2(pipe_fds[1], STDOUT_FILENO);
        execl("/proc/self/exe", "unit_bus", mode, fixture->services[A].address, (char *)NULL);
        _exit(127);
    }
    close(pipe_fds[1]);
    assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
    close(pipe_fds[0]);
}

static int be_child(const char *mode, const char *address)
{
    struct service *service = calloc(1, sizeof *service);
    struct fixture fixture = {.services = {{0}}};
    service->bus = bus_new();
    service->is_holding = strcmp(mode, "hold") == 0;
    if (bus_bind(service->bus, address, on_call, service) != OK || write(STDOUT_FILENO, "!", 1) != 1)
        return 1;
    fixture.services[A].bus = service->bus;
    for (int64_t until_ms = clock_now_ms() + 3 * PATIENCE_MS; clock_now_ms() < until_ms;) {
        turn(&fixture);
        wait_until(&fixture, until_ms);
    }
    return 0;
}

static void a_killed_service_fails_its_calls_at_once(void **state)
{
    struct fixture *fixture = *state;
    start_child(fixture, "hold");
    connect_client(fixture, A, fixture->services[A].address);
    struct outcome *outcome = new_outcome(fixture);
    for (int i = 0; i < 100; i++)
        call(fixture, A, outcome);
    WAIT_FOR(fixture, bus_stats(fixture->client).batches_sent == 1);
    call(fixture, A, outcome); /* on the batch when the connection goes */
    int64_t killed_ms = clock_now_ms();
    kill_child(fixture);
    WAIT_FOR(fixture, outcome->times == 101);
    assert_int_equal(outcome->error, ERROR_UNAVAILABLE);
    assert_in_range(clock_now_ms() - killed_ms, 0, 1000);
    assert_false(bus_is_connected(fixture->client, A));
    assert_int_equal(call_with(fixture, A, STR("\x01"), LONG_MS, outcome, NULL), ERROR_UNAVAILABLE);
    assert_int_equal(bus_stats(fixture->client).lost_endpoints, 1);
    assert_int_equal(bus_stats(fixture->client).pending, 0);
}

static void a_service_that_comes_back_is_found(void **state)
{
    struct fixture *fixture = *state;
    start_child(fixture, "answer");
    connect_client(fixture, A, fixture->services[A].address);
    struct outcome *outcome = new_outcome(fixture);
    for (size_t round = 1; round <= 3; round++) {
        call(fixture, A, outcome);
        WAIT_FOR(fixture, outcome->times == round);
        assert_int_equal(outcome->error, OK);
        kill_child(fixture); /* its socket file stays behind */
        WAIT_FOR(fixture, !bus_is_connected(fixture->client, A));
        start_child(fixture, "answer");
        int64_t back_ms = clock_now_ms();
        WAIT_FOR(fixture, bus_is_connected(fixture->client, A));
        assert_in_range(clock_now_ms() - back_ms, 0, 1500);
    }
}

static void a_service_that_left_while_nobody_looked_fails_its_calls(void **state)
{
    struct fixture *fixture = *state;
    start_child(fixture, "hold");
    connect_client(fixture, A, fixture->services[A].address);
    struct outcome *outcome = new_outcome(fixture);
    call(fixture, A, outcome);
    WAIT_FOR(fixture, bus_stats(fixture->client).batches_sent == 1);
    kill_child(fixture);
    start_child(fixture, "hold");
    struct bus *client = fixture->client;
    fixture->client = bus_new(); /* another one sees the new service: by then the first has seen both changes */
    connect_client(fixture, A, fixture->services[A].address);
    bus_destroy(&fixture->client);
    fixture->client = client;
    WAIT_FOR(fixture, outcome->times == 1);
    assert_int_equal(outcome->error, ERROR_UNAVAILABLE);
    WAIT_FOR(fixture, bus_is_connected(fixture->client, A));
}

static void calls_spread_over_endpoints_and_leave_those_that_die(void **state)
{
    struct fixture *fixture = *state;
    struct service *a = start_service(fixture, A), *b = start_service(fixture, B);
    char both[300];
    snprintf(both, sizeof both, "%s, %s", a->address, b->address);
    a->is_holding = b->is_holding = true;
    assert_int_equal(bus_connect(fixture->client, A, both), OK);
    struct outcome *probes = new_outcome(fixture);
    /* Both are connected once calls reach both. */
    WAIT_FOR(fixture, (bus_is_connected(fixture->client, A) &&
                       call_with(fixture, A, STR("\x01"), 1, probes, NULL) == OK && a->calls > 0 && b->calls > 0));
    WAIT_FOR(fixture, bus_stats(fixture->client).pending == 0);
    size_t a_before = a->calls, b_before = b->calls;
    struct outcome *outcome = new_outcome(fixture);
    for (int i = 0; i < 10; i++)
        call(fixture, A, outcome);
    WAIT_FOR(fixture, a->calls + b->calls >= a_before + b_before + 10);
    assert_int_equal(a->calls - a_before, 5);
    assert_int_equal(b->calls - b_before, 5);
    bus_destroy(&a->bus);
    WAIT_FOR(fixture, outcome->times == 5);
    assert_int_equal(outcome->error, ERROR_UNAVAILABLE);
    b_before = b->calls;
    for (int i = 0; i < 10; i++)
        call(fixture, A, outcome);
    WAIT_FOR(fixture, b->calls >= b_before + 10);
    assert_int_equal(outcome->times, 5);
    assert_true(bus_is_connected(fixture->client, A));
}

static void the_least_busy_endpoint_is_asked(void **state)
{
    struct fixture *fixture = *state;
    struct service *a = start_service(fixture, A), *b = start_service(fixture, B);
    char both[300];
    snprintf(both, sizeof both, "%s,%s", a->address, b->address);
    assert_int_equal(bus_connect(fixture->client, A, both), OK);
    struct outcome *outcome = new_outcome(fixture);
    WAIT_FOR(fixture,
             (bus_is_connected(fixture->client, A) &&
              call_with(fixture, A, STR("\x01"), LONG_MS, outcome, NULL) == OK && a->calls > 0 && b->calls > 0));
    WAIT_FOR(fixture, bus_stats(fixture->client).pending == 0);
    a->is_holding = true;
    size_t held = a->calls;
    for (int i = 0; i < 40; i++) { /* one at a time: soon A holds one, and B is free whenever the next is made */
        call(fixture, A, outcome);
        WAIT_FOR(fixture, bus_stats(fixture->client).pending == a->calls - held);
    }
    assert_int_equal(a->calls - held, 1);
}

/* ---- what no bus would say ---- */

static void send_frames(zsock_t *socket, const struct str *frames, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_true(zmq_send(zsock_resolve(socket), frames[i].ptr, frames[i].len, i + 1 < count ? ZMQ_SNDMORE : 0) !=
                    -1);
}

static void garbage_from_callers_is_counted_and_dropped(void **state)
{
    struct fixture *fixture = *state;
    struct service *service = start_and_connect(fixture, A);
    zsock_t *raw = zsock_new(ZMQ_DEALER);
    assert_int_equal(zsock_connect(raw, "%s", service->address), 0);
    static const struct str garbage[] = {
        {"", 0},
        {"\x01", 1},
        {"\x02\x96\x05", 3},
        {"GET / HTTP/1.1\r\n\r\n", 18},
        {"\x01\x96\x05\xA1m", 5},
        {"\x01\xDD\xFF\xFF\xFF\xFF", 6},
        {"\x01\x96\x05\xA1m\x01\xC0\x92\xA0\xC0\xC6\xFF\xFF\xFF\xFF", 15},
    };
    size_t sent = sizeof garbage / sizeof *garbage;
    for (size_t i = 0; i < sent; i++)
        send_frames(raw, &garbage[i], 1);
    send_frames(raw, garbage, 3);
    sent++;
    WAIT_FOR(fixture, bus_stats(service->bus).garbage == sent);
    struct str *many = calloc(200000, sizeof *many);
    for (size_t i = 0; i < 200000; i++)
        many[i] = STR("x");
    send_frames(raw, many, 200000);
    free(many);
    struct outcome *outcome = new_outcome(fixture);
    call(fixture, A, outcome);
    WAIT_FOR(fixture, outcome->times == 1 && bus_stats(service->bus).garbage == sent + 1);
    assert_int_equal(outcome->error, OK);
    /* After all that, a call of the raw socket's own is answered: nothing is out of step. */
    send_frames(raw, &STR("\x01\x96\x05\xA1m\x0A\xC0\x92\xA0\xC0\xC0"), 1);
    WAIT_FOR(fixture, service->calls == 2);
    bus_turn(service->bus);
    char reply[32];
    assert_int_equal(zmq_recv(zsock_resolve(raw), reply, sizeof reply, 0), 6);
    assert_memory_equal(reply, "\x01\x94\x05\xC0\xC0\x00", 6);
    zsock_destroy(&raw);
}

static void the_good_calls_before_garbage_stand(void **state)
{
    struct fixture *fixture = *state;
    struct service *service = start_and_connect(fixture, A);
    zsock_t *raw = zsock_new(ZMQ_DEALER);
    assert_int_equal(zsock_connect(raw, "%s", service->address), 0);
#define CALL(id) "\x96" id "\xA1m\x0A\xC0\x92\xA0\xC0\xC0"
    send_frames(raw, &STR("\x01" CALL("\x05") CALL("\x06") "\x95\x07\xA1m\x0A\xC0\x92\xA0\xC0" CALL("\x08")), 1);
    WAIT_FOR(fixture, bus_stats(service->bus).garbage == 1);
    assert_int_equal(service->calls, 2);
    zsock_destroy(&raw);
}

/* A raw ROUTER in the service's place: takes one call of the client, and gives its sender's name and its id. */
static zsock_t *fake_service(struct fixture *fixture, struct outcome *outcome, struct str *peer, char name[16],
                             uint64_t *id)
{
    zsock_t *raw = zsock_new(ZMQ_ROUTER);
    assert_int_equal(zmq_bind(zsock_resolve(raw), fixture->services[A].address), 0);
    connect_client(fixture, A, fixture->services[A].address);
    call(fixture, A, outcome);
    WAIT_FOR(fixture, bus_stats(fixture->client).batches_sent == 1);
    char batch[256];
    int len = zmq_recv(zsock_resolve(raw), name, 16, 0),
        batch_len = zmq_recv(zsock_resolve(raw), batch, sizeof batch, 0);
    struct pack_reader reader;
    struct bus_incoming incoming;
    int64_t left_ms;
    assert_true(envelope_open((struct str){batch, (size_t)batch_len}, &reader));
    assert_true(envelope_read_call(&reader, &incoming, &left_ms));
    *peer = (struct str){name, (size_t)len};
    *id = incoming.origin.id;
    return raw;
}

static void garbage_from_a_service_is_counted_and_dropped(void **state)
{
    struct fixture *fixture = *state;
    struct outcome *outcome = new_outcome(fixture);
    struct str peer;
    char name[16];
    uint64_t id;
    zsock_t *raw = fake_service(fixture, outcome, &peer, name, &id);
    static const struct str garbage[] = {
        {"", 0},
        {"\x01", 1},
        {"\x02\x94\x05\xC0\xC0\x00", 6},
        {"\x01\x93\x05\xC0\xC0", 5},
        {"\x01\xDD\xFF\xFF\xFF\xFF\x01", 7},
    };
    size_t sent = sizeof garbage / sizeof *garbage;
    for (size_t i = 0; i < sent; i++)
        send_frames(raw, (const struct str[]){peer, garbage[i]}, 2);
    send_frames(raw, (const struct str[]){peer, STR("\x01"), STR("\x01"), STR("\x01")}, 4);
    WAIT_FOR(fixture, bus_stats(fixture->client).garbage == sent + 1);
    /* A stranger's id, one of a slot that was never used, then the good one, twice, then garbage. */
    struct buffer batch = {0};
    envelope_write_reply(&batch, id + BUS_MAX_PENDING, &(struct bus_reply){.error = OK});
    envelope_write_reply(&batch, INT64_MAX, &(struct bus_reply){.error = OK});
    envelope_write_reply(&batch, id, &(struct bus_reply){.body = STR("\x05")});
    envelope_write_reply(&batch, id, &(struct bus_reply){.body = STR("\x06")});
    buffer_append_char(&batch, '\xC1');
    send_frames(raw, (const struct str[]){peer, buffer_str(&batch)}, 2);
    buffer_free(&batch);
    WAIT_FOR(fixture, bus_stats(fixture->client).garbage == sent + 2);
    assert_int_equal(outcome->times, 1);
    assert_int_equal(outcome->body[0], 5);
    assert_int_equal(bus_stats(fixture->client).late_replies, 3);
    zsock_destroy(&raw);
}

static void a_reply_from_another_endpoint_finds_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct service *a = start_and_connect(fixture, A), *b = start_and_connect(fixture, B);
    struct outcome *of_a = new_outcome(fixture), *of_b = new_outcome(fixture);
    a->is_holding = b->is_holding = true;
    call(fixture, A, of_a);
    call(fixture, B, of_b);
    WAIT_FOR(fixture, a->calls == 1 && b->calls == 1);
    struct bus_origin forged = b->held[0];
    forged.id = a->held[0].id;
    bus_answer(b->bus, &forged, &(struct bus_reply){.body = STR("\x66")});
    WAIT_FOR(fixture, bus_stats(fixture->client).late_replies == 1);
    assert_int_equal(of_a->times, 0);
    bus_answer(a->bus, &a->held[0], &(struct bus_reply){.body = STR("\x01")});
    WAIT_FOR(fixture, of_a->times == 1);
    assert_int_equal(of_a->body[0], 1);
}

/* libzmq itself never reconnects after a frame above the limit. */
static void a_connection_that_broke_the_protocol_is_begun_anew(void **state)
{
    struct fixture *fixture = *state;
    struct outcome *outcome = new_outcome(fixture);
    struct str peer;
    char name[16];
    uint64_t id;
    zsock_t *raw = fake_service(fixture, outcome, &peer, name, &id);
    char *huge = calloc(1, 18 << 20);
    send_frames(raw, (const struct str[]){peer, {huge, 18 << 20}}, 2);
    free(huge);
    WAIT_FOR(fixture, outcome->times == 1);
    assert_int_equal(outcome->error, ERROR_UNAVAILABLE);
    zsock_destroy(&raw);
    /* Its listener lets go of the path in libzmq's own time. */
    struct service *service = &fixture->services[A];
    service->bus = bus_new();
    WAIT_FOR(fixture, bus_bind(service->bus, service->address, on_call, service) == OK);
    WAIT_FOR(fixture, bus_is_connected(fixture->client, A));
    call(fixture, A, outcome);
    WAIT_FOR(fixture, outcome->times == 2);
    assert_int_equal(outcome->error, OK);
}

/* ---- addresses ---- */

static void addresses_are_checked(void **state)
{
    struct fixture *fixture = *state;
    static const char *const wrong[] = {"", ",", "nonsense", "inproc://x", "ipc://", "tcp://", "tcp://127.0.0.1"};
    static const char *const wrong_lists[] = {"ipc:///tmp/a,,ipc:///tmp/b", "ipc:///tmp/a,",
                                              "ipc:///tmp/a ipc:///tmp/b", "ipc:///tmp/a,nonsense"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(bus_connect(fixture->client, A, wrong[i]), ERROR_MALFORMED);
        assert_int_equal(bus_bind(fixture->client, wrong[i], on_call, NULL), ERROR_MALFORMED);
    }
    for (size_t i = 0; i < sizeof wrong_lists / sizeof *wrong_lists; i++)
        assert_int_equal(bus_connect(fixture->client, A, wrong_lists[i]), ERROR_MALFORMED);
    assert_int_equal(bus_descriptors(fixture->client, NULL, 0), 0);
}

static void an_address_in_use_is_not_taken_over(void **state)
{
    struct fixture *fixture = *state;
    struct service *service = start_and_connect(fixture, A);
    struct bus *second = bus_new();
    assert_int_equal(bus_bind(second, service->address, on_call, service), ERROR_MALFORMED);
    bus_destroy(&second);
    struct outcome *outcome = new_outcome(fixture);
    call(fixture, A, outcome);
    WAIT_FOR(fixture, outcome->times == 1);
    assert_int_equal(outcome->error, OK);
}

static void it_works_over_tcp_too(void **state)
{
    struct fixture *fixture = *state;
    struct service *service = &fixture->services[A];
    service->bus = bus_new();
    enum error error = ERROR_MALFORMED;
    for (int port = 20000 + getpid() % 20000, tries = 0; error != OK && tries < 100; tries++, port++) {
        snprintf(service->address, sizeof service->address, "tcp://127.0.0.1:%d", port);
        error = bus_bind(service->bus, service->address, on_call, service);
    }
    connect_client(fixture, A, service->address);
    struct outcome *outcome = new_outcome(fixture);
    call(fixture, A, outcome);
    WAIT_FOR(fixture, outcome->times == 1);
    assert_int_equal(outcome->error, OK);
}

static void a_bus_at_rest_waits_for_ever(void **state)
{
    struct fixture *fixture = *state;
    start_and_connect(fixture, A);
    WAIT_FOR(fixture, bus_wait_ms(fixture->client) == -1);
    assert_false(bus_turn(fixture->client));
    int fds[BUS_MAX_DESCRIPTORS];
    assert_int_equal(bus_descriptors(fixture->client, fds, BUS_MAX_DESCRIPTORS), 2);
    struct outcome *outcome = new_outcome(fixture);
    call(fixture, A, outcome);
    assert_int_equal(bus_wait_ms(fixture->client), 0);
    bus_turn(fixture->client);
    assert_in_range(bus_wait_ms(fixture->client), 1, LONG_MS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    if (argc == 3)
        return be_child(argv[1], argv[2]);
    zsys_handler_set(NULL);
    const struct CMUnitTest tests[] = {
        TEST(a_call_goes_there_and_its_reply_comes_back),
        TEST(calls_of_a_turn_share_a_batch),
        TEST(a_large_batch_leaves_in_parts),
        TEST(what_is_too_large_is_refused),
        TEST(a_callback_may_call_again),
        TEST(a_cancelled_call_is_forgotten),
        TEST(a_callback_may_cancel_the_next),
        TEST(a_call_ends_at_its_deadline_and_its_late_reply_finds_nothing),
        TEST(a_second_reply_finds_nothing),
        TEST(a_call_without_time_left_is_not_handled),
        TEST(a_service_that_is_not_there_is_unavailable_at_once),
        TEST(too_many_calls_are_refused),
        TEST(a_service_that_does_not_read_overloads),
        TEST(destroying_sends_and_fails_what_is_left),
        TEST(a_killed_service_fails_its_calls_at_once),
        TEST(a_service_that_comes_back_is_found),
        TEST(a_service_that_left_while_nobody_looked_fails_its_calls),
        TEST(calls_spread_over_endpoints_and_leave_those_that_die),
        TEST(the_least_busy_endpoint_is_asked),
        TEST(garbage_from_callers_is_counted_and_dropped),
        TEST(the_good_calls_before_garbage_stand),
        TEST(garbage_from_a_service_is_counted_and_dropped),
        TEST(a_reply_from_another_endpoint_finds_nothing),
        TEST(a_connection_that_broke_the_protocol_is_begun_anew),
        TEST(addresses_are_checked),
        TEST(an_address_in_use_is_not_taken_over),
        TEST(it_works_over_tcp_too),
        TEST(a_bus_at_rest_waits_for_ever),
    };
    return cmocka_run_group_tests_name("bus", tests, NULL, NULL);
}
