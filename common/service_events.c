/* A service's own events: what its statements write into its schema's outbox, told to whoever asks NAME.events, and
 * removed once all who ask have passed it, or when it is older than any of them may be late. Numbers are given when
 * somebody asks, by the schema's number_events(). */
#include "common/log.h"
#include "common/service_internal.h"

enum { PRUNE_MIN_MS = 1000, PRUNE_MAX_MS = 60000, PRUNE_TIME_MS = 60000, BATCH = 1000 };

/* ---- the messages ---- */

#define FIELD_OF(message, member, json, type)                                                                          \
    {                                                                                                                  \
        json, sizeof(json) - 1, type, true, RULE_ANY, 0, 0, NULL, offsetof(struct message, member),                    \
            offsetof(struct message, has_##member)                                                                     \
    }

static const struct field query_fields[] = {FIELD_OF(event_query, subscriber, "subscriber", FIELD_STRING),
                                            FIELD_OF(event_query, after, "after", FIELD_INTEGER)};
const struct message event_query_message = {.name = "event_query",
                                            .fields = query_fields,
                                            .field_count = sizeof query_fields / sizeof *query_fields,
                                            .struct_size = sizeof(struct event_query),
                                            .invalid = ERROR_VALIDATION};

static const struct field event_fields[] = {FIELD_OF(event, number, "number", FIELD_INTEGER),
                                            FIELD_OF(event, name, "name", FIELD_STRING),
                                            FIELD_OF(event, body, "body", FIELD_STRING)};
const struct message event_message = {.name = "event",
                                      .fields = event_fields,
                                      .field_count = sizeof event_fields / sizeof *event_fields,
                                      .struct_size = sizeof(struct event),
                                      .invalid = ERROR_INTERNAL};

/* ---- telling ---- */

static enum error tell_events(struct call *call, const void *in)
{
    const struct event_query *query = in;
    struct db_result result;
    if (call->peer.len > 0 && !str_equal(call->peer, query->subscriber))
        return ERROR_FORBIDDEN; /* how far others are is not for it to say */
    TRY(call_query(call, &frame_sql_event_list, &result, DB_TEXT(query->subscriber), DB_INTEGER(query->after),
                   DB_INTEGER(EVENTS_AT_ONCE)));
    call_list_open(call);
    for (size_t i = 0; i < result.rows; i++) {
        struct event event;
        db_decode(&result, i, &event_message, &event);
        call_list_add(call, &event);
    }
    return call_list_end(call, 0);
}

/* ---- removing ---- */

static enum error number_all(struct call *call)
{
    struct db_result result;
    do
        TRY(call_query_values(call, &frame_sql_event_number, &result, NULL, 0));
    while (db_boolean(&result, 0, 0) && !service_is_stopping(call->service));
    return OK;
}

/* The columns of event_prune. */
enum { REMOVED, LEFT_BEHIND };

static enum error prune_all(struct call *call)
{
    const struct service_config *config = call->service->config;
    struct db_result result;
    TRY(number_all(call));
    do {
        TRY(call_query(call, &frame_sql_event_prune, &result, DB_INTEGER(BATCH), DB_INTEGER(config->event_retention_s),
                       DB_INTEGER(config->event_retention_max_s)));
        if (!db_is_null(&result, 0, LEFT_BEHIND))
            log_error("events were removed before all had handled them",
                      LOG_S("subscribers", db_text(&result, 0, LEFT_BEHIND)));
    } while (db_integer(&result, 0, REMOVED) == BATCH && !service_is_stopping(call->service));
    return OK;
}

static void prune(struct call *call)
{
    enum error error = prune_all(call);
    if (error != OK)
        log_warn("old events stay for now", LOG_Z("reason", error_message(error)));
}

static void on_prune_time(void *context)
{
    struct service *service = context;
    if (!service->is_draining && db_is_ready(service->db, NULL))
        (void)service_spawn(service, PRUNE_TIME_MS, prune);
}

/* ---- its life ---- */

/* Ten times in the time that events are kept. */
static int64_t prune_interval_ms(const struct service_config *config)
{
    int64_t interval_ms = config->event_retention_s * 100;
    if (interval_ms < PRUNE_MIN_MS)
        return PRUNE_MIN_MS;
    return interval_ms < PRUNE_MAX_MS ? interval_ms : PRUNE_MAX_MS;
}

void service_open_events(struct service *service)
{
    if (service->definition->schema == NULL)
        return;
    service->events_method = (struct method){
        .name = arena_printf(service->memory, "%s.events", service->definition->name).ptr,
        .target = service->definition->target,
        .in = &event_query_message,
        .out = &event_message,
        .out_is_list = true,
    };
    service->events_handler = (struct method_handler){.method = &service->events_method, .handle = tell_events};
    service->prune_timer = loop_timer_new(service->loop, on_prune_time, service);
    int64_t interval_ms = prune_interval_ms(service->config);
    loop_timer_start(service->prune_timer, interval_ms, interval_ms);
}

void service_close_events(struct service *service)
{
    if (service->prune_timer != NULL)
        loop_timer_destroy(&service->prune_timer);
}
