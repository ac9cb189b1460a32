/* Bytes on the services' sockets: batches by hand, garbage beside them, and a service that answers the gateway
 * nonsense. */
#include <signal.h>
#include <string.h>
#include <zmq.h>

#include "common/buffer.h"
#include "common/pack.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/raw.h"
#include "tests/support/scratch.h"

enum { VERSION = 1, REPLY_TIMEOUT_MS = 2000 };

/* ---- bytes by hand ---- */

struct wire {
    void *context, *socket;
};

static struct wire wire_open(const char *endpoint)
{
    struct wire wire = {.context = zmq_ctx_new()};
    wire.socket = zmq_socket(wire.context, ZMQ_DEALER);
    int linger_ms = 1000, receive_ms = REPLY_TIMEOUT_MS;
    zmq_setsockopt(wire.socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    zmq_setsockopt(wire.socket, ZMQ_RCVTIMEO, &receive_ms, sizeof receive_ms);
    assert_int_equal(zmq_connect(wire.socket, endpoint), 0);
    return wire;
}

static void wire_close(struct wire *wire)
{
    zmq_close(wire->socket);
    zmq_ctx_term(wire->context);
}

static void wire_send(struct wire *wire, struct buffer *batch)
{
    assert_int_equal(zmq_send(wire->socket, batch->data, batch->len, 0), (int)batch->len);
    buffer_free(batch);
}

static void batch_open(struct buffer *batch)
{
    *batch = (struct buffer){0};
    buffer_append_char(batch, VERSION);
}

/* A well-formed call of room.health. */
static void add_call(struct buffer *batch, int64_t id, int64_t deadline_ms)
{
    pack_array(batch, 6);
    pack_integer(batch, id);
    pack_string(batch, STR("room.health"));
    pack_integer(batch, deadline_ms);
    pack_nil(batch);
    pack_array(batch, 2);
    pack_string(batch, STR("test"));
    pack_nil(batch);
    static const char no_arguments[] = "\xc6\x00\x00\x00\x03\x92\x80\x80"; /* bin of [{}, {}] */
    pack_raw(batch, (struct str){no_arguments, sizeof no_arguments - 1});
}

/* How many replies come, and the sum of their ids, until `expected` came or it is silent. */
static size_t receive_replies(struct wire *wire, size_t expected, int64_t *sum_of_ids)
{
    size_t count = 0;
    *sum_of_ids = 0;
    while (count < expected) {
        char bytes[65536];
        int len = zmq_recv(wire->socket, bytes, sizeof bytes, 0);
        if (len < 0)
            break;
        assert_int_equal(bytes[0], VERSION);
        struct pack_reader reader = pack_reader((struct str){bytes + 1, (size_t)len - 1});
        while (!pack_at_end(&reader)) {
            uint32_t elements;
            int64_t id;
            assert_true(pack_read_array(&reader, &elements) && elements >= 4 && pack_read_integer(&reader, &id));
            for (uint32_t i = 1; i < elements; i++)
                assert_true(pack_skip(&reader, NULL));
            *sum_of_ids += id;
            count++;
        }
    }
    return count;
}

static void a_batch_is_answered_call_by_call(void **state)
{
    struct stack *stack = *state;
    struct wire wire = wire_open(stack_endpoint(stack, STACK_ROOM));
    struct buffer batch;
    batch_open(&batch);
    for (int64_t id = 1; id <= 100; id++)
        add_call(&batch, id, 5000);
    wire_send(&wire, &batch);
    int64_t sum;
    assert_int_equal(receive_replies(&wire, 100, &sum), 100);
    assert_int_equal(sum, 5050);
    wire_close(&wire);
}

static void further_elements_of_a_call_are_passed_over(void **state)
{
    struct stack *stack = *state;
    struct wire wire = wire_open(stack_endpoint(stack, STACK_ROOM));
    struct buffer batch;
    batch_open(&batch);
    size_t place = batch.len;
    add_call(&batch, 7, 5000);
    batch.data[place] = (char)0x98; /* eight elements */
    pack_string(&batch, STR("of a later version"));
    pack_map(&batch, 1);
    pack_integer(&batch, 1);
    pack_nil(&batch);
    add_call(&batch, 8, 5000);
    wire_send(&wire, &batch);
    int64_t sum;
    assert_int_equal(receive_replies(&wire, 2, &sum), 2);
    assert_int_equal(sum, 15);
    wire_close(&wire);
}

static void a_call_past_its_deadline_is_dropped(void **state)
{
    struct stack *stack = *state;
    struct wire wire = wire_open(stack_endpoint(stack, STACK_ROOM));
    struct buffer batch;
    batch_open(&batch);
    add_call(&batch, 1, 0);
    add_call(&batch, 2, 0);
    add_call(&batch, 4, 5000);
    wire_send(&wire, &batch);
    int64_t sum;
    assert_int_equal(receive_replies(&wire, 1, &sum), 1);
    assert_int_equal(sum, 4);
    wire_close(&wire);
}

/* ---- garbage ---- */

static void send_bytes(const struct stack *stack, const char *bytes, size_t len)
{
    for (int part = 0; part < STACK_GATEWAY; part++) {
        struct wire wire = wire_open(stack_endpoint(stack, part));
        zmq_send(wire.socket, bytes, len, 0);
        wire_close(&wire);
    }
}

static void garbage_is_dropped(void **state)
{
    struct stack *stack = *state;
#define BYTES(literal)                                                                                                 \
    {                                                                                                                  \
        literal, sizeof(literal) - 1                                                                                   \
    }
    static const struct str cases[] = {
        BYTES(""),
        BYTES("\x01"),
        BYTES("\x02\x96\x01"),
        BYTES("nonsense"),
        BYTES("\x01nonsense"),
        BYTES("\xff\xff\xff"),
        BYTES("\x01\x96\x01"),                      /* six elements promised, one there */
        BYTES("\x01\xdd\xff\xff\xff\xff"),          /* 4294967295 elements */
        BYTES("\x01\x96\x01\xdb\xff\xff\xff\xffx"), /* a method of 4 GB */
        BYTES("\x01\x90"),
        BYTES("\x01\x91\x01"),
        BYTES("\x01\x92\x01\xa1x"),
        BYTES("\x01\xc0\xc0"),
        BYTES("\x01\x80"),
        BYTES("\x01\x96\xa1x\xa1x\x01\xc0\xc0\xc0"),                           /* an id that is text */
        BYTES("\x01\x96\x01\x05\x01\xc0\xc0\xc0"),                             /* a method that is a number */
        BYTES("\x01\x96\x01\xabroom.health\xa1x\xc0\xc0\xc0"),                 /* a deadline that is text */
        BYTES("\x01\x96\x01\xabroom.health\xcd\x13\x88\x05\xc0\xc0"),          /* a caller that is a number */
        BYTES("\x01\x96\x01\xabroom.health\xcd\x13\x88\xc0\x92\xa1x\xc0\x05"), /* arguments that are a
                                                                                  number */
        BYTES("\x01\x96\x01\xabroom."
              "create\xcd\x13\x88\xc0\x92\xa1x\xc0\xc4\x07\x92\xdf\xff\xff\xff\xff\x80"),          /* a map of
                                                                                                      4294967295
                                                                                                    */
        BYTES("\x01\x96\x01\xabroom.create\xcd\x13\x88\xc0\x92\xa1x\xc0\xc4\x00"),                 /* no arguments */
        BYTES("\x01\x96\x01\xabroom.create\xcd\x13\x88\xc0\x92\xa1x\xc0\xc6\xff\xff\xff\xff\x92"), /* 4 GB of
                                                                                                      them */
        BYTES("\x01\xc1\xc1\xc1"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        send_bytes(stack, cases[i].ptr, cases[i].len);
    send_bytes(stack, text("\x01%s", text_repeat("\x91", 100000)), 100001); /* nested deep */
    send_bytes(stack, text_repeat("\x01", 2 << 20), 2 << 20);
    for (unsigned char first = 0x80; first != 0; first++) {
        char bytes[] = {VERSION, (char)first, 1, 2, 3};
        send_bytes(stack, bytes, sizeof bytes);
    }
    stack_assert_alive(stack);
}

static void random_bytes_are_dropped(void **state)
{
    struct stack *stack = *state;
    uint64_t seed = 88172645463325252ULL;
    for (int part = 0; part < STACK_GATEWAY; part++) {
        struct wire wire = wire_open(stack_endpoint(stack, part));
        for (int message = 0; message < 500; message++) {
            char bytes[256];
            for (size_t at = 0; at < sizeof bytes; at++) {
                seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
                bytes[at] = (char)seed;
            }
            bytes[0] = VERSION;
            bytes[1] = message % 2 == 0 ? (char)0x96 : bytes[1];
            zmq_send(wire.socket, bytes, 1 + (seed >> 8) % 255, 0);
        }
        wire_close(&wire);
    }
    stack_assert_alive(stack);
}

static void a_message_of_many_frames_is_dropped(void **state)
{
    struct stack *stack = *state;
    struct wire wire = wire_open(stack_endpoint(stack, STACK_ROOM));
    for (int frame = 0; frame < 200000; frame++)
        zmq_send(wire.socket, "x", 1, ZMQ_SNDMORE);
    zmq_send(wire.socket, "x", 1, 0);
    struct buffer batch;
    batch_open(&batch);
    add_call(&batch, 9, 5000);
    wire_send(&wire, &batch);
    int64_t sum;
    assert_int_equal(receive_replies(&wire, 1, &sum), 1); /* and the same peer is served after it */
    wire_close(&wire);
    stack_assert_alive(stack);
}

static void a_sound_call_beside_garbage_is_served(void **state)
{
    struct stack *stack = *state;
    struct wire good = wire_open(stack_endpoint(stack, STACK_ROOM)), bad = wire_open(stack_endpoint(stack, STACK_ROOM));
    for (int64_t id = 1; id <= 20; id++) {
        zmq_send(bad.socket, "\x01\x96\x01", 3, 0);
        struct buffer batch;
        batch_open(&batch);
        add_call(&batch, id, 5000);
        wire_send(&good, &batch);
    }
    int64_t sum;
    assert_int_equal(receive_replies(&good, 20, &sum), 20);
    assert_int_equal(sum, 210);
    wire_close(&good);
    wire_close(&bad);
}

/* ---- a service that is none ---- */

/* Answers one message of the gateway, if there is one, with the bytes. */
static void answer_with(void *router, const char *bytes, size_t len)
{
    char peer[256], frame[65536];
    int peer_len = zmq_recv(router, peer, sizeof peer, ZMQ_DONTWAIT);
    if (peer_len < 0)
        return;
    zmq_recv(router, frame, sizeof frame, 0);
    zmq_send(router, peer, (size_t)peer_len, ZMQ_SNDMORE);
    zmq_send(router, bytes, len, 0);
}

static void the_gateway_survives_a_service_that_answers_nonsense(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct room room = make_room(stack, &user, (struct room_options){0});
    stack_kill(stack, STACK_ROOM, SIGTERM);
    void *context = zmq_ctx_new(), *router = zmq_socket(context, ZMQ_ROUTER);
    int no_linger = 0, wait_ms = 100;
    zmq_setsockopt(router, ZMQ_LINGER, &no_linger, sizeof no_linger);
    zmq_setsockopt(router, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms);
    assert_int_equal(zmq_bind(router, stack_endpoint(stack, STACK_ROOM)), 0);

    static const struct str replies[] = {
        BYTES("nonsense"),
        BYTES("\x01"),
        BYTES(""),
        BYTES("\x01\x94\x01\xc0\x80\x00"), /* a reply to a call nobody made */
        BYTES("\x01\xdd\xff\xff\xff\xff"),
        BYTES("\x02\x94\x01\xc0\x80\x00"),
        BYTES("\x01\x94\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xc0\x80\x00"),
    };
    int64_t until = now_ms() + 1500;
    for (size_t i = 0; now_ms() < until; i++) {
        if (i % 8 == 0 && i < 64) { /* asks, and leaves before any answer */
            char *bytes = text("GET /rooms/%lld HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n",
                               (long long)room.id, user.token);
            raw_send(stack, bytes, strlen(bytes), 20);
        }
        answer_with(router, replies[i % 7].ptr, replies[i % 7].len);
        sleep_ms(5);
    }
    zmq_close(router);
    zmq_ctx_term(context);
    stack_revive(stack, STACK_ROOM);
    stack_await_ready(stack, 5000);
    assert_int_equal(reply_integer(http_get(stack, user.token, "/rooms/%lld", (long long)room.id), "id"), room.id);
}

SUITE("bus_bytes", cmocka_unit_test(a_batch_is_answered_call_by_call),
      cmocka_unit_test(further_elements_of_a_call_are_passed_over),
      cmocka_unit_test(a_call_past_its_deadline_is_dropped), cmocka_unit_test(garbage_is_dropped),
      cmocka_unit_test(random_bytes_are_dropped), cmocka_unit_test(a_message_of_many_frames_is_dropped),
      cmocka_unit_test(a_sound_call_beside_garbage_is_served),
      cmocka_unit_test(the_gateway_survives_a_service_that_answers_nonsense))
