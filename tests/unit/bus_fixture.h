/* What the tests of the bus share: buses turned in one thread by poll(), services that answer or hold their calls, and
 * services to be killed, in processes of their own (the test's program again, with arguments). */
#ifndef TESTS_UNIT_BUS_FIXTURE_H
#define TESTS_UNIT_BUS_FIXTURE_H

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "common/buffer.h"
#include "common/bus.h"
#include "common/clock.h"
#include "common/envelope.h"
#include "common/wire_keys.h"
#include "tests/support/cmocka.h"

enum { PATIENCE_MS = 20000, LONG_MS = 60000, MAX_HELD = 20000, A = 0, B = 1 };

/* ---- a service: a bus that answers at once, or holds calls until the test answers them ---- */

struct service {
    struct bus *bus;
    char address[128];
    bool is_holding, is_refusing;
    enum error fails; /* OK = it answers */
    size_t calls;
    struct bus_origin held[MAX_HELD];
    struct bus_incoming last;
    char last_peer[WIRE_NAME_MAX + 1];
};

static inline void on_call(void *context, const struct bus_incoming *incoming)
{
    struct service *service = context;
    assert_true(service->calls < MAX_HELD);
    service->held[service->calls++] = incoming->origin;
    service->last = *incoming;
    snprintf(service->last_peer, sizeof service->last_peer, "%.*s", STR_ARGS(incoming->peer));
    if (service->is_refusing)
        bus_refuse(service->bus, &incoming->origin);
    else if (!service->is_holding)
        bus_answer(service->bus, &incoming->origin,
                   &(struct bus_reply){.error = service->fails, .body = incoming->arguments});
}

/* ---- the test's own buses ---- */

struct outcome {
    size_t times, failures;
    enum error error;
    char body[64];
    size_t body_len;
    struct rate rate;
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

static inline struct outcome *new_outcome(struct fixture *fixture)
{
    assert_true(fixture->outcome_count < sizeof fixture->outcomes / sizeof *fixture->outcomes);
    return &fixture->outcomes[fixture->outcome_count++];
}

static inline void on_reply(void *context, const struct bus_reply *reply)
{
    struct outcome *outcome = context;
    outcome->times++;
    outcome->failures += reply->error != OK;
    outcome->error = reply->error;
    outcome->body_len = reply->body.len;
    outcome->rate = reply->rate;
    if (reply->body.len <= sizeof outcome->body)
        memcpy(outcome->body, reply->body.ptr, reply->body.len);
    outcome->at_ms = clock_now_ms();
}

static inline struct bus *bus_of(struct fixture *fixture, size_t which)
{
    return which < 2 ? fixture->services[which].bus : fixture->client;
}

static inline void turn(struct fixture *fixture)
{
    for (size_t i = 0; i < 3; i++)
        if (bus_of(fixture, i) != NULL && bus_turn(bus_of(fixture, i)))
            assert_int_equal(bus_wait_ms(bus_of(fixture, i)), 0);
}

/* Waits as a loop would: for the descriptors, as long as the buses say. An edge that one of them missed is a wait too
 * long. */
static inline void wait_until(struct fixture *fixture, int64_t until_ms)
{
    struct pollfd polled[3];
    nfds_t count = 0;
    int64_t wait_ms = until_ms - clock_now_ms();
    for (size_t i = 0; i < 3; i++) {
        struct bus *bus = bus_of(fixture, i);
        if (bus == NULL)
            continue;
        if (bus_wait_ms(bus) != -1 && bus_wait_ms(bus) < wait_ms)
            wait_ms = bus_wait_ms(bus);
        polled[count++] = (struct pollfd){.fd = bus_descriptor(bus), .events = POLLIN};
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

static inline int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/unit_bus.XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    fixture->client = bus_new(NULL);
    for (size_t i = 0; i < 2; i++)
        snprintf(fixture->services[i].address, sizeof fixture->services[i].address, "ipc://%s/%c", fixture->folder,
                 (char)('a' + i));
    *state = fixture;
    return 0;
}

static inline void kill_child(struct fixture *fixture)
{
    kill(fixture->child, SIGKILL);
    assert_int_equal(waitpid(fixture->child, NULL, 0), fixture->child);
    fixture->child = 0;
}

static inline int teardown(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->child != 0)
        kill_child(fixture);
    bus_destroy(&fixture->client);
    for (size_t i = 0; i < 2; i++) {
        bus_destroy(&fixture->services[i].bus);
        (void)unlink(fixture->services[i].address + strlen("ipc://"));
    }
    /* libzmq's thread unlinks the socket files in its own time. */
    for (int64_t until_ms = clock_now_ms() + PATIENCE_MS; rmdir(fixture->folder) != 0 && errno == ENOTEMPTY;)
        assert_true(clock_now_ms() < until_ms);
    free(fixture);
    return 0;
}

static inline struct service *start_service(struct fixture *fixture, size_t which)
{
    struct service *service = &fixture->services[which];
    service->bus = bus_new(NULL);
    assert_int_equal(bus_bind(service->bus, service->address, on_call, service), OK);
    return service;
}

static inline void connect_client(struct fixture *fixture, unsigned target, const char *endpoints)
{
    assert_int_equal(bus_connect(fixture->client, target, "test", endpoints), OK);
    WAIT_FOR(fixture, bus_is_connected(fixture->client, target));
}

static inline struct service *start_and_connect(struct fixture *fixture, size_t which)
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
                                        .client = {.address = STR("192.0.2.1")},
                                        .request_id = STR("r-1"),
                                        .arguments = arguments,
                                        .timeout_ms = timeout_ms};
    return bus_call(fixture->client, target, &request, on_reply, outcome, id);
}

static inline void call(struct fixture *fixture, unsigned target, struct outcome *outcome)
{
    assert_int_equal(call_with(fixture, target, STR("\x2A"), LONG_MS, outcome, NULL), OK);
}

/* Connects target A to both services, and waits until both have been called. */
static inline void connect_both(struct fixture *fixture)
{
    start_service(fixture, A);
    start_service(fixture, B);
    char both[300];
    snprintf(both, sizeof both, "%s,%s", fixture->services[A].address, fixture->services[B].address);
    connect_client(fixture, A, both);
    struct outcome *outcome = new_outcome(fixture);
    for (size_t calls = 1; fixture->services[A].calls == 0 || fixture->services[B].calls == 0; calls++) {
        call(fixture, A, outcome);
        WAIT_FOR(fixture, outcome->times == calls);
    }
    fixture->services[A].calls = fixture->services[B].calls = 0;
}

/* What the child does (main): binds, tells by a byte that it listens, answers or holds, and tells of each call it
 * holds. */
static inline void start_child(struct fixture *fixture, const char *mode)
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

static inline int be_child(const char *mode, const char *address)
{
    struct service *service = calloc(1, sizeof *service);
    struct fixture fixture = {.services = {{0}}};
    service->bus = bus_new(NULL);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
