/* The loop. Calls made in a turn leave together at its end; what arrives then is answered in the same turn. */
#include "gateway/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <systemd/sd-daemon.h>

#include "common/allocate.h"
#include "common/clock.h"
#include "common/log.h"
#include "gateway/guard.h"
#include "proto/proto.h"

enum {
    LINGER_MS = 2000,
    ACCEPT_PAUSE_MS = 100,
    HOUSEKEEPING_MS = 1000,
    STEP_MS = 20, /* while it starts or stops */
    CONNECT_PATIENCE_MS = 2000,
    LAST_TURNS = 50, /* for HTTP/2 connections to notice that they were shut down */
    LAST_TURN_MS = 10,
};

/* ---- the bus ---- */

/* At the end of the turn, within the loop: replies written outside of it would wait for its next event to go on. */
void thread_plan_turn(struct thread *thread)
{
    if (!h2o_timeout_is_linked(&thread->bus_turn))
        h2o_timeout_link(thread->context.loop, &thread->context.zero_timeout, &thread->bus_turn);
}

static void note_connected(struct thread *thread)
{
    unsigned connected = 0;
    for (enum proto_service service = 0; service < SERVICE_COUNT; service++)
        connected |= (unsigned)bus_is_connected(thread->bus, service) << service;
    atomic_store(&thread->connected, connected);
}

bool thread_all_connected(const struct gateway *gateway, enum proto_service service)
{
    if (atomic_load(&gateway->listening) < (int)gateway->thread_count)
        return false;
    for (size_t i = 0; i < gateway->thread_count; i++)
        if ((atomic_load(&gateway->threads[i]->connected) >> service & 1) == 0)
            return false;
    return true;
}

static void on_bus_turn(h2o_timeout_entry_t *entry)
{
    struct thread *thread = H2O_STRUCT_FROM_MEMBER(struct thread, bus_turn, entry);
    feed_turn(thread->feed);
    shares_send(thread->shares);
    h2o_timeout_unlink(&thread->bus_turn); /* what it planned for its calls is this */
    if (bus_turn(thread->bus))
        thread_plan_turn(thread);
    note_connected(thread);
}

static void on_descriptor(h2o_socket_t *socket, const char *err)
{
    (void)err;
    thread_plan_turn(socket->data);
}

/* A duplicate: h2o closes what it watches, and this one is ZeroMQ's. */
static bool watch(struct thread *thread, int fd, h2o_socket_cb callback)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
        log_error("cannot watch a descriptor", LOG_Z("error", strerror(errno)));
        return false;
    }
    h2o_socket_t *socket = h2o_evloop_socket_create(thread->context.loop, copy, H2O_SOCKET_FLAG_DONT_READ);
    assert(thread->watch_count < sizeof thread->watches / sizeof *thread->watches);
    thread->watches[thread->watch_count++] = socket;
    socket->data = thread;
    h2o_socket_read_start(socket, callback);
    return true;
}

enum error thread_call(struct thread *thread, unsigned target, const struct bus_request *request,
                       void (*on_reply)(void *context, const struct bus_reply *reply), void *context, bus_call_id *id)
{
    enum error error = bus_call(thread->bus, target, request, on_reply, context, id);
    if (error == OK)
        thread_plan_turn(thread);
    return error;
}

/* ---- the feed ---- */

/* A body that cannot be read is a gap. */
static void on_gap(void *context)
{
    struct thread *thread = context;
    principals_drop_all(thread->principals);
    sessions_drop_all(thread->sessions);
}

static void on_user_changed(struct thread *thread, struct arena *arena, struct str body)
{
    struct user_ref ref;
    if (schema_decode_view(&user_ref_message, body, arena, &ref) == OK)
        principals_drop(thread->principals, ref.user_id);
    else
        on_gap(thread);
}

static void on_session_ended(struct thread *thread, struct arena *arena, struct str body)
{
    struct session_ref ref;
    if (schema_decode_view(&session_ref_message, body, arena, &ref) == OK)
        sessions_drop(thread->sessions, ref.session_id);
    else
        on_gap(thread);
}

static void on_event(void *context, struct str name, struct str body)
{
    struct arena *arena = arena_new();
    if (str_equal(name, EVENT_USER_CHANGED))
        on_user_changed(context, arena, body);
    else if (str_equal(name, EVENT_SESSION_ENDED))
        on_session_ended(context, arena, body);
    arena_destroy(&arena);
}

/* ---- stopping ---- */

static void on_stop(h2o_socket_t *socket, const char *err)
{
    (void)err;
    h2o_socket_read_stop(socket);
    drain_begin(socket->data);
}

void thread_stop(struct thread *thread)
{
    uint64_t one = 1;
    ssize_t written = write(thread->stop_fd, &one, sizeof one);
    assert(written == sizeof one);
}

/* ---- starting ---- */

/* Why has been said. */
static _Noreturn void give_up(void)
{
    log_flush();
    exit(EXIT_FAILURE);
}

static bool is_connected(const struct thread *thread)
{
    return atomic_load(&thread->connected) == (1U << SERVICE_COUNT) - 1;
}

/* Clients come once all services can be asked, or some have kept us waiting: where another gateway shares the port, it
 * serves them meanwhile. */
static void listen_when_connected(struct thread *thread)
{
    struct gateway *gateway = thread->gateway;
    bool is_time = is_connected(thread) || clock_now_ms() - thread->began_ms >= CONNECT_PATIENCE_MS;
    if (!is_time || thread->api.is_listening || drain_has_begun(thread))
        return;
    if (!listener_listen(&thread->api))
        give_up();
    if (atomic_fetch_add(&gateway->listening, 1) + 1 < (int)gateway->thread_count)
        return;
    log_info("ready", LOG_Z("host", gateway->config->host), LOG_I("port", gateway->config->port),
             LOG_I("threads", gateway->thread_count));
    sd_notify(0, "READY=1");
}

/* ---- h2o's part ----
 * Begun and ended in the thread that runs it: h2o recycles buffers in a list of each thread, without a lock, and a
 * socket keeps to the list of the thread that made it. */

static void init_timeouts(struct thread *thread)
{
    const struct gateway_config *config = thread->gateway->config;
    h2o_loop_t *loop = thread->context.loop;
    h2o_timeout_init(loop, &thread->read_timeout, (uint64_t)config->read_timeout_ms);
    h2o_timeout_init(loop, &thread->write_timeout, (uint64_t)config->write_timeout_ms);
    h2o_timeout_init(loop, &thread->idle_timeout, (uint64_t)config->keep_alive_ms);
    h2o_timeout_init(loop, &thread->linger_timeout, LINGER_MS);
    h2o_timeout_init(loop, &thread->accept_pause, ACCEPT_PAUSE_MS);
    h2o_timeout_init(loop, &thread->hold_timeout, SHARE_HOLD_MS);
}

static bool begin_loop(struct thread *thread)
{
    struct gateway *gateway = thread->gateway;
    h2o_context_init(&thread->context, h2o_evloop_create(), &gateway->http);
    init_timeouts(thread);
    thread->bus_turn.cb = on_bus_turn;
    h2o_linklist_init_anchor(&thread->api.guards);
    h2o_linklist_init_anchor(&thread->admin.guards);
    listener_start(&thread->api, LISTENER_API, thread, thread->api_fd, gateway->api_hosts);
    if (thread->admin_fd >= 0)
        listener_start(&thread->admin, LISTENER_ADMIN, thread, thread->admin_fd, gateway->admin_hosts);
    return watch(thread, bus_descriptor(thread->bus), on_descriptor) &&
           watch(thread, feed_descriptor(thread->feed), on_descriptor) && watch(thread, thread->stop_fd, on_stop) &&
           (thread->admin_fd < 0 || listener_listen(&thread->admin));
}

static void close_connections(h2o_linklist_t *guards)
{
    h2o_linklist_t *next;
    for (h2o_linklist_t *link = guards->next; link != guards; link = next) {
        next = link->next;
        guard_close(H2O_STRUCT_FROM_MEMBER(struct guard, link, link));
    }
}

static bool has_connections(struct thread *thread)
{
    return atomic_load(&thread->connections) > 0 || !h2o_linklist_is_empty(&thread->admin.guards);
}

static void dispose_loop(struct thread *thread)
{
    h2o_loop_t *loop = thread->context.loop;
    h2o_timeout_unlink(&thread->bus_turn);
    h2o_timeout_unlink(&thread->context.http2._graceful_shutdown_timeout); /* h2o forgets it */
    h2o_timeout_dispose(loop, &thread->read_timeout);
    h2o_timeout_dispose(loop, &thread->write_timeout);
    h2o_timeout_dispose(loop, &thread->idle_timeout);
    h2o_timeout_dispose(loop, &thread->linger_timeout);
    h2o_timeout_dispose(loop, &thread->accept_pause);
    h2o_timeout_dispose(loop, &thread->hold_timeout);
    h2o_context_dispose(&thread->context);
    h2o_evloop_destroy(loop);
}

static void end_loop(struct thread *thread)
{
    listener_close(&thread->api);
    listener_close(&thread->admin);
    for (size_t i = 0; i < thread->watch_count; i++)
        h2o_socket_close(thread->watches[i]);
    for (int turns = 0; turns < LAST_TURNS && has_connections(thread); turns++) {
        close_connections(&thread->api.guards);
        close_connections(&thread->admin.guards);
        h2o_evloop_run(thread->context.loop, LAST_TURN_MS);
    }
    listener_dispose(&thread->api);
    listener_dispose(&thread->admin);
    dispose_loop(thread);
}

/* ---- the loop ---- */

static int32_t wait_ms(struct thread *thread)
{
    int64_t wait = bus_wait_ms(thread->bus);
    bool is_between = drain_has_begun(thread) || !thread->api.is_listening;
    int64_t most = is_between ? STEP_MS : HOUSEKEEPING_MS;
    return (int32_t)(wait < 0 || wait > most ? most : wait);
}

static void run_loop(struct thread *thread)
{
    while (!drain_turn(thread)) {
        listen_when_connected(thread);
        int32_t wait = wait_ms(thread);
        if (wait == 0)
            thread_plan_turn(thread);
        int failed = h2o_evloop_run(thread->context.loop, wait);
        if (failed && errno != EINTR) {
            log_error("the event loop failed", LOG_Z("error", strerror(errno)));
            abort();
        }
        log_flush();
    }
    if (thread->requests > 0)
        log_warn("stopped with requests under way", LOG_I("requests", thread->requests));
}

void *thread_run(void *memory)
{
    struct thread *thread = memory;
    thread->began_ms = clock_now_ms();
    if (!begin_loop(thread))
        give_up();
    run_loop(thread);
    pthread_barrier_wait(&thread->gateway->loops_ended);
    end_loop(thread);
    return NULL;
}

/* ---- lives ---- */

static bool connect_services(struct thread *thread)
{
    const struct gateway_config *config = thread->gateway->config;
    for (enum proto_service service = 0; service < SERVICE_COUNT; service++)
        if (bus_connect(thread->bus, service, proto_service_name(service), config->endpoints[service]) != OK)
            return false;
    return true;
}

/* Of the services whose events the gateway heeds. */
static bool listen_to_feeds(struct thread *thread)
{
    const struct gateway_config *config = thread->gateway->config;
    for (enum proto_service service = 0; service < SERVICE_COUNT; service++)
        if (config->feed_endpoints[service] != NULL &&
            feed_subscribe(thread->feed, proto_service_name(service), config->feed_endpoints[service]) != OK)
            return false;
    return true;
}

struct thread *thread_new(struct gateway *gateway, int api_fd, int admin_fd)
{
    struct thread *thread = allocate(sizeof *thread);
    thread->gateway = gateway;
    thread->api_fd = api_fd;
    thread->admin_fd = admin_fd;
    thread->arena = arena_new();
    thread->bus = bus_new(gateway->config->bus_keys);
    bus_set_limit(thread->bus, (size_t)gateway->config->max_pending_calls);
    thread->feed = feed_subscriber_new(&(struct feed_handlers){on_event, on_gap, thread, .says_heard = true},
                                       gateway->config->bus_keys);
    thread->principals = principals_new();
    thread->sessions = sessions_new();
    thread->metrics = metrics_new();
    thread->shares = shares_new();
    thread->bearer = bearer_new(gateway->config->keys);
    thread->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool has_all = thread->stop_fd >= 0 &&
                   getrandom(&thread->id_generator, sizeof thread->id_generator, 0) == sizeof thread->id_generator;
    if (!has_all)
        log_error("cannot start a thread", LOG_Z("error", strerror(errno)));
    if (!has_all || !connect_services(thread) || !listen_to_feeds(thread))
        thread_destroy(&thread);
    return thread;
}

void thread_destroy(struct thread **owner)
{
    struct thread *thread = *owner;
    if (thread == NULL)
        return;
    bus_destroy(&thread->bus);
    feed_subscriber_destroy(&thread->feed);
    principals_destroy(&thread->principals);
    sessions_destroy(&thread->sessions);
    shares_destroy(&thread->shares);
    bearer_destroy(&thread->bearer);
    metrics_destroy(&thread->metrics);
    arena_destroy(&thread->arena);
    buffer_free(&thread->body);
    buffer_free(&thread->arguments);
    buffer_free(&thread->reply);
    if (thread->stop_fd >= 0)
        close(thread->stop_fd);
    free(thread);
    *owner = NULL;
}
