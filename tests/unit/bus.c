/* The bus over real sockets: calls, batches, deadlines, limits and addresses. */
#include "tests/unit/bus_fixture.h"

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
                                   .next_after = 3,
                                   .rate = {10, 9, 60}};
    bus_answer(service->bus, &service->held[0], &full);
    WAIT_FOR(fixture, outcome->times == 1);
    assert_int_equal(outcome->error, ERROR_ROOM_FULL);
    assert_int_equal(outcome->rate.remaining, 9);
    assert_int_equal(outcome->body_len, 5);
    assert_memory_equal(outcome->body,
                        "\xA4"
                        "full",
                        5);
    assert_int_equal(bus_stats(fixture->client)->pending, 0);
}

static void calls_of_a_turn_share_a_batch(void **state)
{
    struct fixture *fixture = *state;
    struct service *service = start_and_connect(fixture, A);
    enum { CALLS = BUS_BATCH_CALLS - 1 };
    struct outcome *outcomes = calloc(CALLS, sizeof *outcomes);
    for (size_t i = 0; i < CALLS; i++)
        assert_int_equal(call_with(fixture, A, (struct str){(const char *)&i, sizeof i}, LONG_MS, &outcomes[i], NULL),
                         OK);
    WAIT_FOR(fixture, bus_stats(fixture->client)->replies == CALLS);
    for (size_t i = 0; i < CALLS; i++) {
        assert_int_equal(outcomes[i].times, 1);
        assert_int_equal(outcomes[i].error, OK);
        assert_memory_equal(outcomes[i].body, &i, sizeof i);
    }
    assert_int_equal(bus_stats(fixture->client)->batches_sent, 1);
    assert_int_equal(bus_stats(service->bus)->batches_received, 1);
    assert_int_equal(bus_stats(service->bus)->batches_sent, 1);
    free(outcomes);
}

/* The service has begun while the caller still makes calls. */
static void many_calls_of_a_turn_leave_before_its_end(void **state)
{
    struct fixture *fixture = *state;
    struct service *service = start_and_connect(fixture, A);
    struct outcome *outcome = new_outcome(fixture);
    for (size_t i = 1; i <= 1000; i++) {
        call(fixture, A, outcome);
        assert_int_equal(bus_stats(fixture->client)->batches_sent, i / BUS_BATCH_CALLS);
    }
    WAIT_FOR(fixture, outcome->times == 1000);
    assert_int_equal(outcome->failures, 0);
    assert_int_equal(bus_stats(fixture->client)->batches_sent, 1000 / BUS_BATCH_CALLS + 1);
    assert_int_equal(bus_stats(service->bus)->batches_received, 1000 / BUS_BATCH_CALLS + 1);
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
    assert_int_equal(bus_stats(fixture->client)->batches_sent, 10);
    assert_int_equal(bus_stats(service->bus)->batches_sent, 10);
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
    struct bus_request chatty = {.method = STR("test.echo"), .client = {.agent = more}, .timeout_ms = 1};
    assert_int_equal(bus_call(fixture->client, A, &chatty, on_reply, outcome, NULL), ERROR_MALFORMED);
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
    WAIT_FOR(fixture, bus_stats(fixture->client)->replies == 200);
    assert_int_equal(bus_stats(fixture->client)->pending, 0);
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
    bus_turn(fixture->client); /* it leaves */
    bus_cancel(fixture->client, id);
    bus_cancel(fixture->client, id);
    bus_cancel(fixture->client, 0);
    bus_cancel(fixture->client, UINT64_MAX);
    assert_int_equal(bus_stats(fixture->client)->pending, 0);
    struct outcome *next = new_outcome(fixture); /* takes the same slot */
    call(fixture, A, next);
    bus_cancel(fixture->client, id);
    WAIT_FOR(fixture, next->times == 1 && bus_stats(fixture->client)->late_replies == 1);
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

static void a_call_that_is_cancelled_before_it_leaves_is_not_made(void **state)
{
    struct fixture *fixture = *state;
    struct service *service = start_and_connect(fixture, A);
    struct outcome *outcome = new_outcome(fixture), *next = new_outcome(fixture);
    for (int i = 0; i < 100; i++) {
        bus_call_id id = 0;
        assert_int_equal(call_with(fixture, A, STR("\x01"), LONG_MS, outcome, &id), OK);
        bus_cancel(fixture->client, id);
    }
    assert_int_equal(bus_wait_ms(fixture->client), -1); /* there is nothing to send */
    call(fixture, A, next);
    WAIT_FOR(fixture, next->times == 1);
    assert_int_equal(next->error, OK);
    assert_int_equal(outcome->times, 0);
    assert_int_equal(service->calls, 1);
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
    WAIT_FOR(fixture, bus_stats(fixture->client)->late_replies == 1);
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
    assert_int_equal(bus_stats(fixture->client)->timeouts, 2);
    for (size_t i = 0; i < 3; i++)
        bus_answer(service->bus, &service->held[i], &(struct bus_reply){.body = STR("\x02")});
    WAIT_FOR(fixture, patient->times == 1 && bus_stats(fixture->client)->late_replies == 2);
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
    WAIT_FOR(fixture, bus_stats(fixture->client)->late_replies == 1);
    assert_int_equal(outcome->times, 1);
    assert_int_equal(next->times, 0);
}

static void a_call_without_time_left_is_not_handled(void **state)
{
    struct fixture *fixture = *state;
    struct service *service = start_and_connect(fixture, A);
    struct outcome *outcome = new_outcome(fixture);
    assert_int_equal(call_with(fixture, A, STR("\x01"), -5, outcome, NULL), OK);
    WAIT_FOR(fixture, outcome->times == 1 && bus_stats(service->bus)->expired == 1);
    assert_int_equal(outcome->error, ERROR_TIMEOUT);
    assert_int_equal(service->calls, 0);
}

static void a_service_that_is_not_there_is_unavailable_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct outcome *outcome = new_outcome(fixture);
    assert_int_equal(call_with(fixture, A, STR("\x01"), LONG_MS, outcome, NULL), ERROR_UNAVAILABLE);
    assert_int_equal(bus_connect(fixture->client, A, "test", fixture->services[A].address), OK);
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
                       bus_stats(service->bus)->peer_gone > 0));
}

/* ---- addresses ---- */

static void addresses_are_checked(void **state)
{
    struct fixture *fixture = *state;
    static const char *const wrong[] = {"", ",", "nonsense", "inproc://x", "ipc://", "tcp://", "tcp://127.0.0.1"};
    static const char *const wrong_lists[] = {"ipc:///tmp/a,,ipc:///tmp/b", "ipc:///tmp/a,",
                                              "ipc:///tmp/a ipc:///tmp/b", "ipc:///tmp/a,nonsense"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(bus_connect(fixture->client, A, "test", wrong[i]), ERROR_MALFORMED);
        assert_int_equal(bus_bind(fixture->client, wrong[i], on_call, NULL), ERROR_MALFORMED);
    }
    for (size_t i = 0; i < sizeof wrong_lists / sizeof *wrong_lists; i++)
        assert_int_equal(bus_connect(fixture->client, A, "test", wrong_lists[i]), ERROR_MALFORMED);
    assert_int_equal(bus_connect(fixture->client, A, "test", "tcp://127.0.0.1:7001"), ERROR_MALFORMED); /* no keys */
    assert_int_equal(bus_bind(fixture->client, "tcp://127.0.0.1:7001", on_call, NULL), ERROR_MALFORMED);
    assert_false(bus_is_connected(fixture->client, A));
}

static void an_address_in_use_is_not_taken_over(void **state)
{
    struct fixture *fixture = *state;
    struct service *service = start_and_connect(fixture, A);
    struct bus *second = bus_new(NULL);
    assert_int_equal(bus_bind(second, service->address, on_call, service), ERROR_MALFORMED);
    bus_destroy(&second);
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
    struct outcome *outcome = new_outcome(fixture);
    call(fixture, A, outcome);
    assert_int_equal(bus_wait_ms(fixture->client), 0);
    bus_turn(fixture->client);
    assert_in_range(bus_wait_ms(fixture->client), 1, LONG_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_call_goes_there_and_its_reply_comes_back),
        TEST(calls_of_a_turn_share_a_batch),
        TEST(many_calls_of_a_turn_leave_before_its_end),
        TEST(a_large_batch_leaves_in_parts),
        TEST(what_is_too_large_is_refused),
        TEST(a_callback_may_call_again),
        TEST(a_cancelled_call_is_forgotten),
        TEST(a_call_that_is_cancelled_before_it_leaves_is_not_made),
        TEST(a_callback_may_cancel_the_next),
        TEST(a_call_ends_at_its_deadline_and_its_late_reply_finds_nothing),
        TEST(a_second_reply_finds_nothing),
        TEST(a_call_without_time_left_is_not_handled),
        TEST(a_service_that_is_not_there_is_unavailable_at_once),
        TEST(too_many_calls_are_refused),
        TEST(a_service_that_does_not_read_overloads),
        TEST(destroying_sends_and_fails_what_is_left),
        TEST(addresses_are_checked),
        TEST(an_address_in_use_is_not_taken_over),
        TEST(a_bus_at_rest_waits_for_ever),
    };
    return cmocka_run_group_tests_name("bus", tests, NULL, NULL);
}
