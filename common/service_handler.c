/* What handlers use: queries, replies, and calls of other services. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/fiber.h"
#include "common/log.h"
#include "common/service_internal.h"

/* ---- queries ---- */

static void note_query(struct call *call, int64_t begun_us)
{
    int64_t took_us = clock_now_us() - begun_us;
    call->database_us += took_us;
    histogram_time(&call->service->stats.statement, took_us);
}

enum error call_query_values(struct call *call, const struct statement *statement, struct db_result *result,
                             const struct db_value *values, size_t count)
{
    if (call->service->db == NULL)
        return ERROR_UNAVAILABLE;
    int64_t begun_us = clock_now_us();
    enum error error = db_query(call->service->db, call->arena, call->deadline_ms, statement, values, count, result);
    note_query(call, begun_us);
    return error;
}

enum error call_find(struct call *call, const struct statement *statement, int64_t key, struct db_result *result)
{
    if (call->service->db == NULL)
        return ERROR_UNAVAILABLE;
    int64_t begun_us = clock_now_us();
    enum error error = db_find(call->service->db, call->arena, call->deadline_ms, statement, key, result);
    note_query(call, begun_us);
    return error;
}

/* ---- replies ---- */

__attribute__((format(printf, 2, 0))) static struct str format_text(struct call *call, const char *format,
                                                                    va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, arguments);
    assert(len >= 0);
    char *text = arena_alloc(call->arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return (struct str){text, (size_t)len};
}

enum error call_fail(struct call *call, enum error error, const char *format, ...)
{
    assert(error != OK && format != NULL);
    va_list arguments;
    va_start(arguments, format);
    struct str text = format_text(call, format, arguments);
    va_end(arguments);
    buffer_clear(&call->body);
    pack_string(&call->body, text);
    call->failure = error;
    return error;
}

enum error call_fail_validation(struct call *call, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct str text = format_text(call, format, arguments);
    va_end(arguments);
    buffer_clear(&call->body);
    pack_array(&call->body, 1);
    pack_string(&call->body, text);
    call->failure = ERROR_VALIDATION;
    return ERROR_VALIDATION;
}

void call_set_rate(struct call *call, struct rate rate)
{
    assert(rate.limit >= 0 && rate.remaining >= 0 && rate.reset_s >= 0);
    call->rate = rate;
}

void call_set_version(struct call *call, int64_t version)
{
    assert(version > 0);
    call->version = version;
}

void call_set_for_all(struct call *call)
{
    call->is_for_all = true;
}

static void begin_reply(struct call *call)
{
    buffer_clear(&call->body);
    call->failure = OK;
    call->next_after = 0;
    call->variant = STR("");
    call->version = 0;
    call->is_for_all = false;
}

enum error call_reply(struct call *call, const void *out)
{
    assert(call->method->out != NULL && !call->method->out_is_list);
    begin_reply(call);
    schema_encode(call->method->out, out, &call->body);
    return OK;
}

enum error call_reply_variant(struct call *call, const struct message *message, const void *out)
{
    begin_reply(call);
    schema_encode(message, out, &call->body);
    call->variant = str_from(message->name);
    return OK;
}

void call_list_open(struct call *call)
{
    assert(call->method->out_is_list);
    begin_reply(call);
    call->list_place = pack_open_array(&call->body);
    call->list_count = 0;
}

void call_list_add(struct call *call, const void *out)
{
    schema_encode(call->method->out, out, &call->body);
    call->list_count++;
}

enum error call_list_end(struct call *call, int64_t next_after)
{
    pack_close(&call->body, call->list_place, call->list_count);
    call->next_after = next_after;
    return OK;
}

/* ---- calling other services ---- */

bool service_connect(struct service *service, unsigned target, const char *name, const char *configured)
{
    const char *endpoints = service_endpoint(service, configured, name);
    enum error error = bus_connect(service->bus, target, name, endpoints);
    if (error != OK)
        log_error("cannot connect", LOG_Z("endpoints", endpoints), LOG_Z("reason", error_message(error)));
    else
        service->connections[service->connection_count++] = (struct connection_to){target, name};
    return error == OK;
}

/* A call of ours under way; lies on the stack of the fiber that waits. */
struct remote {
    struct call *call;
    struct fiber *fiber;
    enum error error;
    struct str body;
};

static void on_reply(void *context, const struct bus_reply *reply)
{
    struct remote *remote = context;
    remote->error = reply->error;
    remote->call->database_us += reply->timing.database_us;
    remote->body = arena_copy(remote->call->arena, reply->body);
    fiber_resume(remote->fiber);
}

/* What the other would refuse on tcp:// is refused on ipc:// too, so that it shows before there are several hosts. */
static bool may_call(const struct service_definition *self, const struct method *method)
{
    bool may_call = self->may_call(str_from(self->name), method);
    if (!may_call)
        log_error("this service may not call that method", LOG_Z("method", method->name));
    return may_call;
}

static enum error send_call(struct call *call, const struct method *method, const void *in, struct remote *remote)
{
    if (!may_call(call->service->definition, method))
        return ERROR_INTERNAL;
    int64_t left_ms = call->deadline_ms - loop_now_ms();
    if (left_ms <= 0)
        return ERROR_TIMEOUT;
    struct buffer *arguments = &call->service->scratch;
    buffer_clear(arguments);
    schema_encode_arguments(method->in, in, arguments);
    const struct bus_request request = {.method = str_from(method->name),
                                        .caller = call->caller,
                                        .client = call->client,
                                        .request_id = call->request_id,
                                        .traceparent = call->traceparent,
                                        .arguments = buffer_str(arguments),
                                        .timeout_ms = left_ms < BUS_MAX_TIMEOUT_MS ? left_ms : BUS_MAX_TIMEOUT_MS,
                                        .is_repeatable = call->service->definition->is_repeatable(method)};
    return bus_call(call->service->bus, method->target, &request, on_reply, remote, NULL);
}

static void carry_over(struct call *call, enum error error, struct str body)
{
    struct pack_reader reader = pack_reader(body);
    struct pack_value value;
    if (!pack_read(&reader, &value) || (value.type != PACK_STRING && value.type != PACK_ARRAY))
        return;
    buffer_clear(&call->body);
    pack_raw(&call->body, body);
    call->failure = error;
}

/* Until the other has answered. Its words on its failure become this call's, should it fail with the same. */
static enum error ask(struct call *call, const struct method *method, const void *in, struct str *body)
{
    assert(fiber_current() != NULL);
    struct remote remote = {.call = call, .fiber = fiber_current()};
    TRY(send_call(call, method, in, &remote));
    fiber_suspend();
    if (remote.error != OK)
        carry_over(call, remote.error, remote.body);
    *body = remote.body;
    return remote.error;
}

enum error call_service(struct call *call, const struct method *method, const void *in, void *out)
{
    struct str body;
    assert(!method->out_is_list && (out == NULL || method->out != NULL));
    TRY(ask(call, method, in, &body));
    return out != NULL ? schema_decode_view(method->out, body, call->arena, out) : OK;
}

enum error call_service_list(struct call *call, const struct method *method, const void *in, struct call_list *out)
{
    struct str body, row;
    uint32_t count;
    assert(method->out_is_list);
    TRY(ask(call, method, in, &body));
    struct pack_reader reader = pack_reader(body);
    if (!pack_read_array(&reader, &count))
        return ERROR_INTERNAL;
    size_t size = method->out->struct_size;
    char *rows = arena_alloc(call->arena, count * size);
    for (uint32_t i = 0; i < count; i++) {
        if (!pack_skip(&reader, &row))
            return ERROR_INTERNAL;
        TRY(schema_decode_view(method->out, row, call->arena, rows + i * size));
    }
    *out = (struct call_list){.rows = rows, .count = count};
    return pack_at_end(&reader) ? OK : ERROR_INTERNAL;
}
