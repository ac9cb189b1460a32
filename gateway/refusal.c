/* Refusals as text. Nothing here is fast: each ends its connection. */
#include "gateway/refusal.h"

#include "common/log.h"
#include "gateway/error_body.h"
#include "gateway/reply_headers.h"
#include "gateway/text.h"
#include "gateway/thread.h"
#include "gateway/trace.h"
#include "proto/proto.h"

static struct str request_id_of(struct guard *guard, struct str head, char made[TRACE_ID_LEN])
{
    struct str sent = head_field(head, STR("x-request-id"));
    if (trace_is_request_id(sent))
        return sent;
    trace_make_request_id(&guard->thread->id_generator, made);
    return (struct str){made, TRACE_ID_LEN};
}

static void append_field(struct buffer *out, const char *name, struct str value)
{
    buffer_printf(out, "%s: %.*s\r\n", name, STR_ARGS(value));
}

static void append_fields(struct buffer *out, struct guard *guard, struct str head, struct str request_id)
{
#define FIELD(lower, name, value) append_field(out, name, STR(value));
    REPLY_HEADERS(FIELD)
#undef FIELD
    append_field(out, "X-Request-Id", request_id);
    struct str origin = head_field(head, STR("origin"));
    if (cors_allows(guard->thread->gateway->cors, origin)) {
        append_field(out, "Access-Control-Allow-Origin", origin);
        append_field(out, "Access-Control-Expose-Headers", STR(EXPOSED_HEADERS));
    }
}

static const char *date(struct thread *thread)
{
    h2o_get_timestamp(&thread->context, NULL, NULL); /* renews the cache */
    return thread->context._timestamp_cache.value->rfc1123;
}

void refusal_write(struct buffer *out, struct guard *guard, struct str head)
{
    const struct error_info *info = proto_error(guard->head.error);
    bool is_problem = text_contains_nocase(head_field(head, STR("accept")), STR(PROBLEM_TYPE));
    bool is_size = guard->head.error != ERROR_MALFORMED; /* whose own words say it */
    char made[TRACE_ID_LEN];
    struct str request_id = request_id_of(guard, head, made);
    struct failure failure = {.error = guard->head.error, .text = str_from(is_size ? NULL : guard->head.why)};
    struct buffer body = {0};
    error_body(&body, &failure, is_problem, request_id);
    buffer_printf(out,
                  "HTTP/1.1 %d %s\r\nDate: %s\r\nServer: " SERVER_NAME
                  "\r\nConnection: close\r\nContent-Length: %zu\r\nContent-Type: %s\r\n",
                  info->status, proto_status_text(info->status), date(guard->thread), body.len,
                  is_problem ? PROBLEM_TYPE : JSON_TYPE);
    append_fields(out, guard, head, request_id);
    buffer_append_str(out, STR("\r\n"));
    buffer_append_str(out, buffer_str(&body));
    metrics_note_request(guard->thread->metrics, NULL, info->status, 0);
    log_info("request refused", LOG_I("status", info->status), LOG_Z("why", guard->head.why),
             LOG_S("request_id", request_id), LOG_Z("remote", guard->remote));
    buffer_free(&body);
}
