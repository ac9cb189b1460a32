/* The bus and services that die, come back, or share their work. */
#include "tests/unit/bus_fixture.h"

static void a_killed_service_fails_its_calls_at_once(void **state)
{
    struct fixture *fixture = *state;
    start_child(fixture, "hold");
    connect_client(fixture, A, fixture->services[A].address);
    struct outcome *outcome = new_outcome(fixture);
    for (int i = 0; i < 50; i++)
        call(fixture, A, outcome);
    WAIT_FOR(fixture, bus_stats(fixture->client)->batches_sent == 1);
    call(fixture, A, outcome); /* on the batch when the connection goes */
    int64_t killed_ms = clock_now_ms();
    kill_child(fixture);
    WAIT_FOR(fixture, outcome->times == 51);
    assert_int_equal(outcome->error, ERROR_UNAVAILABLE);
    assert_in_range(clock_now_ms() - killed_ms, 0, 1000);
    assert_false(bus_is_connected(fixture->client, A));
    assert_int_equal(call_with(fixture, A, STR("\x01"), LONG_MS, outcome, NULL), ERROR_UNAVAILABLE);
    assert_int_equal(bus_stats(fixture->client)->lost_endpoints, 1);
    assert_int_equal(bus_stats(fixture->client)->pending, 0);
}

static void a_service_that_retires_gets_no_more_calls(void **state)
{
    enum { CALLS = 20 };
    struct fixture *fixture = *state;
    struct service *leaving = &fixture->services[A], *staying = &fixture->services[B];
    connect_both(fixture);
    leaving->is_holding = true;
    struct outcome *outcome = new_outcome(fixture);
    for (size_t i = 0; i < CALLS; i++)
        call(fixture, A, outcome);
    WAIT_FOR(fixture, leaving->calls == CALLS / 2 && bus_stats(fixture->client)->pending == CALLS / 2);
    uint64_t heard = bus_stats(fixture->client)->batches_received;
    bus_retire(leaving->bus);
    WAIT_FOR(fixture, bus_stats(fixture->client)->batches_received == heard + 1);
    for (size_t i = 0; i < 2 * CALLS; i++) /* more than would even out what is pending */
        call(fixture, A, outcome);
    WAIT_FOR(fixture, bus_stats(fixture->client)->pending == CALLS / 2);
    assert_int_equal(leaving->calls, CALLS / 2);
    assert_int_equal(staying->calls, CALLS / 2 + 2 * CALLS);
    for (size_t i = 0; i < leaving->calls; i++) /* what it has, it answers */
        bus_answer(leaving->bus, &leaving->held[i], &(struct bus_reply){.body = STR("\x2A")});
    WAIT_FOR(fixture, outcome->times == 3 * CALLS);
    assert_int_equal(outcome->error, OK);
}

static void who_never_called_hears_too_that_a_service_retires(void **state)
{
    struct fixture *fixture = *state;
    struct service *service = start_and_connect(fixture, A);
    bus_retire(service->bus);
    WAIT_FOR(fixture, !bus_is_connected(fixture->client, A));
    struct outcome *outcome = new_outcome(fixture); /* there is no other to be asked */
    call(fixture, A, outcome);
    WAIT_FOR(fixture, outcome->times == 1);
    assert_int_equal(outcome->error, OK);
}

/* Both were sent before the service was kept from its loop: one of them nobody waits for any more. */
static void what_waited_too_long_is_not_begun(void **state)
{
    enum { SHORT_MS = 700, STOPPED_MS = 900 };
    struct fixture *fixture = *state;
    struct service *service = start_and_connect(fixture, A);
    struct outcome *short_one = new_outcome(fixture), *long_one = new_outcome(fixture);
    turn(fixture);
    assert_int_equal(call_with(fixture, A, STR("\x01"), SHORT_MS, short_one, NULL), OK);
    assert_int_equal(call_with(fixture, A, STR("\x02"), LONG_MS, long_one, NULL), OK);
    bus_turn(fixture->client);
    usleep(STOPPED_MS * 1000);
    int64_t now_ms = clock_now_ms();
    WAIT_FOR(fixture, long_one->times == 1 && short_one->times == 1);
    assert_int_equal(service->calls, 1);
    assert_int_equal(bus_stats(service->bus)->expired, 1);
    assert_int_equal(long_one->error, OK);
    assert_in_range(service->last.deadline_ms, now_ms, now_ms + LONG_MS - SHORT_MS);
    assert_true(short_one->error == ERROR_OVERLOADED || short_one->error == ERROR_TIMEOUT);
}

/* More came than it had room for, and who sent it is gone: libzmq must not end the process for it (common/wire.c). */
static void a_service_that_stood_still_goes_on(void **state)
{
    enum { MANY = 4000, STOOD_MS = 2500 };
    struct fixture *fixture = *state;
    struct service *service = start_and_connect(fixture, A);
    struct outcome *outcome = new_outcome(fixture);
    for (int i = 0; i < MANY; i++) { /* each in a batch of its own */
        call(fixture, A, outcome);
        bus_turn(fixture->client);
    }
    bus_destroy(&fixture->client);
    poll(NULL, 0, STOOD_MS);
    fixture->client = bus_new(NULL);
    connect_client(fixture, A, service->address);
    size_t calls = service->calls;
    outcome = new_outcome(fixture);
    call(fixture, A, outcome);
    WAIT_FOR(fixture, outcome->times == 1);
    assert_int_equal(outcome->error, OK);
    assert_true(calls > 0);
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
    WAIT_FOR(fixture, bus_stats(fixture->client)->batches_sent == 1);
    kill_child(fixture);
    start_child(fixture, "hold");
    struct bus *client = fixture->client;
    fixture->client = bus_new(NULL); /* another one sees the new service: by then the first has seen both changes */
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
    struct service *a = &fixture->services[A], *b = &fixture->services[B];
    connect_both(fixture);
    a->is_holding = b->is_holding = true;
    struct outcome *outcome = new_outcome(fixture);
    for (int i = 0; i < 10; i++)
        call(fixture, A, outcome);
    WAIT_FOR(fixture, a->calls + b->calls >= 10);
    assert_int_equal(a->calls, 5);
    assert_int_equal(b->calls, 5);
    bus_destroy(&a->bus);
    WAIT_FOR(fixture, outcome->times == 5);
    assert_int_equal(outcome->error, ERROR_UNAVAILABLE);
    for (int i = 0; i < 10; i++)
        call(fixture, A, outcome);
    WAIT_FOR(fixture, b->calls == 15);
    assert_int_equal(outcome->times, 5);
    assert_true(bus_is_connected(fixture->client, A));
}

static void the_least_busy_endpoint_is_asked(void **state)
{
    struct fixture *fixture = *state;
    struct service *a = start_service(fixture, A), *b = start_service(fixture, B);
    char both[300];
    snprintf(both, sizeof both, "%s,%s", a->address, b->address);
    assert_int_equal(bus_connect(fixture->client, A, "test", both), OK);
    struct outcome *outcome = new_outcome(fixture);
    WAIT_FOR(fixture,
             (bus_is_connected(fixture->client, A) &&
              call_with(fixture, A, STR("\x01"), LONG_MS, outcome, NULL) == OK && a->calls > 0 && b->calls > 0));
    WAIT_FOR(fixture, bus_stats(fixture->client)->pending == 0);
    a->is_holding = true;
    size_t held = a->calls;
    for (int i = 0; i < 40; i++) { /* one at a time: soon A holds one, and B is free whenever the next is made */
        call(fixture, A, outcome);
        WAIT_FOR(fixture, bus_stats(fixture->client)->pending == a->calls - held);
    }
    assert_int_equal(a->calls - held, 1);
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return be_child(argv[1], argv[2]);
    const struct CMUnitTest tests[] = {
        TEST(a_killed_service_fails_its_calls_at_once),
        TEST(a_service_that_retires_gets_no_more_calls),
        TEST(who_never_called_hears_too_that_a_service_retires),
        TEST(what_waited_too_long_is_not_begun),
        TEST(a_service_that_stood_still_goes_on),
        TEST(a_service_that_comes_back_is_found),
        TEST(a_service_that_left_while_nobody_looked_fails_its_calls),
        TEST(calls_spread_over_endpoints_and_leave_those_that_die),
        TEST(the_least_busy_endpoint_is_asked),
    };
    return cmocka_run_group_tests_name("bus_faults", tests, NULL, NULL);
}
