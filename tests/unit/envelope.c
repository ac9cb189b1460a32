/* The envelope: what is written is read, and nothing else is. Each reader's bytes lie in a block of exactly their size,
 * so that the sanitizer sees a byte read too many. */
#include "common/envelope.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/cmocka.h"

static const struct bus_request full_request = {
    .method = {"room.join", 9},
    .caller = {.id = INT64_MAX, .role = {"admin", 5}, .session_id = INT64_MAX - 1},
    .client = {.address = {"2001:db8::7", 11}, .agent = {"Mozilla/5.0", 11}},
    .request_id = {"0192c1d2-7a5b", 13},
    .traceparent = {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", 55},
    .arguments = {"\x92\x80\x80", 3},
};

static void assert_text(struct str actual, struct str expected)
{
    assert_int_equal(actual.len, expected.len);
    assert_memory_equal(actual.ptr, expected.ptr, expected.len);
}

/* Reads a batch of calls from a copy of exactly its size; returns how many were good before the end, or -1 before
 * garbage. */
static int count_calls(struct str batch, int *good)
{
    char *copy = malloc(batch.len + 1);
    char *start = copy + 1; /* so that the block ends where the bytes end, at any length */
    memcpy(start, batch.ptr, batch.len);
    struct pack_reader reader;
    struct bus_incoming incoming;
    int64_t left_ms;
    *good = 0;
    bool is_good = envelope_open((struct str){start, batch.len}, &reader);
    while (is_good && !pack_at_end(&reader)) {
        is_good = envelope_read_call(&reader, &incoming, &left_ms);
        *good += is_good;
    }
    free(copy);
    return is_good ? 0 : -1;
}

static void calls_come_back_as_they_went(void **state)
{
    (void)state;
    struct buffer batch = {0};
    const struct bus_request small = {.method = STR("user.health"), .request_id = STR("")};
    envelope_write_call(&batch, INT64_MAX, BUS_MAX_TIMEOUT_MS, &full_request);
    envelope_write_call(&batch, 1, 0, &small);
    struct pack_reader reader;
    struct bus_incoming incoming = {0};
    int64_t left_ms;
    assert_true(envelope_open(buffer_str(&batch), &reader));
    assert_true(envelope_read_call(&reader, &incoming, &left_ms));
    assert_true(incoming.origin.id == INT64_MAX);
    assert_int_equal(left_ms, BUS_MAX_TIMEOUT_MS);
    assert_text(incoming.method, full_request.method);
    assert_true(incoming.caller.id == INT64_MAX);
    assert_text(incoming.caller.role, STR("admin"));
    assert_true(incoming.caller.session_id == INT64_MAX - 1);
    assert_text(incoming.client.address, full_request.client.address);
    assert_text(incoming.client.agent, full_request.client.agent);
    assert_text(incoming.request_id, full_request.request_id);
    assert_text(incoming.traceparent, full_request.traceparent);
    assert_text(incoming.arguments, full_request.arguments);
    assert_true(envelope_read_call(&reader, &incoming, &left_ms));
    assert_int_equal(incoming.origin.id, 1);
    assert_int_equal(left_ms, 0);
    assert_int_equal(incoming.caller.id, 0);
    assert_int_equal(incoming.caller.session_id, 0);
    assert_int_equal(incoming.client.address.len + incoming.client.agent.len, 0);
    assert_int_equal(incoming.caller.role.len + incoming.traceparent.len + incoming.arguments.len, 0);
    assert_true(pack_at_end(&reader));
    buffer_free(&batch);
}

static struct bus_reply reread(const struct bus_reply *reply, struct buffer *batch)
{
    struct pack_reader reader;
    uint64_t id;
    struct bus_reply read;
    buffer_clear(batch);
    envelope_write_reply(batch, 77, reply);
    assert_true(envelope_open(buffer_str(batch), &reader));
    assert_true(envelope_read_reply(&reader, &id, &read));
    assert_true(pack_at_end(&reader));
    assert_int_equal(id, 77);
    assert_int_equal(read.error, reply->error);
    assert_int_equal(read.next_after, reply->next_after);
    assert_memory_equal(&read.rate, &reply->rate, sizeof read.rate);
    return read;
}

static void replies_come_back_as_they_went(void **state)
{
    (void)state;
    struct buffer batch = {0};
    char *large = calloc(1, 300000);
    const struct bus_reply page = {.body = {large, 300000}, .next_after = 4711, .rate = {INT64_MAX, 0, 900}};
    assert_text(reread(&page, &batch).body, page.body);
    assert_int_equal(reread(&(struct bus_reply){.error = OK}, &batch).body.len, 0);
    assert_text(reread(&(struct bus_reply){.error = ERROR_ROOM_FULL}, &batch).body, STR("\xC0"));
    assert_text(reread(&(struct bus_reply){.error = ERROR_TOO_MANY_REQUESTS, .rate = {10, 0, 1}}, &batch).body,
                STR("\xC0"));
    const struct bus_reply other = {.body = STR("\x80"), .variant = STR("room_place")};
    assert_text(reread(&other, &batch).variant, other.variant);
    const struct bus_reply versioned = {.body = STR("\x80"), .version = INT64_MAX};
    assert_int_equal(reread(&versioned, &batch).version, INT64_MAX);
    assert_int_equal(reread(&other, &batch).version, 0);
    const struct bus_reply timed = {.body = STR("\x80"), .timing = {INT64_MAX, 0}};
    assert_int_equal(reread(&timed, &batch).timing.service_us, INT64_MAX);
    assert_int_equal(reread(&other, &batch).timing.service_us, 0);
    assert_true(reread(&(struct bus_reply){.body = STR("\x80"), .is_for_all = true}, &batch).is_for_all);
    assert_false(reread(&other, &batch).is_for_all);
    const struct bus_reply worded = {.error = ERROR_ROOM_FULL,
                                     .body = STR("\xA4"
                                                 "full")};
    assert_text(reread(&worded, &batch).body, worded.body);
    free(large);
    buffer_free(&batch);
}

static void events_come_back_as_they_went(void **state)
{
    (void)state;
    struct buffer message = {0};
    const struct envelope_event event = {INT64_MAX, 12, STR("user.changed"), STR("\x80")};
    struct envelope_event read;
    envelope_write_event(&message, &event);
    assert_true(envelope_read_event(buffer_str(&message), &read));
    assert_true(read.instance == INT64_MAX && read.number == 12);
    assert_text(read.name, event.name);
    assert_text(read.body, event.body);
    buffer_append_char(&message, '\xC0');
    assert_false(envelope_read_event(buffer_str(&message), &read));
    buffer_free(&message);
}

static void what_was_heard_comes_back_as_it_went(void **state)
{
    (void)state;
    struct buffer message = {0};
    const struct envelope_heard heard = {INT64_MAX, 7, 12};
    struct envelope_heard read;
    struct envelope_event event;
    int64_t listener = 0;
    envelope_write_heard(&message, &heard);
    assert_true(envelope_read_heard(buffer_str(&message), &read));
    assert_true(read.listener == INT64_MAX && read.instance == 7 && read.number == 12);
    assert_false(envelope_read_event(buffer_str(&message), &event));
    assert_false(envelope_read_listener(buffer_str(&message), &listener));
    buffer_append_char(&message, '\xC0');
    assert_false(envelope_read_heard(buffer_str(&message), &read));
    buffer_clear(&message);
    envelope_write_listener(&message, 42);
    assert_true(envelope_read_listener(buffer_str(&message), &listener));
    assert_int_equal(listener, 42);
    assert_false(envelope_read_heard(buffer_str(&message), &read));
    assert_false(envelope_read_listener(STR(""), &listener));
    assert_false(envelope_read_listener(STR("\x02\xFF"), &listener));
    buffer_free(&message);
}

static void the_bytes_are_those_of_the_protocol(void **state)
{
    (void)state;
    struct buffer batch = {0};
    const struct bus_request request = {.method = STR("a.b"),
                                        .caller = {.id = 7, .role = STR("user"), .session_id = 9},
                                        .client = {.address = STR("::1")},
                                        .request_id = STR("r"),
                                        .arguments = STR("\x90")};
    envelope_write_call(&batch, 5, 1000, &request);
    assert_text(buffer_str(&batch), STR("\x01\x96\x05\xA3"
                                        "a.b\xCD\x03\xE8\x93\x07\xA4user\x09\x94\xA1r\xC0\xA3::1\xC0"
                                        "\xC6\x00\x00\x00\x01\x90"));
    buffer_clear(&batch);
    envelope_write_reply(&batch, 5, &(struct bus_reply){.error = ERROR_ROOM_FULL});
    assert_text(buffer_str(&batch), STR("\x01\x99\x05\xA9room_full\xC0\x00\xC0\xC0\x00\xC0\xC2"));
    buffer_clear(&batch);
    envelope_write_reply(&batch, 5, &(struct bus_reply){.rate = {10, 9, 60}, .timing = {7, 3}, .is_for_all = true});
    assert_text(buffer_str(&batch), STR("\x01\x99\x05\xC0\xC0\x00\x93\x0A\x09\x3C\xC0\x00\x92\x07\x03\xC3"));
    buffer_free(&batch);
}

static void a_call_is_written_again_with_the_time_that_is_left(void **state)
{
    (void)state;
    struct buffer batch = {0}, again = {0}, wanted = {0};
    envelope_write_call(&batch, 1, 9, &full_request);
    size_t begin = batch.len;
    envelope_write_call(&batch, 7, 5000, &full_request);
    envelope_write_again(&again, envelope_last(&batch, begin), 300);
    envelope_write_call(&wanted, 7, 300, &full_request);
    assert_text(buffer_str(&again), buffer_str(&wanted));
    buffer_clear(&again);
    envelope_write_again(&again, envelope_last(&wanted, 0), 5000);
    buffer_clear(&wanted);
    envelope_write_call(&wanted, 7, 5000, &full_request);
    assert_text(buffer_str(&again), buffer_str(&wanted));
    buffer_free(&batch);
    buffer_free(&again);
    buffer_free(&wanted);
}

static void a_refusal_says_that_nothing_was_begun(void **state)
{
    (void)state;
    struct buffer batch = {0};
    const struct bus_reply refusal = {.error = ERROR_UNAVAILABLE, .is_refused = true};
    const struct bus_reply unavailable = {.error = ERROR_UNAVAILABLE};
    assert_true(reread(&refusal, &batch).is_refused);
    assert_int_equal(reread(&refusal, &batch).error, ERROR_UNAVAILABLE);
    assert_false(reread(&unavailable, &batch).is_refused);
    buffer_free(&batch);
}

static void what_is_cut_short_is_refused(void **state)
{
    (void)state;
    struct buffer batch = {0};
    envelope_write_call(&batch, 1, 1, &full_request);
    size_t first_end = batch.len;
    envelope_write_call(&batch, 2, 1, &full_request);
    int good;
    for (size_t len = 0; len <= batch.len; len++) {
        bool is_whole = len == 1 || len == first_end || len == batch.len; /* the version alone is a batch of nothing */
        assert_int_equal(count_calls((struct str){batch.data, len}, &good), is_whole ? 0 : -1);
        assert_int_equal(good, len == batch.len ? 2 : len >= first_end ? 1 : 0);
    }
    buffer_free(&batch);
}

static void what_the_writer_would_not_write_is_refused(void **state)
{
    (void)state;
#define GARBAGE(bytes)                                                                                                 \
    {                                                                                                                  \
        (bytes), sizeof(bytes) - 1                                                                                     \
    }
    static const struct str garbage[] = {
        GARBAGE(""),
        GARBAGE("\x02\x96\x05\xA1m\x01\xC0\x92\xA0\xC0\xC0"),                 /* another version */
        GARBAGE("\x01\x95\x05\xA1m\x01\xC0\x92\xA0\xC0"),                     /* a field too few */
        GARBAGE("\x01\xDD\xFF\xFF\xFF\xFF\x05\xA1m\x01\xC0\x92\xA0\xC0\xC0"), /* a count that the rest cannot hold */
        GARBAGE("\x01\x86\x05\xA1m\x01\xC0\x92\xA0\xC0\xC0\xC0\xC0\xC0\xC0"), /* a map */
        GARBAGE("\x01\x96\xFF\xA1m\x01\xC0\x92\xA0\xC0\xC0"),                 /* id -1 */
        GARBAGE("\x01\x96\xCF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xA1m\x01\xC0\x92\xA0\xC0\xC0"), /* id 2^64 - 1 */
        GARBAGE("\x01\x96\xA1x\xA1m\x01\xC0\x92\xA0\xC0\xC0"),                                /* id a string */
        GARBAGE("\x01\x96\x05\xA0\x01\xC0\x92\xA0\xC0\xC0"),                                  /* no method */
        GARBAGE("\x01\x96\x05\xC4\x01m\x01\xC0\x92\xA0\xC0\xC0"),                             /* method a bin */
        GARBAGE("\x01\x96\x05\xA1m\xFF\xC0\x92\xA0\xC0\xC0"),                                 /* -1 ms left */
        GARBAGE("\x01\x96\x05\xA1m\xCE\x00\x09\x27\xC1\xC0\x92\xA0\xC0\xC0"),                 /* 600001 ms left */
        GARBAGE("\x01\x96\x05\xA1m\x01\x91\x07\x92\xA0\xC0\xC0"),             /* a caller without a role */
        GARBAGE("\x01\x96\x05\xA1m\x01\x92\x00\xA0\x92\xA0\xC0\xC0"),         /* caller 0 without a role */
        GARBAGE("\x01\x96\x05\xA1m\x01\x93\x07\xA1u\xFF\x92\xA0\xC0\xC0"),    /* session -1 */
        GARBAGE("\x01\x96\x05\xA1m\x01\xC0\x93\xA0\xC0\x05\xC0"),             /* an address that is a number */
        GARBAGE("\x01\x96\x05\xA1m\x01\xC0\x94\xA0\xC0\xC0\xC3\xC0"),         /* an agent that is true */
        GARBAGE("\x01\x96\x05\xA1m\x01\xC3\x92\xA0\xC0\xC0"),                 /* a caller that is true */
        GARBAGE("\x01\x96\x05\xA1m\x01\xC0\x91\xA0\xC0"),                     /* half a trace */
        GARBAGE("\x01\x96\x05\xA1m\x01\xC0\x92\xC0\xC0\xC0"),                 /* no request id */
        GARBAGE("\x01\x96\x05\xA1m\x01\xC0\x92\xA0\xC0\x92\x80\x80"),         /* arguments that are not wrapped */
        GARBAGE("\x01\x96\x05\xA1m\x01\xC0\x92\xA0\xC0\xC6\xFF\xFF\xFF\xFF"), /* arguments of 4 GB */
        GARBAGE("\x01\xC1"),
    };
    int good;
    for (size_t i = 1; i < sizeof garbage / sizeof *garbage; i++) {
        assert_int_equal(count_calls(garbage[i], &good), -1);
        assert_int_equal(good, 0);
    }
}

static void texts_beyond_their_bounds_are_refused(void **state)
{
    (void)state;
    char text[BUS_MAX_AGENT + 1];
    memset(text, 'x', sizeof text);
    int good;
    for (int field = 0; field < 6; field++) {
        const size_t bound[] = {BUS_MAX_METHOD,      BUS_MAX_ROLE,    BUS_MAX_REQUEST_ID,
                                BUS_MAX_TRACEPARENT, BUS_MAX_ADDRESS, BUS_MAX_AGENT};
        for (size_t over = 0; over <= 1; over++) {
            struct buffer batch = {0};
            struct str changed = {text, bound[field] + over};
            struct bus_request request = full_request;
            *(struct str *[]){&request.method,      &request.caller.role,    &request.request_id,
                              &request.traceparent, &request.client.address, &request.client.agent}[field] = changed;
            envelope_write_call(&batch, 1, 1, &request);
            assert_int_equal(count_calls(buffer_str(&batch), &good), over ? -1 : 0);
            buffer_free(&batch);
        }
    }
}

static void fields_to_come_are_passed_over(void **state)
{
    (void)state;
    int good;
    struct str call =
        STR("\x01\x98\x05\xA1m\x01\x94\x07\xA1u\x09\xC3\x95\xA0\xC0\xC0\xC0\x91\x01\xC0\x82\x01\x02\x03\x04\xA3new"
            "\x96\x05\xA1m\x01\xC0\x92\xA0\xC0\xC0");
    assert_int_equal(count_calls(call, &good), 0);
    assert_int_equal(good, 2);
    struct pack_reader reader;
    struct bus_reply reply;
    uint64_t id;
    assert_true(envelope_open(
        STR("\x01\x9A\x05\xC0\xC0\x00\x94\x0A\x09\x3C\xC3\xC0\x07\x93\x06\x05\xC0\xC3\x81\xA1k\xA1v"), &reader));
    assert_true(envelope_read_reply(&reader, &id, &reply) && pack_at_end(&reader));
    assert_int_equal(reply.rate.reset_s, 60);
    assert_int_equal(reply.version, 7);
    assert_int_equal(reply.timing.service_us, 6);
    assert_int_equal(reply.timing.database_us, 5);
    assert_true(reply.is_for_all);
}

static void fields_that_came_later_may_be_missing(void **state)
{
    (void)state;
    struct pack_reader reader;
    struct bus_incoming incoming = {.caller.session_id = 1, .client = {STR("x"), STR("x")}};
    struct bus_reply reply = {.rate = {1, 1, 1}, .version = 1, .timing = {1, 1}, .is_for_all = true};
    int64_t left_ms;
    uint64_t id;
    assert_true(envelope_open(STR("\x01\x96\x05\xA1m\x01\x92\x07\xA1u\x92\xA0\xC0\xC0"), &reader));
    assert_true(envelope_read_call(&reader, &incoming, &left_ms) && pack_at_end(&reader));
    assert_int_equal(incoming.caller.session_id, 0);
    assert_int_equal(incoming.client.address.len + incoming.client.agent.len, 0);
    assert_true(envelope_open(STR("\x01\x94\x05\xC0\xC0\x00"), &reader));
    assert_true(envelope_read_reply(&reader, &id, &reply) && pack_at_end(&reader));
    assert_int_equal(reply.rate.limit, 0);
    assert_int_equal(reply.version, 0);
    assert_int_equal(reply.timing.service_us + reply.timing.database_us, 0);
    assert_false(reply.is_for_all);
}

static void what_a_reply_adds_is_checked(void **state)
{
    (void)state;
    static const struct str garbage[] = {
        GARBAGE("\x01\x95\x05\xC0\xC0\x00\x0A"),                     /* a number */
        GARBAGE("\x01\x95\x05\xC0\xC0\x00\x92\x0A\x09"),             /* an element too few */
        GARBAGE("\x01\x95\x05\xC0\xC0\x00\x93\x00\x09\x3C"),         /* of limit 0 */
        GARBAGE("\x01\x95\x05\xC0\xC0\x00\x93\x0A\xFF\x3C"),         /* -1 remaining */
        GARBAGE("\x01\x95\x05\xC0\xC0\x00\x93\x0A\x09\xC0"),         /* without an end */
        GARBAGE("\x01\x98\x05\xC0\xC0\x00\xC0\xC0\x00\x91\x07"),     /* half a timing */
        GARBAGE("\x01\x98\x05\xC0\xC0\x00\xC0\xC0\x00\x92\x07\xFF"), /* -1 in the database */
        GARBAGE("\x01\x99\x05\xC0\xC0\x00\xC0\xC0\x00\xC0\x01"),     /* for 1 */
    };
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        struct pack_reader reader;
        struct bus_reply reply;
        uint64_t id;
        assert_true(envelope_open(garbage[i], &reader));
        assert_false(envelope_read_reply(&reader, &id, &reply));
    }
}

static void an_unknown_error_is_internal(void **state)
{
    (void)state;
    struct pack_reader reader;
    struct bus_reply reply;
    uint64_t id;
    assert_true(envelope_open(STR("\x01\x94\x05\xA8tomorrow\xC0\x00"), &reader));
    assert_true(envelope_read_reply(&reader, &id, &reply));
    assert_int_equal(reply.error, ERROR_INTERNAL);
}

static void changed_bytes_do_no_harm(void **state)
{
    (void)state;
    struct buffer batch = {0};
    for (uint64_t id = 1; id <= 3; id++)
        envelope_write_call(&batch, id, 1, &full_request);
    srandom(1);
    for (int round = 0; round < 50000; round++) {
        struct buffer changed = {0};
        buffer_append(&changed, batch.data, batch.len);
        for (long changes = random() % 4; changes >= 0; changes--)
            changed.data[(size_t)random() % changed.len] = (char)random();
        int good;
        count_calls(buffer_str(&changed), &good);
        assert_in_range(good, 0, (int)changed.len);
        buffer_free(&changed);
    }
    buffer_free(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_come_back_as_they_went),
        cmocka_unit_test(replies_come_back_as_they_went),
        cmocka_unit_test(events_come_back_as_they_went),
        cmocka_unit_test(what_was_heard_comes_back_as_it_went),
        cmocka_unit_test(the_bytes_are_those_of_the_protocol),
        cmocka_unit_test(a_call_is_written_again_with_the_time_that_is_left),
        cmocka_unit_test(a_refusal_says_that_nothing_was_begun),
        cmocka_unit_test(what_is_cut_short_is_refused),
        cmocka_unit_test(what_the_writer_would_not_write_is_refused),
        cmocka_unit_test(texts_beyond_their_bounds_are_refused),
        cmocka_unit_test(fields_to_come_are_passed_over),
        cmocka_unit_test(fields_that_came_later_may_be_missing),
        cmocka_unit_test(what_a_reply_adds_is_checked),
        cmocka_unit_test(an_unknown_error_is_internal),
        cmocka_unit_test(changed_bytes_do_no_harm),
    };
    return cmocka_run_group_tests_name("envelope", tests, NULL, NULL);
}
