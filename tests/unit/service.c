/* The frame: a call's way through a service and back. */
#include "tests/unit/service_fixture.h"

static void test_a_call_is_answered(void **state)
{
    (void)state;
    struct reply reply = {0};
    assert_int_equal(ask(&reply, "alpha.echo", NULL, "hello", 0), OK);
    assert_body(&reply, "{text: hello, number: 77}");
    assert_int_equal(ask(&reply, "alpha.nothing", NULL, "hello", 0), OK);
    assert_body(&reply, "-");
    assert_int_equal(ask(&reply, "alpha.list", NULL, "hello", 0), OK);
    assert_body(&reply,
                "[{text: one of three, number: 1}, {text: one of three, number: 2}, {text: one of three, number: 3}]");
    assert_int_equal(reply.next_after, 3);
    buffer_free(&reply.body);
}

static void test_what_is_wrong_is_told(void **state)
{
    (void)state;
    struct reply reply = {0};
    assert_int_equal(ask(&reply, "alpha.echo", NULL, "x", 9001), ERROR_VALIDATION);
    assert_body(&reply, "[text must be longer than or equal to 2 characters, number must not be greater than 9000]");
    assert_int_equal(ask(&reply, "alpha.login", NULL, "x", 0), ERROR_UNAUTHORIZED);
    assert_body(&reply, "-");
    send_bytes(&reply, "alpha.echo", STR("\x93\xc0\xc0\xc0"));
    await(&reply);
    assert_int_equal(reply.error, ERROR_MALFORMED);
    send_bytes(&reply, "alpha.nothing", STR("\x92\x80\x81\xa4text\xa2hi\xc0")); /* one value too many */
    await(&reply);
    assert_int_equal(reply.error, ERROR_MALFORMED);
    buffer_free(&reply.body);
}

static void test_ids_then_guard_then_rules(void **state)
{
    (void)state;
    struct reply reply = {0};
    assert_int_equal(ask(&reply, "alpha.guarded", "two", "x", 0), ERROR_ID_NOT_NUMERIC);
    assert_int_equal(ask(&reply, "alpha.guarded", "2", "x", 0), ERROR_FORBIDDEN);
    assert_body(&reply, "2 is not yours");
    assert_int_equal(ask(&reply, "alpha.guarded", "99999999999999999999", "x", 0), ERROR_FORBIDDEN);
    assert_body(&reply, "99999999999999999999 is not yours");
    assert_int_equal(ask(&reply, "alpha.guarded", "1", "x", 0), ERROR_VALIDATION);
    assert_int_equal(ask(&reply, "alpha.guarded", "1", "xyz", 0), OK);
    buffer_free(&reply.body);
}

static void test_an_unknown_method_and_a_broken_handler_are_internal(void **state)
{
    (void)state;
    struct reply reply = {0};
    assert_int_equal(ask(&reply, "alpha.none", NULL, "hello", 0), ERROR_INTERNAL);
    assert_int_equal(ask(&reply, "alpha.echo2", NULL, "hello", 0), ERROR_INTERNAL);
    assert_int_equal(ask(&reply, "beta.who", NULL, "hello", 0), ERROR_INTERNAL);
    assert_int_equal(ask(&reply, "alpha.broken", NULL, "hello", 0), ERROR_INTERNAL);
    buffer_free(&reply.body);
}

static void test_without_a_database_it_says_so(void **state)
{
    (void)state;
    struct reply reply = {0};
    assert_int_equal(ask(&reply, "alpha.query", NULL, "hello", 0), ERROR_UNAVAILABLE);
    assert_int_equal(ask(&reply, "alpha.health", NULL, "hello", 0), OK);
    struct pack_reader reader = pack_reader(buffer_str(&reply.body));
    struct buffer text = {0};
    render(&reader, &text);
    buffer_append_char(&text, '\0');
    assert_non_null(strstr(text.data, "{service: alpha, ready: false, whyNot: database: "));
    buffer_free(&text);
    buffer_free(&reply.body);
}

static void test_services_call_each_other(void **state)
{
    (void)state;
    struct reply reply = {0};
    int64_t begun_ms = loop_now_ms();
    while (ask(&reply, "alpha.relay", NULL, "hello", 0) == ERROR_UNAVAILABLE) /* until beta is there */
        assert_true(loop_now_ms() - begun_ms < PATIENCE_MS);
    assert_int_equal(reply.error, OK);
    assert_body(&reply, "{text: user, number: 77}");
    assert_int_equal(ask(&reply, "alpha.relay", NULL, "whence", 0), OK);
    assert_body(&reply, "{text: 192.0.2.1 by curl/8, number: 5}");
    assert_int_equal(ask(&reply, "alpha.relay", NULL, "fail", 0), ERROR_CONFLICT);
    assert_body(&reply, "fail, as asked");
    assert_int_equal(ask(&reply, "alpha.hide", NULL, "fail", 0), ERROR_UNAUTHORIZED);
    assert_body(&reply, "-");
    assert_int_equal(ask(&reply, "alpha.gather", NULL, "hello", 8), OK);
    assert_body(&reply, "{text: hello, number: 7}");
    assert_int_equal(ask(&reply, "alpha.gather", NULL, "hello", 1), OK);
    assert_body(&reply, "{text: none, number: 0}");
    assert_int_equal(ask(&reply, "alpha.gather", NULL, "hello", 0), ERROR_CONFLICT);
    assert_body(&reply, "how many?");
    buffer_free(&reply.body);
}

static void test_a_rate_goes_with_the_reply_and_with_the_error(void **state)
{
    (void)state;
    struct reply reply = {0};
    assert_int_equal(ask(&reply, "alpha.rated", NULL, "seldom", 0), OK);
    assert_int_equal(reply.rate.limit, 10);
    assert_int_equal(reply.rate.remaining, 4);
    assert_int_equal(ask(&reply, "alpha.rated", NULL, "often", 0), ERROR_TOO_MANY_REQUESTS);
    assert_int_equal(reply.rate.remaining, 0);
    assert_int_equal(reply.rate.reset_s, 60);
    assert_int_equal(ask(&reply, "alpha.echo", NULL, "hello", 0), OK); /* the task is used anew */
    assert_int_equal(reply.rate.limit, 0);
    buffer_free(&reply.body);
}

static void test_what_is_spawned_runs_in_a_fiber(void **state)
{
    (void)state;
    struct reply reply = {0};
    assert_int_equal(ask(&reply, "alpha.spawned", NULL, "hello", 0), OK);
    buffer_free(&reply.body);
}

static void test_more_calls_than_fibers_are_refused(void **state)
{
    (void)state;
    struct reply replies[3 * FIBERS] = {0};
    int answered = 0, refused = 0;
    for (int i = 0; i < 3 * FIBERS; i++)
        send_words(&replies[i], "alpha.sleep", NULL, "hello", 300);
    for (int i = 0; i < 3 * FIBERS; i++) {
        await(&replies[i]);
        answered += replies[i].error == OK;
        refused += replies[i].error == ERROR_OVERLOADED;
        buffer_free(&replies[i].body);
    }
    assert_int_equal(answered, FIBERS);
    assert_int_equal(refused, 2 * FIBERS);
}

/* All ask the same two. */
static int begin(void **state)
{
    int failed = prepare(state);
    return failed ? failed : start_services(state);
}

static int end(void **state)
{
    int failed = stop_services(state);
    return clean(state) + failed;
}

SERVICE_SUITE(begin, end, cmocka_unit_test(test_a_call_is_answered), cmocka_unit_test(test_what_is_wrong_is_told),
              cmocka_unit_test(test_ids_then_guard_then_rules),
              cmocka_unit_test(test_an_unknown_method_and_a_broken_handler_are_internal),
              cmocka_unit_test(test_without_a_database_it_says_so), cmocka_unit_test(test_services_call_each_other),
              cmocka_unit_test(test_a_rate_goes_with_the_reply_and_with_the_error),
              cmocka_unit_test(test_what_is_spawned_runs_in_a_fiber),
              cmocka_unit_test(test_more_calls_than_fibers_are_refused))
