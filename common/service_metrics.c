/* What a service measures, as a page for Prometheus; and, asked of its database now and then, what only that knows. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/service_internal.h"

enum { MEASURE_INTERVAL_MS = 5000, MEASURE_TIME_MS = 4000, LABELS_MAX = 200 };

/* ---- numbers found by a name ---- */

/* Its place, a new one if need be; NULL where there is none left. */
static struct labeled *find_labeled(struct labeled *list, struct str label)
{
    for (size_t i = 0; i < MAX_LABELED; i++) {
        if (str_equal(str_from(list[i].label), label))
            return &list[i];
        if (list[i].label[0] == '\0' && label.len > 0 && label.len < MAX_LABEL) {
            memcpy(list[i].label, label.ptr, label.len);
            return &list[i];
        }
    }
    return NULL;
}

void service_note_refusal(struct service *service, const char *kind)
{
    struct labeled *found = find_labeled(service->measured.throttled, str_from(kind));
    if (found != NULL)
        counter_add(&found->value, 1);
}

void service_add_metrics(struct service *service, const struct metric_group *group, const void *numbers)
{
    struct measured *measured = &service->measured;
    assert(measured->group_count < MAX_GROUPS);
    measured->groups[measured->group_count] = group;
    measured->group_structs[measured->group_count++] = numbers;
}

/* ---- the page ---- */

/* Labels are names of ours, but for a subscriber's, which the database holds: bounded, and without what ends a label.
 */
static const char *label(char out[LABELS_MAX], const char *name, const char *value)
{
    char plain[MAX_LABEL];
    snprintf(plain, sizeof plain, "%s", value);
    for (char *at = plain; *at != '\0'; at++)
        if (*at == '"' || *at == '\\' || *at == '\n')
            *at = '_';
    snprintf(out, LABELS_MAX, "%s=\"%s\"", name, plain);
    return out;
}

static void write_group(struct buffer *page, const struct metric_group *group, const void *numbers)
{
    metrics_group(page, group, &numbers, 1);
}

static void write_outcomes(const struct service *service, struct buffer *page, size_t place)
{
    const char *method = service->handlers[place]->method->name;
    for (enum error error = OK; error < ERROR_COUNT; error++) {
        char labels[LABELS_MAX];
        uint64_t count = counter_read(&service->method_stats[place].outcomes[error]);
        if (count == 0 && error != OK)
            continue;
        snprintf(labels, sizeof labels, "method=\"%s\",code=\"%s\"", method, error_code(error));
        metrics_value(page, &METRIC_METHOD_CALLS, labels, (double)count);
    }
}

static void write_methods(const struct service *service, struct buffer *page)
{
    metrics_family(page, &METRIC_METHOD_CALLS);
    for (size_t place = 0; place < service->handler_count; place++)
        write_outcomes(service, page, place);
    metrics_family(page, &METRIC_METHOD_DURATION);
    for (size_t place = 0; place < service->handler_count; place++) {
        char labels[LABELS_MAX];
        const struct histogram *duration = &service->method_stats[place].duration;
        metrics_histogram(page, &METRIC_METHOD_DURATION,
                          label(labels, "method", service->handlers[place]->method->name), &duration, 1);
    }
}

static void write_readiness(const struct service *service, struct buffer *page)
{
    const char *why_not;
    char labels[LABELS_MAX];
    metrics_single(page, &METRIC_READY, "", service_is_ready(service, &why_not));
    if (service->connection_count > 0)
        metrics_family(page, &METRIC_CONNECTED);
    for (size_t i = 0; i < service->connection_count; i++)
        metrics_value(page, &METRIC_CONNECTED, label(labels, "service", service->connections[i].name),
                      bus_is_connected(service->bus, service->connections[i].target));
}

static double handled(const struct subscription_stats *stats)
{
    return (double)stats->handled;
}

static double failures(const struct subscription_stats *stats)
{
    return (double)stats->failures;
}

static double silence(const struct subscription_stats *stats)
{
    return stats->is_silent;
}

static void write_subscriptions(const struct service *service, struct buffer *page)
{
    static const struct {
        const struct metric *family;
        double (*value)(const struct subscription_stats *stats);
    } families[] = {
        {&METRIC_EVENTS_HANDLED, handled}, {&METRIC_EVENT_FAILURES, failures}, {&METRIC_FEED_SILENT, silence}};
    struct subscription_stats stats;
    char labels[LABELS_MAX];
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        for (size_t n = 0; service_subscription_stats(service, n, &stats); n++) {
            if (n == 0)
                metrics_family(page, families[i].family);
            metrics_value(page, families[i].family, label(labels, "publisher", stats.publisher),
                          families[i].value(&stats));
        }
}

/* The first number of each, or the other. */
static void write_labeled(struct buffer *page, const struct metric *family, const char *name,
                          const struct labeled *list, bool is_other)
{
    char labels[LABELS_MAX];
    for (size_t i = 0; i < MAX_LABELED && list[i].label[0] != '\0'; i++) {
        if (i == 0)
            metrics_family(page, family);
        metrics_value(page, family, label(labels, name, list[i].label),
                      (double)counter_read(is_other ? &list[i].other : &list[i].value));
    }
}

bool service_write_metrics(void *context, struct buffer *page)
{
    struct service *service = context;
    const struct measured *measured = &service->measured;
    write_readiness(service, page);
    write_methods(service, page);
    counter_set(&service->stats.limit, service->admission.limit);
    write_group(page, &call_metrics, &service->stats);
    write_group(page, &bus_metrics, bus_stats(service->bus));
    write_group(page, &db_metrics, db_stats(service->db));
    write_group(page, &work_metrics, loop_work_stats(service->loop));
    write_subscriptions(service, page);
    write_labeled(page, &METRIC_EVENT_LAG, "subscriber", measured->lags, false);
    write_labeled(page, &METRIC_EVENT_LAG_AGE, "subscriber", measured->lags, true);
    write_labeled(page, &METRIC_THROTTLED, "kind", measured->throttled, false);
    for (size_t i = 0; i < measured->group_count; i++)
        write_group(page, measured->groups[i], measured->group_structs[i]);
    metrics_process(page, service->definition->name);
    return true;
}

/* ---- what the database knows ---- */

static enum error measure_lags(struct call *call)
{
    struct labeled *lags = call->service->measured.lags;
    struct db_result result;
    TRY(call_query_values(call, &frame_sql_event_lag, &result, NULL, 0));
    memset(lags, 0, MAX_LABELED * sizeof *lags); /* a subscriber may be no more */
    for (size_t row = 0; row < result.rows; row++) {
        struct labeled *lag = find_labeled(lags, db_text(&result, row, 0));
        if (lag == NULL)
            continue;
        counter_set(&lag->value, (uint64_t)db_integer(&result, row, 1));
        counter_set(&lag->other, (uint64_t)db_integer(&result, row, 2));
    }
    return OK;
}

static void measure(struct call *call)
{
    const struct service_definition *definition = call->service->definition;
    enum error error = definition->schema != NULL ? measure_lags(call) : OK;
    if (error != OK)
        log_debug("events are not measured", LOG_Z("reason", error_message(error)));
    if (definition->measure != NULL)
        definition->measure(call);
    call->service->measured.is_under_way = false;
}

static void on_time(void *context)
{
    struct service *service = context;
    struct measured *measured = &service->measured;
    if (measured->is_under_way || service->is_draining || !db_is_ready(service->db, NULL))
        return;
    measured->is_under_way = true; /* before it runs: it may end at once */
    if (!service_spawn(service, MEASURE_TIME_MS, measure))
        measured->is_under_way = false;
}

void service_open_measures(struct service *service)
{
    service->measured.timer = loop_timer_new(service->loop, on_time, service);
    loop_timer_start(service->measured.timer, MEASURE_INTERVAL_MS, MEASURE_INTERVAL_MS);
}

void service_close_measures(struct service *service)
{
    if (service->measured.timer != NULL)
        loop_timer_destroy(&service->measured.timer);
}
