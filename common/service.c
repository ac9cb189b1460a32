/* The life of a service: start, turns of the loop, health, signals, and the drain at its end. */
#include "common/service.h"

#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

#include "common/fiber.h"
#include "common/log.h"
#include "common/scheduling.h"
#include "common/service_internal.h"
#include "common/tries/sql.h"

enum { OPEN_PATIENCE_MS = 500, LAST_REPLIES_MS = 100 };

/* ---- what handlers ask for ---- */

struct loop *service_loop(struct service *service)
{
    return service->loop;
}

struct bus *service_bus(struct service *service)
{
    return service->bus;
}

struct db *service_db(struct service *service)
{
    return service->db;
}

const void *service_config(const struct service *service)
{
    return service->config;
}

bool service_is_stopping(const struct service *service)
{
    return service->is_draining;
}

void *service_state(const struct service *service)
{
    return service->state;
}

void service_set_state(struct service *service, void *state)
{
    service->state = state;
}

/* ---- taking calls ---- */

/* The end of this turn does what there is to do. */
static void on_bus_readable(void *context, bool readable, bool writable)
{
    (void)context;
    (void)readable;
    (void)writable;
}

static bool take_calls(struct service *service)
{
    if (!service_open_feed(service))
        return false;
    const char *endpoint = service->config->listen;
    if (bus_bind(service->bus, endpoint, service_on_call, service) != OK) {
        log_error("cannot listen: the address is in use, too long for a socket, or none that ZeroMQ knows",
                  LOG_Z("endpoint", endpoint));
        return false;
    }
    return true;
}

static void on_patience_over(void *context)
{
    struct service *service = context;
    service->is_out_of_patience = !db_is_starting(service->db);
}

/* Callers find it once it can serve them: another copy may do so meanwhile. Or after a while, when they get its reasons
 * why not. */
static void open_when_ready(struct service *service)
{
    const char *why_not = NULL;
    bool is_ready = service_is_ready(service, &why_not);
    if (service->is_draining || (!is_ready && !service->is_out_of_patience))
        return;
    if (!is_ready)
        log_warn("takes calls and is not ready", LOG_Z("why_not", why_not));
    loop_timer_stop(service->patience_timer);
    service->is_open = take_calls(service);
    service->has_failed = !service->is_open;
    if (service->has_failed)
        loop_stop(service->loop);
}

/* ---- turns. At the end of each: the bus, then the database (db_new adds that), then the log ---- */

static void on_bus_time(void *context)
{
    struct service *service = context;
    service->bus_wakes_ms = INT64_MAX;
}

/* An early wake-up costs nothing but a turn, so the timer is only ever moved forward. */
static void schedule_bus(struct service *service)
{
    int64_t wait_ms = bus_wait_ms(service->bus);
    if (wait_ms < 0)
        return;
    int64_t wakes_ms = loop_now_ms() + wait_ms;
    if (wakes_ms >= service->bus_wakes_ms)
        return;
    service->bus_wakes_ms = wakes_ms;
    loop_timer_start(service->bus_timer, wait_ms, 0);
}

static bool turn_bus(void *context)
{
    struct service *service = context;
    bool more = bus_turn(service->bus);
    schedule_bus(service);
    return more;
}

static bool end_turn(void *context)
{
    struct service *service = context;
    if (!service->is_open)
        open_when_ready(service);
    if (service->is_open && !service->is_announced && service_is_ready(service, &(const char *){NULL})) {
        service->is_announced = true;
        log_info("ready", LOG_Z("endpoint", service->config->listen), LOG_Z("version", BACKEND_VERSION));
        sd_notify(0, "READY=1");
    }
    log_flush();
    return false;
}

/* ---- the end ---- */

static void on_drain_time(void *context)
{
    struct service *service = context;
    loop_stop(service->loop);
}

/* libzmq gives a caller that connects with IMMEDIATE nothing more of a connection once that has ended, not even the
 * replies it has received and not yet read. So the last replies get a moment before the connections go. */
void service_end_drain(struct service *service)
{
    loop_timer_start(service->drain_timer, LAST_REPLIES_MS, 0);
}

static void on_noticed(void *context)
{
    struct service *service = context;
    service->is_refusing = true;
    if (service->active == 0)
        service_end_drain(service);
}

/* A second signal changes nothing: Ctrl-C reaches a whole group of processes, and whoever watches over them sends
 * SIGTERM too. */
static void on_end_signal(void *context)
{
    struct service *service = context;
    if (service->is_draining)
        return;
    service->is_draining = true;
    log_info("drains", LOG_I("calls", service->active));
    sd_notify(0, "STOPPING=1");
    if (service->is_open)
        bus_retire(service->bus);
    loop_timer_start(service->notice_timer, service->is_open ? service->config->drain_notice_ms : 0, 0);
    loop_timer_start(service->drain_timer, service->config->drain_ms, 0);
}

/* ---- start and stop ---- */

struct statement_set {
    const struct statement *const *all;
    size_t count;
};

/* The frame's, those of what it uses of common/, and its own. */
static const struct statement **list_statements(struct service *service, size_t *count)
{
    const struct service_definition *definition = service->definition;
    const struct statement_set sets[] = {
        {frame_sql_all, definition->schema != NULL ? FRAME_SQL_COUNT : 0},
        {tries_sql_all, definition->counts_tries ? TRIES_SQL_COUNT : 0},
        {definition->statements, definition->statement_count},
    };
    enum { SETS = sizeof sets / sizeof *sets };
    *count = 0;
    for (size_t i = 0; i < SETS; i++)
        *count += sets[i].count;
    const struct statement **statements = arena_alloc(service->memory, *count * sizeof *statements + 1);
    size_t place = 0;
    for (size_t i = 0; i < SETS; i++)
        for (size_t j = 0; j < sets[i].count; j++)
            statements[place++] = sets[i].all[j];
    return statements;
}

static void open_database(struct service *service)
{
    const struct service_config *config = service->config;
    const struct service_definition *definition = service->definition;
    size_t count;
    const struct statement **statements = list_statements(service, &count);
    service->db = db_new(service->loop, &(struct db_options){.url = config->database_url,
                                                             .role = config->database_role,
                                                             .schema = definition->schema,
                                                             .application_name = definition->name,
                                                             .connections = (size_t)config->db_connections,
                                                             .statement_timeout_ms = config->statement_timeout_ms,
                                                             .statements = statements,
                                                             .statement_count = count});
}

static void open_parts(struct service *service)
{
    service->loop = loop_new();
    service->bus = bus_new(service->config->keys);
    service->admission = admission_make((size_t)service->config->max_calls, loop_now_ms());
    service->bus_timer = loop_timer_new(service->loop, on_bus_time, service);
    service->bus_wakes_ms = INT64_MAX;
    service->bus_watch = loop_watch(service->loop, bus_descriptor(service->bus), on_bus_readable, service);
    loop_watch_set(service->bus_watch, true, false);
    service->drain_timer = loop_timer_new(service->loop, on_drain_time, service);
    service->notice_timer = loop_timer_new(service->loop, on_noticed, service);
    service->patience_timer = loop_timer_new(service->loop, on_patience_over, service);
    loop_timer_start(service->patience_timer, OPEN_PATIENCE_MS, OPEN_PATIENCE_MS);
    loop_on_signal(service->loop, SIGTERM, on_end_signal, service);
    loop_on_signal(service->loop, SIGINT, on_end_signal, service);
    loop_at_turn_end(service->loop, turn_bus, service);
    open_database(service);
    loop_at_turn_end(service->loop, end_turn, service);
    service_open_events(service);
}

/* Ends what fibers wait for: they fail with ERROR_UNAVAILABLE, and answer so. */
static void close_sources(struct service *service)
{
    db_destroy(&service->db);
    loop_watch_destroy(&service->bus_watch);
    bus_destroy(&service->bus);
}

static void close_rest(struct service *service)
{
    if (service->definition->stop != NULL)
        service->definition->stop(service);
    service_close_subscribers(service);
    service_close_events(service);
    service_close_feed(service);
    admin_close(&service->admin);
    service_close_measures(service);
    loop_timer_destroy(&service->bus_timer);
    loop_timer_destroy(&service->drain_timer);
    loop_timer_destroy(&service->notice_timer);
    loop_timer_destroy(&service->patience_timer);
    loop_destroy(&service->loop);
    service_free_tasks(service);
    buffer_free(&service->scratch);
    wire_keys_destroy(&service->config->keys);
    free(service->config);
    arena_destroy(&service->memory);
    fiber_cleanup();
}

static int stop(struct service *service)
{
    (void)bus_turn(service->bus); /* calls that came too late are still refused in words */
    bool is_drained = service->active == 0;
    LOG_LINE(is_drained ? LOG_INFO : LOG_WARN, "stops", LOG_I("calls", service->active));
    close_sources(service);
    if (service->active == 0)
        close_rest(service); /* else a worker thread still uses a fiber's stack: the end of the process ends both */
    log_flush();
    return is_drained && !service->has_failed ? EXIT_SUCCESS : EXIT_FAILURE;
}

int service_run(const struct service_definition *definition, int argc, char **argv)
{
    static struct service service; /* outlives main's frame: see stop */
    service = (struct service){.definition = definition, .memory = arena_new()};
    service_load_config(&service, argc, argv);
    log_init(definition->name, (enum log_level)service.config->common.log_level,
             (enum log_format)service.config->common.log_format);
    if (sodium_init() < 0) {
        log_error("libsodium finds no randomness");
        return EXIT_FAILURE;
    }
    signal(SIGPIPE, SIG_IGN);
    scheduling_take_turns();
    if (!service_prepare_folder(service.config->listen) || !service_prepare_folder(service.config->feed_listen))
        return EXIT_CONFIG;
    open_parts(&service);
    service_index_handlers(&service);
    if ((definition->start != NULL && !definition->start(&service)) || !service_open_admin(&service)) {
        log_flush();
        return EXIT_FAILURE;
    }
    loop_run(service.loop);
    return stop(&service);
}
