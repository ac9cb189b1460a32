/* Calls to services over ZeroMQ: JSON in, MessagePack over the bus, JSON out. */
#include "tests/support/caller.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/buffer.h"
#include "common/bus.h"
#include "common/json.h"
#include "common/pack.h"
#include "tests/support/scratch.h"

enum { CALL_TIMEOUT_MS = 5000 };

struct caller_bus {
    struct bus *bus;
};

struct waiting {
    bool done;
    struct bus_answer *answer;
};

static void turn(struct caller_bus *caller)
{
    struct pollfd ready = {.fd = bus_descriptor(caller->bus), .events = POLLIN};
    if (!bus_turn(caller->bus))
        poll(&ready, 1, 5);
}

struct caller_bus *caller_bus_new(const struct stack *stack)
{
    struct caller_bus *caller = calloc(1, sizeof *caller);
    assert(caller != NULL);
    caller->bus = bus_new(NULL);
    for (int part = 0; part < STACK_GATEWAY; part++)
        assert_int_equal(bus_connect(caller->bus, (unsigned)part, stack_part_name(part), stack_endpoint(stack, part)),
                         OK);
    int64_t deadline = now_ms() + CALL_TIMEOUT_MS;
    for (int part = 0; part < STACK_GATEWAY; part++) {
        while (!bus_is_connected(caller->bus, (unsigned)part)) {
            if (now_ms() > deadline)
                fail_msg("no connection to %s", stack_part_name(part));
            turn(caller);
        }
    }
    return caller;
}

void caller_bus_destroy(struct caller_bus **caller)
{
    bus_destroy(&(*caller)->bus);
    free(*caller);
    *caller = NULL;
}

/* Unlike the gateway's json_to_pack it keeps what is nested: services may send each other that. */
static void append_value(struct buffer *out, json_t *value)
{
    const char *key;
    json_t *member;
    size_t index;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        pack_map(out, (uint32_t)json_object_size(value));
        json_object_foreach(value, key, member)
        {
            pack_string(out, str_from(key));
            append_value(out, member);
        }
        return;
    case JSON_ARRAY:
        pack_array(out, (uint32_t)json_array_size(value));
        json_array_foreach(value, index, member) append_value(out, member);
        return;
    case JSON_STRING:
        pack_string(out, (struct str){json_string_value(value), json_string_length(value)});
        return;
    case JSON_INTEGER:
        pack_integer(out, json_integer_value(value));
        return;
    case JSON_REAL:
        pack_real(out, json_real_value(value));
        return;
    case JSON_TRUE:
    case JSON_FALSE:
        pack_boolean(out, json_is_true(value));
        return;
    case JSON_NULL:
        pack_nil(out);
        return;
    }
}

static void append_object(struct buffer *out, const char *json)
{
    json_t *object = json_loads(json != NULL ? json : "{}", 0, NULL);
    assert_non_null(object);
    append_value(out, object);
    json_decref(object);
}

static void release(void *object)
{
    json_decref(object);
}

static void on_reply(void *context, const struct bus_reply *reply)
{
    struct waiting *waiting = context;
    struct buffer json = {0};
    waiting->answer->error = reply->error;
    waiting->answer->next_after = reply->next_after;
    if (reply->body.len > 0) {
        assert_true(json_from_pack(reply->body, &json));
        waiting->answer->body = json_loadb(json.data, json.len, JSON_DECODE_ANY, NULL);
        assert_non_null(waiting->answer->body);
        scratch_defer(release, waiting->answer->body);
    }
    buffer_free(&json);
    waiting->done = true;
}

struct bus_answer call_service_method(struct caller_bus *caller, enum stack_part part, const char *method,
                                      json_int_t user_id, const char *role, const char *path, const char *rest)
{
    struct buffer arguments = {0};
    pack_array(&arguments, 2);
    append_object(&arguments, path);
    append_object(&arguments, rest);

    struct bus_answer answer = {0};
    struct waiting waiting = {.answer = &answer};
    struct bus_request request = {
        .method = str_from(method),
        .caller = {.id = user_id, .role = str_from(role)},
        .request_id = STR("test"),
        .arguments = buffer_str(&arguments),
        .timeout_ms = CALL_TIMEOUT_MS,
    };
    enum error error = bus_call(caller->bus, (unsigned)part, &request, on_reply, &waiting, NULL);
    if (error != OK)
        answer.error = error;
    while (error == OK && !waiting.done)
        turn(caller);
    buffer_free(&arguments);
    return answer;
}
