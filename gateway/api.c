/* The order of checks is the contract's: CORS → size and syntax of the body → route → token → role → the service, which
 * decides on ownership and validity. */
#include "gateway/api.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/pack.h"
#include "gateway/authorize.h"
#include "gateway/body.h"
#include "gateway/etag.h"
#include "gateway/form.h"
#include "gateway/respond.h"
#include "gateway/share.h"
#include "gateway/thread.h"

/* ---- calling ---- */

static struct client client_of(const struct request *request, const struct method *method)
{
    return (struct client){.address = request->remote,
                           .agent = method->target == SERVICE_auth ? request->user_agent : STR("")};
}

enum error api_send(struct request *request, const struct method *method, struct str arguments,
                    void (*on_reply)(void *context, const struct bus_reply *reply), void *context, bus_call_id *id)
{
    struct bus_request call = {
        .method = str_from(method->name),
        .caller = {.id = request->subject.user_id,
                   .role = {request->principal.role, request->principal.role_len},
                   .session_id = request->subject.session_id},
        .client = client_of(request, method),
        .request_id = request->id,
        .traceparent = request->traceparent,
        .arguments = arguments,
        .timeout_ms = request->deadline_ms - clock_now_ms(),
        .is_repeatable = proto_is_repeatable(method),
    };
    if (call.timeout_ms <= 0)
        return ERROR_TIMEOUT;
    return thread_call(request->thread, method->target, &call, on_reply, context, id);
}

/* Of success; 0 for a reply that the tables do not know. */
static int status_of(const struct route *route, const struct bus_reply *reply)
{
    if (reply->variant.len == 0)
        return route->status;
    const struct variant *variant = proto_variant(route->method, reply->variant);
    return variant != NULL ? variant->status : 0;
}

/* A good reply as it goes out: made once for all who get it. */
struct rendering {
    int status; /* 0 = it could not be made */
    struct str json;
    char tag[ETAG_MAX_LEN];
    size_t tag_len; /* 0 = it has none */
};

static void render(const struct request *request, const struct bus_reply *reply, struct buffer *json,
                   struct rendering *rendering)
{
    *rendering = (struct rendering){.status = status_of(request->match.route, reply)};
    if (rendering->status == 0 || rendering->status == 204)
        return;
    if (!json_from_pack(reply->body, json)) {
        rendering->status = 0;
        return;
    }
    rendering->json = buffer_str(json);
    if (reply->version > 0)
        rendering->tag_len = etag_make_versioned(reply->version, rendering->json, rendering->tag);
    else if (rendering->status == 200 && request->is_read)
        rendering->tag_len = etag_make(rendering->json, rendering->tag);
}

static void answer(struct request *request, const struct bus_reply *reply, const struct rendering *rendering)
{
    request_note_reply(request, reply);
    request->rate = reply->rate;
    if (reply->error != OK)
        respond_error(request, &(struct failure){.error = reply->error, .packed = reply->body});
    else if (rendering->status == 0)
        respond_error(request, &(struct failure){.error = ERROR_INTERNAL});
    else if (rendering->status == 204)
        respond_nothing(request);
    else
        respond_json(request, rendering->status, rendering->json, (struct str){rendering->tag, rendering->tag_len},
                     reply->next_after);
}

static void on_reply(void *context, const struct bus_reply *reply)
{
    struct request *request = context;
    struct rendering rendering = {0};
    request->calls[0] = 0;
    arena_reset(request->thread->arena);
    buffer_clear(&request->thread->reply);
    if (reply->error == OK)
        render(request, reply, &request->thread->reply, &rendering);
    rendering.json = pool_copy(&request->req->pool, rendering.json);
    answer(request, reply, &rendering);
}

/* One text for all, which goes with the last of their pools. */
static void on_shared_reply(h2o_linklist_t *requests, const struct bus_reply *reply)
{
    struct rendering rendering = {0};
    struct request *request = share_next(requests);
    struct buffer *scratch = &request->thread->reply;
    buffer_clear(scratch);
    if (reply->error == OK)
        render(request, reply, scratch, &rendering);
    char *json = h2o_mem_alloc_shared(NULL, rendering.json.len, NULL);
    h2o_memcpy(json, rendering.json.ptr, rendering.json.len);
    rendering.json.ptr = json;
    for (; request != NULL; request = share_next(requests)) {
        arena_reset(request->thread->arena);
        h2o_mem_link_shared(&request->req->pool, json);
        answer(request, reply, &rendering);
    }
    h2o_mem_release_shared(json);
}

static void call_service(struct request *request, struct str arguments)
{
    if (share_is_possible(request)) {
        share_call(request, request->match.route->method, arguments, on_shared_reply);
        return;
    }
    request_note_call(request);
    enum error error =
        api_send(request, request->match.route->method, arguments, on_reply, request, &request->calls[0]);
    if (error != OK)
        respond_error(request, &(struct failure){.error = error});
}

/* ---- reading ---- */

/* Method and URL as sent */
static struct str not_found_text(struct request *request)
{
    struct str method = str_of(request->req->input.method), url = str_of(request->req->input.path);
    return arena_printf(request->thread->arena, "Cannot %.*s %.*s", STR_ARGS(method), STR_ARGS(url));
}

static enum error find_route(struct request *request, struct failure *failure)
{
    enum verb verb;
    if (router_is_ambiguous(request->path)) {
        failure->text = STR("the path holds an escaped slash or null character");
        return ERROR_MALFORMED;
    }
    if (router_verb(str_of(request->req->input.method), &verb) &&
        router_match(request->thread->gateway->router, verb, request->path, &request->match))
        return OK;
    failure->text = not_found_text(request);
    return ERROR_ROUTE_NOT_FOUND;
}

/* The field of type VERSIONS that the header fills; NULL = none. */
static const struct field *versions_field(const struct request *request, struct integers *versions)
{
    const struct message *message = request->match.route->method->in;
    for (size_t i = 0; i < message->field_count && request->has_if_match; i++)
        if (message->fields[i].type == FIELD_VERSIONS)
            return etag_versions(request->if_match, request->thread->arena, versions) ? &message->fields[i] : NULL;
    return NULL;
}

static void pack_versions(const struct field *field, const struct integers *versions, struct buffer *out)
{
    pack_string(out, (struct str){field->name, field->name_len});
    pack_array(out, (uint32_t)versions->count);
    for (size_t i = 0; i < versions->count; i++)
        pack_integer(out, versions->values[i]);
}

static enum error pack_parameters(struct request *request, struct buffer *out, struct failure *failure)
{
    const struct route_match *match = &request->match;
    struct integers versions;
    const struct field *field = versions_field(request, &versions);
    pack_map(out, (uint32_t)match->count + (field != NULL));
    if (field != NULL)
        pack_versions(field, &versions, out);
    for (size_t i = 0; i < match->count; i++) {
        struct str value;
        if (!form_decode_segment(match->values[i], request->thread->arena, &value)) {
            failure->text =
                arena_printf(request->thread->arena, "Failed to decode param '%.*s'", STR_ARGS(match->values[i]));
            return ERROR_MALFORMED;
        }
        pack_string(out, match->names[i]);
        pack_string(out, value);
    }
    return OK;
}

/* A whole number where the field is one and the text is one; the service says what it thinks of other text. */
static void pack_query_value(const struct field *field, struct str value, struct buffer *out)
{
    int64_t number;
    if (field->type == FIELD_INTEGER && str_to_int64(value, &number))
        pack_integer(out, number);
    else
        pack_string(out, value);
}

static enum error pack_query(struct request *request, struct buffer *out, struct failure *failure)
{
    const struct message *message = request->match.route->method->in;
    size_t place = pack_open_map(out);
    uint32_t count = 0;
    for (size_t i = 0; i < message->field_count; i++) {
        const struct field *field = &message->fields[i];
        struct str name = {field->name, field->name_len}, value;
        if (field->type == FIELD_ID || !form_find(request->query, name, request->thread->arena, &value))
            continue;
        if (!str_is_utf8(value)) {
            failure->text = STR("the query is not UTF-8");
            return ERROR_MALFORMED;
        }
        pack_string(out, name);
        pack_query_value(field, value, out);
        count++;
    }
    pack_close(out, place, count);
    return OK;
}

/* The method's arguments: [{what path and header say}, {the rest}], to the thread's buffer. */
static enum error pack_arguments(struct request *request, struct failure *failure)
{
    struct buffer *out = &request->thread->arguments;
    buffer_clear(out);
    pack_array(out, 2);
    enum error error = pack_parameters(request, out, failure);
    if (error != OK)
        return error;
    if (request->match.route->verb == VERB_GET)
        return pack_query(request, out, failure);
    pack_raw(out, buffer_str(&request->thread->body));
    return OK;
}

static enum error read_request(struct request *request, struct failure *failure)
{
    struct thread *thread = request->thread;
    buffer_clear(&thread->body);
    enum error error = body_to_pack(str_of(request->req->entity), request->content_type, request->content_encoding,
                                    thread->arena, &thread->body, &failure->text);
    if (error == OK)
        error = find_route(request, failure);
    return error == OK ? pack_arguments(request, failure) : error;
}

static int on_request(h2o_handler_t *handler, h2o_req_t *req)
{
    (void)handler;
    struct request *request = request_new(req);
    guard_on_request(request->guard, req);
    arena_reset(request->thread->arena);
    if (request_is(request, STR("OPTIONS"))) {
        respond_preflight(request);
        return 0;
    }
    struct failure failure = {0};
    failure.error = read_request(request, &failure);
    if (failure.error == OK)
        authorize(request, buffer_str(&request->thread->arguments), call_service);
    else
        respond_error(request, &failure);
    return 0;
}

void api_register(h2o_hostconf_t *host)
{
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    h2o_handler_t *handler = h2o_create_handler(path, sizeof *handler);
    handler->on_req = on_request;
}
