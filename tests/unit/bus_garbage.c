/* The bus and raw sockets that say what no bus would. */
#include <czmq.h>

#include "tests/unit/bus_fixture.h"

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
    WAIT_FOR(fixture, bus_stats(service->bus)->garbage == sent);
    struct str *many = calloc(200000, sizeof *many);
    for (size_t i = 0; i < 200000; i++)
        many[i] = STR("x");
    send_frames(raw, many, 200000);
    free(many);
    struct outcome *outcome = new_outcome(fixture);
    call(fixture, A, outcome);
    WAIT_FOR(fixture, outcome->times == 1 && bus_stats(service->bus)->garbage == sent + 1);
    assert_int_equal(outcome->error, OK);
    /* After all that, a call of the raw socket's own is answered: nothing is out of step. */
    send_frames(raw, &STR("\x01\x96\x05\xA1m\xCD\x75\x30\xC0\x92\xA0\xC0\xC0"), 1); /* in 30 s: it was long behind */
    WAIT_FOR(fixture, service->calls == 2);
    bus_turn(service->bus);
    char reply[32];
    assert_int_equal(zmq_recv(zsock_resolve(raw), reply, sizeof reply, 0), 11);
    assert_memory_equal(reply, "\x01\x99\x05\xC0\xC0\x00\xC0\xC0\x00\xC0\xC2", 11);
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
    WAIT_FOR(fixture, bus_stats(service->bus)->garbage == 1);
    assert_int_equal(service->calls, 2);
    zsock_destroy(&raw);
}

/* A raw ROUTER in the service's place: takes one call of the client, and gives its sender's name and its id. */
static zsock_t *fake_service(struct fixture *fixture, struct outcome *outcome, struct str *peer, char name[16],
                             uint64_t *id)
{
    assert_int_equal(bus_connect(fixture->client, A, "test", fixture->services[A].address), OK);
    zsock_t *raw = zsock_new(ZMQ_ROUTER);
    assert_int_equal(zmq_bind(zsock_resolve(raw), fixture->services[A].address), 0);
    WAIT_FOR(fixture, bus_is_connected(fixture->client, A));
    call(fixture, A, outcome);
    WAIT_FOR(fixture, bus_stats(fixture->client)->batches_sent == 1);
    char batch[256];
    int len, batch_len;
    do { /* the first may only say that the client is there */
        len = zmq_recv(zsock_resolve(raw), name, 16, 0);
        batch_len = zmq_recv(zsock_resolve(raw), batch, sizeof batch, 0);
    } while (batch_len == 1);
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
        {"\x02\x94\x05\xC0\xC0\x00", 6},
        {"\x01\x93\x05\xC0\xC0", 5},
        {"\x01\xDD\xFF\xFF\xFF\xFF\x01", 7},
    };
    size_t sent = sizeof garbage / sizeof *garbage;
    for (size_t i = 0; i < sent; i++)
        send_frames(raw, (const struct str[]){peer, garbage[i]}, 2);
    send_frames(raw, (const struct str[]){peer, STR("\x01"), STR("\x01"), STR("\x01")}, 4);
    WAIT_FOR(fixture, bus_stats(fixture->client)->garbage == sent + 1);
    /* A stranger's id, one of a slot that was never used, then the good one, twice, then garbage. */
    struct buffer batch = {0};
    envelope_write_reply(&batch, id + BUS_MAX_PENDING, &(struct bus_reply){.error = OK});
    envelope_write_reply(&batch, INT64_MAX, &(struct bus_reply){.error = OK});
    envelope_write_reply(&batch, id, &(struct bus_reply){.body = STR("\x05")});
    envelope_write_reply(&batch, id, &(struct bus_reply){.body = STR("\x06")});
    buffer_append_char(&batch, '\xC1');
    send_frames(raw, (const struct str[]){peer, buffer_str(&batch)}, 2);
    buffer_free(&batch);
    WAIT_FOR(fixture, bus_stats(fixture->client)->garbage == sent + 2);
    assert_int_equal(outcome->times, 1);
    assert_int_equal(outcome->body[0], 5);
    assert_int_equal(bus_stats(fixture->client)->late_replies, 3);
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
    WAIT_FOR(fixture, bus_stats(fixture->client)->late_replies == 1);
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
    service->bus = bus_new(NULL);
    WAIT_FOR(fixture, bus_bind(service->bus, service->address, on_call, service) == OK);
    WAIT_FOR(fixture, bus_is_connected(fixture->client, A));
    call(fixture, A, outcome);
    WAIT_FOR(fixture, outcome->times == 2);
    assert_int_equal(outcome->error, OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(garbage_from_callers_is_counted_and_dropped),        TEST(the_good_calls_before_garbage_stand),
        TEST(garbage_from_a_service_is_counted_and_dropped),      TEST(a_reply_from_another_endpoint_finds_nothing),
        TEST(a_connection_that_broke_the_protocol_is_begun_anew),
    };
    return cmocka_run_group_tests_name("bus_garbage", tests, NULL, NULL);
}
