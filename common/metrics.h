/* Metrics: numbers that one thread counts, read by whoever is asked for /metrics. Counting neither locks nor allocates;
 * a number is its own thread's, and those of several threads are added up when they are read. What there is stands in
 * metrics.def; the text is Prometheus' exposition format. */
#ifndef COMMON_METRICS_H
#define COMMON_METRICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"

/* ---- counting: by one thread ---- */

typedef _Atomic uint64_t counter;

static inline uint64_t counter_read(const counter *counted)
{
    return atomic_load_explicit(counted, memory_order_relaxed);
}

static inline void counter_set(counter *counted, uint64_t value)
{
    atomic_store_explicit(counted, value, memory_order_relaxed);
}

/* Two plain instructions: ++ would be an atomic one, which is for several writers. */
static inline void counter_add(counter *counted, uint64_t more)
{
    counter_set(counted, counter_read(counted) + more);
}

enum { HISTOGRAM_BOUNDS = 16 };

struct histogram {
    counter buckets[HISTOGRAM_BOUNDS + 1]; /* the last: above all bounds */
    counter sum;
};
void histogram_time(struct histogram *histogram, int64_t microseconds);
void histogram_size(struct histogram *histogram, uint64_t how_many);

/* ---- what there is ---- */

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_DURATION, METRIC_SIZE };

struct metric {
    const char *name;
    enum metric_type type;
    const char *labels; /* "" = none */
    const char *help;
    size_t offset; /* of a group's member in its struct */
};

#define METRIC_MEMBER_COUNTER counter
#define METRIC_MEMBER_GAUGE counter
#define METRIC_MEMBER_DURATION struct histogram
#define METRIC_MEMBER_SIZE struct histogram
/* For the expansion of a group's rows: a struct's members, and a table of struct metric. */
#define METRIC_MEMBER(member, type, ...) METRIC_MEMBER_##type member;
#define METRIC_ROW(owner, member, type, name, labels, help)                                                            \
    {(name), METRIC_##type, (labels), (help), offsetof(struct owner, member)},

struct bus_stats {
#define BUS METRIC_MEMBER
#include "common/metrics.def"
};
struct db_stats {
#define DATABASE METRIC_MEMBER
#include "common/metrics.def"
};
struct work_stats {
#define WORK METRIC_MEMBER
#include "common/metrics.def"
};
struct call_stats {
#define CALLS METRIC_MEMBER
#include "common/metrics.def"
};

/* The rows of a group. */
struct metric_group {
    const struct metric *rows;
    size_t count;
};
extern const struct metric_group bus_metrics, db_metrics, work_metrics, call_metrics;

/* METRIC_READY, … */
#define FAMILY(name, ...) extern const struct metric METRIC_##name;
#include "common/metrics.def"

/* ---- telling: appends to a page ---- */

/* A group: each number is the sum of what the structs hold. */
void metrics_group(struct buffer *page, const struct metric_group *group, const void *const *structs, size_t count);

/* A family's head, once, before its values. labels: `method="room.get"`, or "" = none. */
void metrics_family(struct buffer *page, const struct metric *family);
void metrics_value(struct buffer *page, const struct metric *family, const char *labels, double value);
void metrics_histogram(struct buffer *page, const struct metric *family, const char *labels,
                       const struct histogram *const *histograms, size_t count);
/* A family of one value. */
void metrics_single(struct buffer *page, const struct metric *family, const char *labels, double value);

/* Of the process as the system sees it, and what it is. */
void metrics_process(struct buffer *page, const char *name);

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

#endif
