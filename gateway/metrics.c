/* Requests by route and status. Both are few: those of the tables, and one more row for what no route is for. */
#include "gateway/metrics.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/allocate.h"
#include "gateway/thread.h"

enum { MAX_STATUSES = 48, STATUS_END = 600, LABELS_MAX = 200, MAX_THREADS = 64 };

struct route_stats {
    struct histogram duration;
    counter statuses[MAX_STATUSES]; /* by their place */
};

struct metrics {
    struct http_stats http;
    struct route_stats routes[]; /* as proto_routes, and one more */
};

/* ---- tables ---- */

#define HTTP_ROW(...) METRIC_ROW(http_stats, __VA_ARGS__)
static const struct metric http_rows[] = {
#define HTTP HTTP_ROW
#include "gateway/metrics.def"
};
static const struct metric_group http_metrics = {http_rows, sizeof http_rows / sizeof *http_rows};

#define FAMILY(name_, type_, text, help_)                                                                              \
    static const struct metric METRIC_##name_ = {text, METRIC_##type_, "", help_, 0};
#include "gateway/metrics.def"

/* Every status that a reply can have; its place is the same in all threads. Place 0: any that no table names. */
static struct {
    int known[MAX_STATUSES];
    size_t count;
    unsigned char places[STATUS_END];
} statuses;

static void learn_status(int status)
{
    assert(status > 0 && status < STATUS_END);
    if (statuses.places[status] != 0)
        return;
    assert(statuses.count < MAX_STATUSES);
    statuses.places[status] = (unsigned char)statuses.count;
    statuses.known[statuses.count++] = status;
}

static void learn_statuses(void)
{
    static const int others[] = {204 /* of OPTIONS */, 304};
    if (statuses.count > 0)
        return;
    statuses.count = 1;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        learn_status(others[i]);
    for (size_t i = 0; i < proto_route_count; i++)
        learn_status(proto_routes[i].status);
    for (size_t i = 0; i < proto_variant_count; i++)
        learn_status(proto_variants[i].status);
    for (enum error error = OK + 1; error < ERROR_COUNT; error++)
        learn_status(proto_error(error)->status);
}

/* ---- counting ---- */

struct metrics *metrics_new(void)
{
    learn_statuses();
    return allocate(sizeof(struct metrics) + (proto_route_count + 1) * sizeof(struct route_stats));
}

void metrics_destroy(struct metrics **metrics)
{
    free(*metrics);
    *metrics = NULL;
}

struct http_stats *metrics_http(struct metrics *metrics)
{
    return &metrics->http;
}

void metrics_note_request(struct metrics *metrics, const struct route *route, int status, int64_t took_us)
{
    size_t place = route != NULL ? (size_t)(route - proto_routes) : proto_route_count;
    assert(place <= proto_route_count);
    struct route_stats *stats = &metrics->routes[place];
    counter_add(&stats->statuses[status > 0 && status < STATUS_END ? statuses.places[status] : 0], 1);
    histogram_time(&stats->duration, took_us);
}

/* ---- telling ---- */

struct sources {
    size_t count;
    struct metrics *metrics[MAX_THREADS];
    const void *http[MAX_THREADS], *buses[MAX_THREADS];
};

static void gather(const struct gateway *gateway, struct sources *sources)
{
    assert(gateway->thread_count <= MAX_THREADS);
    sources->count = gateway->thread_count;
    for (size_t i = 0; i < sources->count; i++) {
        struct thread *thread = gateway->threads[i];
        sources->metrics[i] = thread->metrics;
        sources->http[i] = &thread->metrics->http;
        sources->buses[i] = bus_stats(thread->bus);
    }
}

static int label_route(char out[LABELS_MAX], size_t place)
{
    if (place == proto_route_count)
        return snprintf(out, LABELS_MAX, "method=\"any\",route=\"none\"");
    const struct route *route = &proto_routes[place];
    return snprintf(out, LABELS_MAX, "method=\"%s\",route=\"%s\"", proto_verb_name(route->verb), route->path);
}

/* A route's success is told from the start: what comes into being with its first failure has no rate. */
static void write_statuses(const struct sources *sources, size_t route, struct buffer *page)
{
    char labels[LABELS_MAX];
    int len = label_route(labels, route);
    for (size_t place = 0; place < statuses.count; place++) {
        uint64_t count = 0;
        for (size_t i = 0; i < sources->count; i++)
            count += counter_read(&sources->metrics[i]->routes[route].statuses[place]);
        bool is_success = route < proto_route_count && proto_routes[route].status == statuses.known[place];
        if (count == 0 && !is_success)
            continue;
        snprintf(labels + len, sizeof labels - (size_t)len, ",status=\"%d\"", statuses.known[place]);
        metrics_value(page, &METRIC_HTTP_REQUESTS, labels, (double)count);
    }
}

static void write_duration(const struct sources *sources, size_t route, struct buffer *page)
{
    char labels[LABELS_MAX];
    const struct histogram *histograms[MAX_THREADS];
    for (size_t i = 0; i < sources->count; i++)
        histograms[i] = &sources->metrics[i]->routes[route].duration;
    label_route(labels, route);
    metrics_histogram(page, &METRIC_HTTP_DURATION, labels, histograms, sources->count);
}

static void write_routes(const struct sources *sources, struct buffer *page)
{
    metrics_family(page, &METRIC_HTTP_REQUESTS);
    for (size_t route = 0; route <= proto_route_count; route++)
        write_statuses(sources, route, page);
    metrics_family(page, &METRIC_HTTP_DURATION);
    for (size_t route = 0; route <= proto_route_count; route++)
        write_duration(sources, route, page);
}

static void write_connected(const struct gateway *gateway, struct buffer *page)
{
    bool is_ready = true;
    metrics_family(page, &METRIC_CONNECTED);
    for (enum proto_service service = 0; service < SERVICE_COUNT; service++) {
        char labels[LABELS_MAX];
        bool is_connected = thread_all_connected(gateway, service);
        is_ready = is_ready && is_connected;
        snprintf(labels, sizeof labels, "service=\"%s\"", proto_service_name(service));
        metrics_value(page, &METRIC_CONNECTED, labels, is_connected);
    }
    metrics_single(page, &METRIC_READY, "", is_ready);
}

void metrics_write(const struct gateway *gateway, struct buffer *page)
{
    struct sources sources;
    gather(gateway, &sources);
    write_connected(gateway, page);
    write_routes(&sources, page);
    metrics_single(page, &METRIC_HTTP_CONNECTIONS, "", atomic_load(&gateway->connections));
    metrics_single(page, &METRIC_HTTP_CONNECTIONS_MAX, "", (double)gateway->config->max_connections);
    metrics_group(page, &http_metrics, sources.http, sources.count);
    metrics_group(page, &bus_metrics, sources.buses, sources.count);
    metrics_process(page, "gateway");
}
