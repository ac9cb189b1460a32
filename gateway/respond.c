/* Header fields are built in one vector of the request's pool; names and most values are constants. Names that h2o has
 * tokens for are tokens, which HTTP/2 needs; `vary` is not, because h2o would read the user agent for it. */
#include "gateway/respond.h"

#include "common/clock.h"
#include "common/log.h"
#include "gateway/etag.h"
#include "gateway/form.h"
#include "gateway/page_link.h"
#include "gateway/reply_headers.h"
#include "gateway/server_timing.h"
#include "gateway/text.h"
#include "gateway/thread.h"

enum { MOST_FIELDS = 20, DEFAULT_LIMIT = 100 };

/* A field's name as h2o knows it (lower case), and as it goes out in HTTP/1. */
struct name {
    h2o_iovec_t *known;
    const char *written;
};
#define TOKEN(token, text)                                                                                             \
    {                                                                                                                  \
        &(token)->buf, text                                                                                            \
    }
#define OTHER(lower, text)                                                                                             \
    {                                                                                                                  \
        &(h2o_iovec_t){H2O_STRLIT(lower)}, text                                                                        \
    }
static const struct name allow_headers = OTHER("access-control-allow-headers", "Access-Control-Allow-Headers");
static const struct name allow_methods = OTHER("access-control-allow-methods", "Access-Control-Allow-Methods");
static const struct name allow_origin = TOKEN(H2O_TOKEN_ACCESS_CONTROL_ALLOW_ORIGIN, "Access-Control-Allow-Origin");
static const struct name cache_control = TOKEN(H2O_TOKEN_CACHE_CONTROL, "Cache-Control");
static const struct name content_type = TOKEN(H2O_TOKEN_CONTENT_TYPE, "Content-Type");
static const struct name etag = TOKEN(H2O_TOKEN_ETAG, "ETag");
static const struct name expose_headers = OTHER("access-control-expose-headers", "Access-Control-Expose-Headers");
static const struct name link_name = TOKEN(H2O_TOKEN_LINK, "Link");
static const struct name max_age = OTHER("access-control-max-age", "Access-Control-Max-Age");
static const struct name rate_limit = OTHER("ratelimit-limit", "RateLimit-Limit");
static const struct name rate_remaining = OTHER("ratelimit-remaining", "RateLimit-Remaining");
static const struct name rate_reset = OTHER("ratelimit-reset", "RateLimit-Reset");
static const struct name request_id = OTHER("x-request-id", "X-Request-Id");
static const struct name retry_after = TOKEN(H2O_TOKEN_RETRY_AFTER, "Retry-After");
static const struct name server_timing = OTHER("server-timing", "Server-Timing");
static const struct name www_authenticate = TOKEN(H2O_TOKEN_WWW_AUTHENTICATE, "WWW-Authenticate");

#define FIELD(lower, text, constant)                                                                                   \
    {.name = &(h2o_iovec_t){H2O_STRLIT(lower)}, .orig_name = (text), .value = {H2O_STRLIT(constant)}},
static const h2o_header_t always[] = {REPLY_HEADERS(FIELD)};
#undef FIELD

static void add(struct request *request, const struct name *name, struct str value)
{
    h2o_headers_t *headers = &request->req->res.headers;
    assert(headers->size < MOST_FIELDS);
    headers->entries[headers->size++] =
        (h2o_header_t){.name = name->known, .orig_name = name->written, .value = iovec_of(value)};
}

static void add_origin(struct request *request)
{
    if (request->origin.len == 0 || !cors_allows(request->thread->gateway->cors, request->origin))
        return;
    add(request, &allow_origin, request->origin);
    add(request, &expose_headers, STR(EXPOSED_HEADERS));
}

static void add_number(struct request *request, const struct name *name, int64_t number)
{
    char *digits = h2o_mem_alloc_pool(&request->req->pool, TEXT_MAX_DECIMAL);
    add(request, name, (struct str){digits, text_put_decimal(digits, (uint64_t)number)});
}

/* draft-ietf-httpapi-ratelimit-headers-06 */
static void add_rate(struct request *request)
{
    if (request->rate.limit == 0)
        return;
    add_number(request, &rate_limit, request->rate.limit);
    add_number(request, &rate_remaining, request->rate.remaining);
    add_number(request, &rate_reset, request->rate.reset_s);
}

/* Of those who need not say who they are, how long the database took is not told: by that they could learn whether it
 * knows a name. */
static void add_server_timing(struct request *request)
{
    const struct route *route = request->match.route;
    bool is_detailed = route != NULL && (route->who == WHO_USER || route->who == WHO_ADMIN);
    char *value = h2o_mem_alloc_pool(&request->req->pool, SERVER_TIMING_MAX_LEN);
    size_t len = server_timing_write(value, clock_now_us() - request->began_us, request->waited_us, &request->timing,
                                     is_detailed);
    add(request, &server_timing, (struct str){value, len});
}

static void add_cache_control(struct request *request, int status)
{
    struct str path = request->match.route != NULL ? str_from(request->match.route->path) : STR("");
    if (str_starts_with(path, STR("/auth/")))
        add(request, &cache_control, STR("no-store"));
    else if (str_starts_with(path, STR("/.well-known/")) && status == 200)
        add(request, &cache_control, STR("public, max-age=300"));
}

/* Status, and the fields of every reply. */
static void begin(struct request *request, int status)
{
    h2o_req_t *req = request->req;
    assert(!request->is_answered);
    request->is_answered = true;
    req->res.status = status;
    req->res.reason = proto_status_text(status);
    req->res.headers = (h2o_headers_t){0};
    h2o_vector_reserve(&req->pool, &req->res.headers, MOST_FIELDS);
    memcpy(req->res.headers.entries, always, sizeof always);
    req->res.headers.size = sizeof always / sizeof *always;
    add(request, &request_id, request->id);
    add_origin(request);
    add_rate(request);
    add_server_timing(request);
    add_cache_control(request, status);
    if (drain_has_begun(request->thread))
        req->http1_is_persistent = 0;
}

static void send_reply(struct request *request, struct str body)
{
    static h2o_generator_t generator = {NULL, NULL};
    h2o_iovec_t bytes = iovec_of(body);
    h2o_start_response(request->req, &generator);
    h2o_send(request->req, &bytes, request->is_head || body.len == 0 ? 0 : 1, H2O_SEND_STATE_FINAL);
    guard_on_reply(request->guard);
}

static void send_body(struct request *request, struct str type, struct str body)
{
    add(request, &content_type, type);
    request->req->res.content_length = body.len;
    send_reply(request, body);
}

/* ---- success ---- */

/* Adds the tag; whether the client has what it stands for. */
static bool add_etag(struct request *request, struct str tag)
{
    struct str value = pool_copy(&request->req->pool, tag);
    add(request, &etag, value);
    return request->is_read && request->if_none_match.len > 0 && etag_matches(request->if_none_match, value);
}

/* The limit that the request asked for (a service has let it pass), or the contract's. */
static int64_t limit_of(struct request *request)
{
    struct str text;
    int64_t limit;
    bool has = form_find(request->query, STR("limit"), request->thread->arena, &text) && str_to_int64(text, &limit);
    return has ? limit : DEFAULT_LIMIT;
}

static void add_link(struct request *request, int64_t next_after)
{
    struct buffer link = {0};
    page_link(&link, request->path, request->query, limit_of(request), next_after);
    add(request, &link_name, pool_copy(&request->req->pool, buffer_str(&link)));
    buffer_free(&link);
}

void respond_json(struct request *request, int status, struct str json, struct str tag, int64_t next_after)
{
    begin(request, status);
    if (next_after != 0)
        add_link(request, next_after);
    if (tag.len > 0 && add_etag(request, tag)) {
        request->req->res.status = 304;
        request->req->res.reason = "Not Modified";
        send_reply(request, (struct str){"", 0});
        return;
    }
    send_body(request, STR(JSON_TYPE), json);
}

void respond_page(struct request *request, struct str type, struct str body)
{
    begin(request, 200);
    send_body(request, type, pool_copy(&request->req->pool, body));
}

void respond_nothing(struct request *request)
{
    begin(request, 204);
    send_reply(request, (struct str){"", 0});
}

void respond_preflight(struct request *request)
{
    begin(request, 204);
    add(request, &allow_methods, STR("GET,POST,PUT,PATCH,DELETE,OPTIONS"));
    add(request, &allow_headers, STR("Content-Type,Authorization,If-Match,If-None-Match,X-Request-Id,Traceparent"));
    add(request, &max_age, STR("600"));
    send_reply(request, (struct str){"", 0});
}

/* ---- failure ---- */

static void begin_error(struct request *request, const struct failure *failure)
{
    int status = proto_error(failure->error)->status;
    begin(request, status);
    if (status == 401)
        add(request, &www_authenticate, STR("Bearer"));
    if (status == 429 && request->rate.reset_s > 0)
        add_number(request, &retry_after, request->rate.reset_s);
    else if (status == 429 || status == 503 || status == 504)
        add(request, &retry_after, STR("1"));
}

static struct str type_of_error(const struct request *request)
{
    return request->wants_problem ? STR(PROBLEM_TYPE) : STR(JSON_TYPE);
}

void respond_error(struct request *request, const struct failure *failure)
{
    struct buffer *body = &request->thread->reply;
    buffer_clear(body);
    error_body(body, failure, request->wants_problem, request->id);
    begin_error(request, failure);
    send_body(request, type_of_error(request), pool_copy(&request->req->pool, buffer_str(body)));
}

void respond_prepare_error(struct request *request, const struct failure *failure, size_t body_len)
{
    begin_error(request, failure);
    add(request, &content_type, type_of_error(request));
    request->req->res.content_length = body_len;
}
