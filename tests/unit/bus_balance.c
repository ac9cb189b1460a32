/* The bus and services of several copies: which calls are made again elsewhere and which never, and how a copy that
 * fails is left alone for a while. */
#include "tests/unit/bus_fixture.h"

static enum error ask(struct fixture *fixture, bool is_repeatable, int64_t timeout_ms, struct outcome *outcome)
{
    const struct bus_request request = {.method = STR("test.echo"),
                                        .caller = {.id = 7, .role = STR("user")},
                                        .request_id = STR("r-1"),
                                        .arguments = STR("\x2A"),
                                        .timeout_ms = timeout_ms,
                                        .is_repeatable = is_repeatable};
    return bus_call(fixture->client, A, &request, on_reply, outcome, NULL);
}

/* One call after the other. */
static void ask_times(struct fixture *fixture, bool is_repeatable, size_t times, struct outcome *outcome)
{
    for (size_t i = 0; i < times; i++) {
        size_t before = outcome->times;
        assert_int_equal(ask(fixture, is_repeatable, LONG_MS, outcome), OK);
        WAIT_FOR(fixture, outcome->times == before + 1);
    }
}

/* A call every few milliseconds, whatever becomes of them, until the service has had so many. */
static void ask_until(struct fixture *fixture, struct outcome *outcome, const size_t *calls, size_t wanted)
{
    for (int64_t until_ms = clock_now_ms() + PATIENCE_MS; *calls < wanted; poll(NULL, 0, 5)) {
        assert_true(clock_now_ms() < until_ms);
        assert_int_equal(ask(fixture, true, LONG_MS, outcome), OK);
        turn(fixture);
    }
}

/* ---- what was not begun ---- */

static void a_refused_call_is_made_elsewhere_whatever_it_does(void **state)
{
    enum { CALLS = 20 };
    struct fixture *fixture = *state;
    struct service *leaving = &fixture->services[A], *staying = &fixture->services[B];
    connect_both(fixture);
    leaving->is_refusing = true;
    struct outcome *outcome = new_outcome(fixture);
    for (size_t i = 0; i < CALLS; i++)
        assert_int_equal(ask(fixture, false, LONG_MS, outcome), OK);
    WAIT_FOR(fixture, outcome->times == CALLS);
    assert_int_equal(outcome->error, OK);
    assert_int_equal(outcome->body[0], 0x2A);
    assert_int_equal(leaving->calls, CALLS / 2);
    assert_int_equal(staying->calls, CALLS);
    assert_int_equal(bus_stats(fixture->client)->moved, CALLS / 2);
    assert_int_equal(bus_stats(fixture->client)->repeated, 0);
    ask_times(fixture, false, CALLS, outcome); /* who refuses is not asked again */
    assert_int_equal(leaving->calls, CALLS / 2);
}

static void a_call_that_all_refuse_is_unavailable(void **state)
{
    struct fixture *fixture = *state;
    connect_both(fixture);
    fixture->services[A].is_refusing = fixture->services[B].is_refusing = true;
    struct outcome *outcome = new_outcome(fixture);
    ask_times(fixture, true, 1, outcome);
    assert_int_equal(outcome->error, ERROR_UNAVAILABLE);
    assert_in_range(fixture->services[A].calls + fixture->services[B].calls, 2, 5);
    assert_int_equal(bus_stats(fixture->client)->pending, 0);
}

/* A socket that takes next to nothing, and answers nothing. */
static void what_one_does_not_take_goes_to_the_other(void **state)
{
    enum { BEHIND = 8 };
    struct fixture *fixture = *state;
    struct service *other = start_service(fixture, B);
    void *context = zmq_ctx_new(), *stuck = zmq_socket(context, ZMQ_ROUTER);
    int limit = 1;
    assert_int_equal(zmq_setsockopt(stuck, ZMQ_RCVHWM, &limit, sizeof limit), 0);
    assert_int_equal(zmq_bind(stuck, fixture->services[A].address), 0);
    char both[300];
    snprintf(both, sizeof both, "%s,%s", fixture->services[A].address, other->address);
    connect_client(fixture, A, both);
    other->is_holding = true; /* so that the stuck one gets its share */
    char *large = calloc(1, 1000);
    struct outcome *outcome = new_outcome(fixture);
    size_t calls = 0;
    while (bus_stats(fixture->client)->moved == 0 && calls < BUS_MAX_PENDING) {
        assert_int_equal(call_with(fixture, A, (struct str){large, 1000}, LONG_MS, outcome, NULL), OK);
        calls++;
        WAIT_FOR(fixture, other->calls + BEHIND >= calls / 2);
    }
    free(large);
    assert_int_equal(bus_stats(fixture->client)->moved, 1);
    zmq_close(stuck);
    zmq_ctx_term(context);
    WAIT_FOR(fixture, other->calls + outcome->failures == calls);
    assert_int_equal(outcome->error, ERROR_UNAVAILABLE); /* those of the stuck one, which is lost */
    assert_int_equal(bus_stats(fixture->client)->overloaded, 0);
    for (size_t i = 0; i < other->calls; i++)
        bus_answer(other->bus, &other->held[i], &(struct bus_reply){.body = STR("\x01")});
    WAIT_FOR(fixture, outcome->times == calls);
    assert_int_equal(outcome->error, OK);
}

/* ---- what may have been begun ---- */

static void only_repeatable_calls_outlive_a_lost_copy(void **state)
{
    enum { CALLS = 10 };
    struct fixture *fixture = *state;
    struct service *leaving = &fixture->services[A], *staying = &fixture->services[B];
    connect_both(fixture);
    leaving->is_holding = true;
    struct outcome *repeatable = new_outcome(fixture), *once = new_outcome(fixture);
    for (size_t i = 0; i < CALLS; i++)
        assert_int_equal(ask(fixture, true, LONG_MS, repeatable), OK);
    for (size_t i = 0; i < CALLS; i++)
        assert_int_equal(ask(fixture, false, LONG_MS, once), OK);
    WAIT_FOR(fixture, leaving->calls == CALLS && bus_stats(fixture->client)->pending == CALLS);
    bus_destroy(&leaving->bus); /* without a word */
    WAIT_FOR(fixture, bus_stats(fixture->client)->pending == 0);
    assert_int_equal(repeatable->times, CALLS);
    assert_int_equal(repeatable->failures, 0);
    assert_int_equal(once->times, CALLS);
    assert_int_equal(once->failures, CALLS / 2);
    assert_int_equal(once->error, ERROR_UNAVAILABLE);
    assert_int_equal(staying->calls, CALLS + CALLS / 2);
    assert_int_equal(bus_stats(fixture->client)->repeated, CALLS / 2);
}

static void a_repeatable_call_is_repeated_once(void **state)
{
    struct fixture *fixture = *state;
    struct service *a = &fixture->services[A], *b = &fixture->services[B];
    connect_both(fixture);
    a->fails = b->fails = ERROR_UNAVAILABLE;
    struct outcome *outcome = new_outcome(fixture);
    ask_times(fixture, true, 1, outcome);
    assert_int_equal(outcome->error, ERROR_UNAVAILABLE);
    assert_int_equal(a->calls, 1);
    assert_int_equal(b->calls, 1);
    ask_times(fixture, false, 1, outcome);
    assert_int_equal(a->calls + b->calls, 3);
    a->fails = b->fails = ERROR_OVERLOADED; /* more calls are no help */
    ask_times(fixture, true, 1, outcome);
    assert_int_equal(outcome->error, ERROR_OVERLOADED);
    assert_int_equal(a->calls + b->calls, 4);
}

static void who_does_not_answer_in_a_third_of_the_time_is_doubted(void **state)
{
    enum { TIMEOUT_MS = 3000 };
    struct fixture *fixture = *state;
    struct service *a = &fixture->services[A], *b = &fixture->services[B];
    connect_both(fixture);
    a->is_holding = true;
    struct outcome *outcome = new_outcome(fixture);
    int64_t begun_ms = clock_now_ms();
    assert_int_equal(ask(fixture, true, TIMEOUT_MS, outcome), OK);
    assert_int_equal(ask(fixture, true, TIMEOUT_MS, outcome), OK);
    WAIT_FOR(fixture, outcome->times == 2);
    assert_int_equal(outcome->failures, 0);
    assert_int_equal(a->calls, 1);
    assert_int_equal(outcome->error, OK);
    assert_in_range(outcome->at_ms - begun_ms, TIMEOUT_MS / 3, TIMEOUT_MS);
    assert_true(b->last.deadline_ms <= begun_ms + TIMEOUT_MS + 100); /* the time that was left, not the whole again */
    bus_answer(a->bus, &a->held[0], &(struct bus_reply){.body = STR("\x01")});
    uint64_t late = bus_stats(fixture->client)->late_replies;
    WAIT_FOR(fixture, bus_stats(fixture->client)->late_replies == late + 1);
}

static void repetitions_have_a_budget(void **state)
{
    enum { CALLS = 1000, STORE = 100, SHARE = 5 };
    struct fixture *fixture = *state;
    struct service *a = &fixture->services[A], *b = &fixture->services[B];
    connect_both(fixture);
    a->fails = b->fails = ERROR_UNAVAILABLE;
    ask_times(fixture, true, CALLS, new_outcome(fixture));
    uint64_t repeated = bus_stats(fixture->client)->repeated;
    assert_in_range(repeated, STORE + CALLS / SHARE - 10, STORE + CALLS / SHARE + 10);
    assert_int_equal(a->calls + b->calls, CALLS + repeated);
}

/* ---- who is left alone ---- */

static void who_fails_in_a_row_is_put_aside_and_asked_again(void **state)
{
    struct fixture *fixture = *state;
    struct service *failing = &fixture->services[A], *other = &fixture->services[B];
    connect_both(fixture);
    failing->fails = ERROR_UNAVAILABLE;
    struct outcome *outcome = new_outcome(fixture);
    ask_times(fixture, true, 100, outcome);
    assert_int_equal(outcome->failures, 0);
    assert_int_equal(bus_stats(fixture->client)->ejections, 1);
    assert_int_equal(failing->calls, 5);
    ask_until(fixture, outcome, &failing->calls, 6);
    WAIT_FOR(fixture, bus_stats(fixture->client)->pending == 0);
    size_t failed = failing->calls;
    ask_times(fixture, true, 20, outcome); /* one failure was enough now */
    assert_int_equal(failing->calls, failed);
    assert_int_equal(bus_stats(fixture->client)->ejections, 2);
    failing->fails = OK;
    size_t before = other->calls;
    ask_until(fixture, outcome, &failing->calls, 20); /* back for good */
    WAIT_FOR(fixture, bus_stats(fixture->client)->pending == 0);
    assert_true(other->calls > before);
    assert_int_equal(outcome->failures, 0);
    assert_int_equal(bus_stats(fixture->client)->ejections, 2);
}

static void they_are_never_all_put_aside(void **state)
{
    struct fixture *fixture = *state;
    struct service *a = &fixture->services[A], *b = &fixture->services[B];
    connect_both(fixture);
    a->fails = b->fails = ERROR_UNAVAILABLE;
    struct outcome *outcome = new_outcome(fixture);
    ask_times(fixture, false, 50, outcome);
    assert_int_equal(a->calls + b->calls, 50);
    assert_in_range(bus_stats(fixture->client)->ejections, 1, 2);
    a->fails = b->fails = OK;
    ask_times(fixture, false, 10, outcome);
    assert_int_equal(outcome->error, OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_refused_call_is_made_elsewhere_whatever_it_does),
        TEST(a_call_that_all_refuse_is_unavailable),
        TEST(what_one_does_not_take_goes_to_the_other),
        TEST(only_repeatable_calls_outlive_a_lost_copy),
        TEST(a_repeatable_call_is_repeated_once),
        TEST(who_does_not_answer_in_a_third_of_the_time_is_doubted),
        TEST(repetitions_have_a_budget),
        TEST(who_fails_in_a_row_is_put_aside_and_asked_again),
        TEST(they_are_never_all_put_aside),
    };
    return cmocka_run_group_tests_name("bus_balance", tests, NULL, NULL);
}
