/* The services without HTTP: their methods over ZeroMQ, and what they do with bytes that are no calls. */
#include <signal.h>
#include <string.h>
#include <zmq.h>

#include "common/buffer.h"
#include "common/pack.h"
#include "tests/support/caller.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/raw.h"
#include "tests/support/scratch.h"

enum { VERSION = 1, REPLY_TIMEOUT_MS = 2000 };

static const enum stack_part services[] = {STACK_AUTH, STACK_USER, STACK_ROOM};

/* ---- methods ---- */

static void services_tell_their_health(void **state)
{
    struct stack *stack = *state;
    struct caller_bus *bus = caller_bus_new(stack);
    for (size_t i = 0; i < 3; i++) {
        const char *name = stack_part_name(services[i]);
        struct bus_answer answer = call_service_method(bus, services[i], text("%s.health", name), 0, "", NULL, NULL);
        assert_int_equal(answer.error, OK);
        assert_string_equal(object_string(answer.body, "service"), name);
        assert_true(json_is_true(json_object_get(answer.body, "ready")));
    }
    caller_bus_destroy(&bus);
}

static void the_room_service_answers_without_http(void **state)
{
    struct stack *stack = *state;
    struct caller_bus *bus = caller_bus_new(stack);
    struct user user = make_user(stack);
    struct bus_answer made =
        call_service_method(bus, STACK_ROOM, "room.create", user.id, "user", NULL, "{\"name\":\"by bus\"}");
    assert_int_equal(made.error, OK);
    char *path = text("{\"id\":\"%lld\"}", (long long)object_integer(made.body, "id"));
    struct bus_answer got = call_service_method(bus, STACK_ROOM, "room.get", user.id, "user", path, NULL);
    assert_int_equal(got.error, OK);
    assert_true(json_equal(got.body, made.body));
    struct bus_answer page = call_service_method(bus, STACK_ROOM, "room.list", user.id, "user", NULL, "{\"limit\":1}");
    assert_int_equal(page.error, OK);
    assert_int_equal(json_array_size(page.body), 1);
    caller_bus_destroy(&bus);
}

static void a_page_that_is_not_the_last_names_the_next(void **state)
{
    struct stack *stack = *state;
    struct caller_bus *bus = caller_bus_new(stack);
    struct user users[3];
    make_users(stack, users, 3);
    struct bus_answer page =
        call_service_method(bus, STACK_USER, "user.list", users[0].id, "user", NULL, "{\"limit\":2}");
    assert_int_equal(page.error, OK);
    assert_int_equal(page.next_after, object_integer(json_array_get(page.body, 1), "id"));
    struct bus_answer all =
        call_service_method(bus, STACK_USER, "user.list", users[0].id, "user", NULL, "{\"limit\":100}");
    assert_int_equal(all.next_after, 0);
    caller_bus_destroy(&bus);
}

static void errors_cross_the_bus_by_code_and_text(void **state)
{
    struct stack *stack = *state;
    struct caller_bus *bus = caller_bus_new(stack);
    struct user user = make_user(stack), other = make_user(stack);
    struct room room = make_room(stack, &user, (struct room_options){0});
    struct bus_answer missing =
        call_service_method(bus, STACK_ROOM, "room.get", user.id, "user", "{\"id\":\"999999\"}", NULL);
    assert_int_equal(missing.error, ERROR_ROOM_NOT_FOUND);
    assert_string_equal(json_string_value(missing.body), "Room with ID 999999 not found");
    struct bus_answer invalid = call_service_method(bus, STACK_ROOM, "room.create", user.id, "user", NULL, "{\"x\":1}");
    assert_int_equal(invalid.error, ERROR_VALIDATION);
    assert_string_equal(json_string_value(json_array_get(invalid.body, 0)), "property x should not exist");
    char *path = text("{\"id\":\"%lld\"}", (long long)room.id);
    assert_int_equal(call_service_method(bus, STACK_ROOM, "room.delete", other.id, "user", path, NULL).error,
                     ERROR_FORBIDDEN);
    assert_int_equal(call_service_method(bus, STACK_ROOM, "room.delete", other.id, "admin", path, NULL).error, OK);
    assert_int_equal(call_service_method(bus, STACK_ROOM, "room.get", user.id, "user", "{\"id\":\"x\"}", NULL).error,
                     ERROR_ID_NOT_NUMERIC);
    caller_bus_destroy(&bus);
}

static void ids_come_from_the_path_only(void **state)
{
    struct stack *stack = *state;
    struct caller_bus *bus = caller_bus_new(stack);
    struct user user = make_user(stack);
    struct room room = make_room(stack, &user, (struct room_options){0});
    char *rest = text("{\"id\":%lld}", (long long)room.id);
    assert_int_not_equal(call_service_method(bus, STACK_ROOM, "room.get", user.id, "user", NULL, rest).error, OK);
    caller_bus_destroy(&bus);
}

static void the_user_service_knows_principals(void **state)
{
    struct stack *stack = *state;
    struct caller_bus *bus = caller_bus_new(stack);
    struct user user = make_user(stack), admin = make_admin(stack);
    struct bus_answer answer = call_service_method(bus, STACK_USER, "user.principal", 0, "", NULL,
                                                   text("{\"userId\":%lld}", (long long)user.id));
    assert_int_equal(answer.error, OK);
    assert_string_equal(object_string(answer.body, "role"), "user");
    answer = call_service_method(bus, STACK_USER, "user.principal", 0, "", NULL,
                                 text("{\"userId\":%lld}", (long long)admin.id));
    assert_string_equal(object_string(answer.body, "role"), "admin");
    assert_int_equal(call_service_method(bus, STACK_USER, "user.principal", 0, "", NULL, "{\"userId\":999999}").error,
                     ERROR_USER_NOT_FOUND);
    char *by_name = text("{\"username\":\"%s\"}", user.username);
    assert_int_equal(object_integer(call_service_method(bus, STACK_USER, "user.find", 0, "", NULL, by_name).body, "id"),
                     user.id);
    caller_bus_destroy(&bus);
}

static void a_reserved_name_is_free_until_it_is_created(void **state)
{
    struct stack *stack = *state;
    struct caller_bus *bus = caller_bus_new(stack);
    static const char person[] = "{\"username\":\"reserved\",\"email\":\"reserved@example.org\"}";
    struct bus_answer first = call_service_method(bus, STACK_USER, "user.reserve", 0, "", NULL, person);
    struct bus_answer second = call_service_method(bus, STACK_USER, "user.reserve", 0, "", NULL, person);
    assert_int_equal(first.error, OK);
    assert_int_equal(second.error, OK);
    assert_true(object_integer(first.body, "userId") != object_integer(second.body, "userId"));
    char *one = text("{\"userId\":%lld,%s", (long long)object_integer(first.body, "userId"), person + 1);
    char *two = text("{\"userId\":%lld,%s", (long long)object_integer(second.body, "userId"), person + 1);
    assert_int_equal(call_service_method(bus, STACK_USER, "user.create", 0, "", NULL, one).error, OK);
    assert_int_equal(call_service_method(bus, STACK_USER, "user.create", 0, "", NULL, two).error, ERROR_USER_EXISTS);
    assert_int_equal(call_service_method(bus, STACK_USER, "user.reserve", 0, "", NULL, person).error,
                     ERROR_USER_EXISTS);
    caller_bus_destroy(&bus);
}

static void a_method_that_is_not_there_is_answered(void **state)
{
    struct stack *stack = *state;
    struct caller_bus *bus = caller_bus_new(stack);
    static const char *const methods[] = {"room.nonsense", "user.get", "room", "room.create\n"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        struct bus_answer answer = call_service_method(bus, STACK_ROOM, methods[i], 1, "user", NULL, NULL);
        assert_int_not_equal(answer.error, OK);
        assert_int_not_equal(answer.error, ERROR_TIMEOUT);
    }
    caller_bus_destroy(&bus);
}

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
    for (size_t i = 0; i < 3; i++) {
        struct wire wire = wire_open(stack_endpoint(stack, services[i]));
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
    for (size_t i = 0; i < 3; i++) {
        struct wire wire = wire_open(stack_endpoint(stack, services[i]));
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

SUITE("bus", cmocka_unit_test(services_tell_their_health), cmocka_unit_test(the_room_service_answers_without_http),
      cmocka_unit_test(a_page_that_is_not_the_last_names_the_next),
      cmocka_unit_test(errors_cross_the_bus_by_code_and_text), cmocka_unit_test(ids_come_from_the_path_only),
      cmocka_unit_test(the_user_service_knows_principals),
      cmocka_unit_test(a_reserved_name_is_free_until_it_is_created),
      cmocka_unit_test(a_method_that_is_not_there_is_answered), cmocka_unit_test(a_batch_is_answered_call_by_call),
      cmocka_unit_test(further_elements_of_a_call_are_passed_over),
      cmocka_unit_test(a_call_past_its_deadline_is_dropped), cmocka_unit_test(garbage_is_dropped),
      cmocka_unit_test(random_bytes_are_dropped), cmocka_unit_test(a_message_of_many_frames_is_dropped),
      cmocka_unit_test(a_sound_call_beside_garbage_is_served),
      cmocka_unit_test(the_gateway_survives_a_service_that_answers_nonsense))
