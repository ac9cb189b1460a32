/* Requests: what is read at their start, and what is done at their end. */
#include "gateway/request.h"

#include "common/clock.h"
#include "common/log.h"
#include "gateway/reply_headers.h"
#include "gateway/share.h"
#include "gateway/text.h"
#include "gateway/thread.h"

/* ---- the end ---- */

static bool is_of_operators(const struct request *request)
{
    return request->guard->listener->role == LISTENER_ADMIN;
}

static void note_end(const struct request *request, int status, int64_t took_us)
{
    struct metrics *metrics = request->thread->metrics;
    struct http_stats *http = metrics_http(metrics);
    metrics_note_request(metrics, request->match.route, status, took_us);
    counter_set(&http->requests, counter_read(&http->requests) - 1);
    counter_add(&http->bytes, request->req->bytes_sent);
}

/* What operators' machines ask all the time is told at length only. */
static void log_request(const struct request *request, int status, int64_t took_us)
{
    const h2o_req_t *req = request->req;
    LOG_LINE(is_of_operators(request) ? LOG_DEBUG : LOG_INFO, "request", LOG_S("method", str_of(req->input.method)),
             LOG_S("path", request->path), LOG_I("status", status), LOG_MS("duration_ms", took_us),
             LOG_I("bytes", req->bytes_sent), LOG_S("request_id", request->id),
             LOG_O("trace_id", trace_parent_id(request->traceparent)), LOG_S("remote", request->remote),
             LOG_I("user_id", request->subject.user_id));
}

/* Whether the reply went out as a whole; HTTP/2 tells by the bytes of the body. */
static bool was_reset(const struct request *request)
{
    const h2o_res_t *res = &request->req->res;
    bool has_body = !request->is_head && res->content_length != SIZE_MAX;
    return !request->is_answered || (has_body && request->req->bytes_sent < res->content_length);
}

static void on_gone(void *memory)
{
    struct request *request = memory;
    for (size_t i = 0; i < REQUEST_MAX_CALLS; i++)
        if (request->calls[i] != 0)
            bus_cancel(request->thread->bus, request->calls[i]);
    share_leave(request);
    request->thread->requests--;
    int status = request->is_answered ? request->req->res.status : 0;
    int64_t took_us = clock_now_us() - request->began_us;
    if (!is_of_operators(request))
        note_end(request, status, took_us);
    log_request(request, status, took_us);
    if (request->guard->stage == GUARD_PASSING)
        guard_spend_reset(request->guard, was_reset(request));
}

/* ---- the start ---- */

/* RFC 9112 §3.2.2: a client may send the whole URL. What counts is its path. */
static struct str origin_form(struct str target)
{
    const char *scheme_end = NULL;
    if (target.len > 7 && str_equal_nocase((struct str){target.ptr, 7}, STR("http://")))
        scheme_end = target.ptr + 7;
    else if (target.len > 8 && str_equal_nocase((struct str){target.ptr, 8}, STR("https://")))
        scheme_end = target.ptr + 8;
    if (scheme_end == NULL)
        return target;
    struct str rest = {scheme_end, (size_t)(target.ptr + target.len - scheme_end)};
    const char *slash = memchr(rest.ptr, '/', rest.len);
    return slash ? (struct str){slash, (size_t)(rest.ptr + rest.len - slash)} : STR("/");
}

static void read_target(struct request *request)
{
    struct str target = origin_form(str_of(request->req->input.path));
    const char *mark = target.len > 0 ? memchr(target.ptr, '?', target.len) : NULL;
    request->path = (struct str){target.ptr, mark ? (size_t)(mark - target.ptr) : target.len};
    request->query = mark ? (struct str){mark + 1, target.len - request->path.len - 1} : (struct str){"", 0};
}

/* Of a field that may come once, the first counts, as in Node. */
static void take_first(struct str *field, struct str value)
{
    if (field->len == 0)
        *field = value;
}

/* The lines of a field that is a list are one list. */
static void take_if_match(struct request *request, struct str value)
{
    if (request->has_if_match)
        value = str_of(h2o_concat(&request->req->pool, iovec_of(request->if_match), h2o_iovec_init(H2O_STRLIT(",")),
                                  iovec_of(value)));
    request->if_match = value;
    request->has_if_match = true;
}

/* Of two nobody knows which one counts: then neither does. */
static void read_traceparent(struct request *request, struct str value)
{
    bool is_good = !request->has_traceparent && trace_parent_read(value, request->parent);
    request->has_traceparent = true;
    request->traceparent = is_good ? (struct str){request->parent, TRACE_PARENT_LEN} : STR("");
}

static void read_other_field(struct request *request, struct str name, struct str value)
{
    if (str_equal(name, STR("x-request-id"))) {
        if (trace_is_request_id(value))
            request->id = value;
    } else if (str_equal(name, STR("traceparent"))) {
        read_traceparent(request, value);
    } else if (str_equal(name, STR("origin"))) {
        take_first(&request->origin, value);
    }
}

static void read_fields(struct request *request)
{
    const h2o_headers_t *headers = &request->req->headers;
    for (size_t i = 0; i < headers->size; i++) {
        const h2o_iovec_t *name = headers->entries[i].name;
        struct str value = str_of(headers->entries[i].value);
        if (name == &H2O_TOKEN_AUTHORIZATION->buf)
            take_first(&request->authorization, value);
        else if (name == &H2O_TOKEN_CONTENT_TYPE->buf)
            take_first(&request->content_type, value);
        else if (name == &H2O_TOKEN_CONTENT_ENCODING->buf)
            take_first(&request->content_encoding, value);
        else if (name == &H2O_TOKEN_IF_NONE_MATCH->buf)
            take_first(&request->if_none_match, value);
        else if (name == &H2O_TOKEN_IF_MATCH->buf)
            take_if_match(request, value);
        else if (name == &H2O_TOKEN_USER_AGENT->buf)
            request->user_agent = text_limit(value, BUS_MAX_AGENT);
        else if (name == &H2O_TOKEN_ACCEPT->buf)
            request->wants_problem = request->wants_problem || text_contains_nocase(value, STR(PROBLEM_TYPE));
        else if (!h2o_iovec_is_token(name))
            read_other_field(request, str_of(*name), value);
    }
}

/* The client, where the connection is a trusted proxy's: X-Forwarded-For is read backwards, from the last field. */
static void read_remote(struct request *request)
{
    const struct proxies *proxies = request->thread->gateway->proxies;
    struct address address = request->guard->address;
    request->remote = str_from(request->guard->remote);
    if (request->remote.len == 0 || !proxies_trust(proxies, &address))
        return;
    const h2o_headers_t *headers = &request->req->headers;
    bool goes_on = true;
    for (size_t i = headers->size; i > 0 && goes_on; i--)
        if (headers->entries[i - 1].name == &H2O_TOKEN_X_FORWARDED_FOR->buf)
            goes_on = proxies_follow(proxies, str_of(headers->entries[i - 1].value), &address);
    request->remote.ptr = request->forwarded_remote;
    request->remote.len = address_write(&address, request->forwarded_remote);
}

void request_note_call(struct request *request)
{
    request->asked_us = clock_now_us();
}

void request_note_reply(struct request *request, const struct bus_reply *reply)
{
    request->waited_us += clock_now_us() - request->asked_us;
    request->timing.service_us += reply->timing.service_us;
    request->timing.database_us += reply->timing.database_us;
}

bool request_is(const struct request *request, struct str method)
{
    return str_equal(str_of(request->req->input.method), method);
}

struct request *request_new(h2o_req_t *req)
{
    struct thread *thread = thread_of(req);
    struct request *request = h2o_mem_alloc_shared(&req->pool, sizeof *request, on_gone);
    *request = (struct request){.req = req, .thread = thread, .guard = guard_of(req)};
    thread->requests++;
    counter_add(&metrics_http(thread->metrics)->requests, !is_of_operators(request));
    request->began_us = clock_now_us();
    request->deadline_ms = request->began_us / 1000 + thread->gateway->config->request_timeout_ms;
    request->is_head = request_is(request, STR("HEAD"));
    request->is_read = request->is_head || request_is(request, STR("GET"));
    read_target(request);
    read_fields(request);
    read_remote(request);
    if (request->id.len == 0) {
        trace_make_request_id(&thread->id_generator, request->made_id);
        request->id = (struct str){request->made_id, TRACE_ID_LEN};
    }
    return request;
}
