/* Health and readiness. */
#include "gateway/admin.h"

#include "common/arena.h"
#include "common/json.h"
#include "gateway/respond.h"
#include "gateway/thread.h"
#include "proto/proto.h"

enum { PATIENCE_MS = 1000 };

/* One question to each service, in the pool of the request that waits for all of them. */
struct readiness {
    struct request *request;
    size_t waiting;
    struct probe {
        struct readiness *all;
        bool is_ready;
        struct str why_not; /* the pool's */
    } probes[SERVICE_COUNT];
};

/* ---- the reply ---- */

static void append_service(struct buffer *out, enum proto_service service, const struct probe *probe)
{
    json_append_string(out, str_from(proto_service_name(service)));
    buffer_append_str(out, probe->is_ready ? STR(":{\"ready\":true") : STR(":{\"ready\":false"));
    if (!probe->is_ready) {
        buffer_append_str(out, STR(",\"whyNot\":"));
        json_append_string(out, probe->why_not);
    }
    buffer_append_str(out, STR("},"));
}

/* While they are silent every request asks the services who calls: slower, and as right. */
static void append_feeds(struct buffer *out, const struct feed_subscriber *feed)
{
    buffer_append_str(out, feed_is_silent(feed)
                               ? STR("\"feeds\":{\"ready\":false,\"optional\":true,\"whyNot\":\"a feed of "
                                     "changes is silent: nothing is cached\"}")
                               : STR("\"feeds\":{\"ready\":true,\"optional\":true}"));
}

static void respond_readiness(struct readiness *readiness)
{
    struct buffer *out = &readiness->request->thread->reply;
    bool is_ready = true;
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        is_ready = is_ready && readiness->probes[i].is_ready;
    buffer_clear(out);
    buffer_append_str(out, is_ready ? STR("{\"ready\":true,\"dependencies\":{")
                                    : STR("{\"ready\":false,\"dependencies\":{"));
    for (enum proto_service service = 0; service < SERVICE_COUNT; service++)
        append_service(out, service, &readiness->probes[service]);
    append_feeds(out, readiness->request->thread->feed);
    buffer_append_str(out, STR("}}"));
    respond_json(readiness->request, is_ready ? 200 : 503, pool_copy(&readiness->request->req->pool, buffer_str(out)),
                 STR(""), 0);
}

/* ---- the questions ---- */

static void note(struct probe *probe, enum error error, struct str body)
{
    struct request *request = probe->all->request;
    struct health health;
    arena_reset(request->thread->arena);
    if (error == OK)
        error = schema_decode_view(&health_message, body, request->thread->arena, &health);
    probe->is_ready = error == OK && health.ready;
    if (error != OK)
        probe->why_not = str_from(error_message(error));
    else if (health.has_why_not)
        probe->why_not = pool_copy(&request->req->pool, health.why_not);
}

/* The service has answered this thread; the others may still be about to connect. */
static void note_threads(struct probe *probe)
{
    enum proto_service service = (enum proto_service)(probe - probe->all->probes);
    if (!probe->is_ready || thread_all_connected(probe->all->request->thread->gateway, service))
        return;
    probe->is_ready = false;
    probe->why_not = STR("some thread of the gateway is not connected");
}

static void on_health(void *context, const struct bus_reply *reply)
{
    struct probe *probe = context;
    struct readiness *readiness = probe->all;
    readiness->request->calls[probe - readiness->probes] = 0;
    note(probe, reply->error, reply->body);
    note_threads(probe);
    if (--readiness->waiting == 0)
        respond_readiness(readiness);
}

static void ask(struct readiness *readiness, enum proto_service service)
{
    static const char no_arguments[] = {(char)0x92, (char)0x80, (char)0x80}; /* [{}, {}] */
    struct request *request = readiness->request;
    struct probe *probe = &readiness->probes[service];
    arena_reset(request->thread->arena);
    struct bus_request call = {
        .method = arena_printf(request->thread->arena, "%s.health", proto_service_name(service)),
        .request_id = request->id,
        .arguments = {no_arguments, sizeof no_arguments},
        .timeout_ms = PATIENCE_MS,
    };
    probe->all = readiness;
    enum error error = thread_call(request->thread, service, &call, on_health, probe, &request->calls[service]);
    if (error == OK)
        readiness->waiting++;
    else
        note(probe, error, (struct str){"", 0});
}

/* Said by the one that drains, while it still serves: so that balancers send nobody more. */
static void respond_draining(struct request *request)
{
    respond_json(request, 503, STR("{\"ready\":false,\"whyNot\":\"it is being stopped\"}"), STR(""), 0);
}

static void start_readiness(struct request *request)
{
    struct readiness *readiness = h2o_mem_alloc_pool(&request->req->pool, sizeof *readiness);
    *readiness = (struct readiness){.request = request};
    for (enum proto_service service = 0; service < SERVICE_COUNT; service++)
        ask(readiness, service);
    if (readiness->waiting == 0)
        respond_readiness(readiness);
}

static void respond_metrics(struct request *request)
{
    struct buffer *page = &request->thread->reply;
    buffer_clear(page);
    metrics_write(request->thread->gateway, page);
    respond_page(request, STR(METRICS_TYPE), buffer_str(page));
}

static int on_request(h2o_handler_t *handler, h2o_req_t *req)
{
    (void)handler;
    struct request *request = request_new(req);
    guard_on_request(request->guard, req);
    if (request->is_read && str_equal(request->path, STR("/healthz")))
        respond_json(request, 200, STR("{\"status\":\"ok\"}"), STR(""), 0);
    else if (request->is_read && str_equal(request->path, STR("/readyz")) && drain_has_begun(request->thread))
        respond_draining(request);
    else if (request->is_read && str_equal(request->path, STR("/readyz")))
        start_readiness(request);
    else if (request->is_read && str_equal(request->path, STR("/metrics")))
        respond_metrics(request);
    else
        respond_error(request, &(struct failure){.error = ERROR_ROUTE_NOT_FOUND});
    return 0;
}

void admin_register(h2o_hostconf_t *host)
{
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    h2o_handler_t *handler = h2o_create_handler(path, sizeof *handler);
    handler->on_req = on_request;
}
