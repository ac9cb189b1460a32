/* The tables, and Prometheus' text made of them. */
#include "common/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

/* ---- the tables ---- */

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static const struct metric bus_rows[] = {
#define BUS(...) METRIC_ROW(bus_stats, __VA_ARGS__)
#include "common/metrics.def"
};
static const struct metric db_rows[] = {
#define DATABASE(...) METRIC_ROW(db_stats, __VA_ARGS__)
#include "common/metrics.def"
};
static const struct metric work_rows[] = {
#define WORK(...) METRIC_ROW(work_stats, __VA_ARGS__)
#include "common/metrics.def"
};
static const struct metric call_rows[] = {
#define CALLS(...) METRIC_ROW(call_stats, __VA_ARGS__)
#include "common/metrics.def"
};
const struct metric_group bus_metrics = {bus_rows, COUNT_OF(bus_rows)}, db_metrics = {db_rows, COUNT_OF(db_rows)},
                          work_metrics = {work_rows, COUNT_OF(work_rows)},
                          call_metrics = {call_rows, COUNT_OF(call_rows)};

#define FAMILY(name_, type_, text, help_) const struct metric METRIC_##name_ = {text, METRIC_##type_, "", help_, 0};
#include "common/metrics.def"

/* ---- histograms ---- */

/* Of durations in microseconds: what is fast here takes a fraction of a millisecond, and deadlines end all at seconds.
 */
static const int64_t time_bounds[HISTOGRAM_BOUNDS] = {
    100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};

static void note(struct histogram *histogram, const int64_t *bounds, int64_t value)
{
    size_t bucket = 0;
    while (bucket < HISTOGRAM_BOUNDS && value > bounds[bucket])
        bucket++;
    counter_add(&histogram->buckets[bucket], 1);
    counter_add(&histogram->sum, value > 0 ? (uint64_t)value : 0);
}

void histogram_time(struct histogram *histogram, int64_t microseconds)
{
    note(histogram, time_bounds, microseconds);
}

void histogram_size(struct histogram *histogram, uint64_t how_many)
{
    static const int64_t bounds[HISTOGRAM_BOUNDS] = {1,   2,   4,    8,    16,   32,   64,    128,
                                                     256, 512, 1024, 2048, 4096, 8192, 16384, 32768};
    note(histogram, bounds, (int64_t)how_many);
}

/* ---- telling ---- */

static bool is_histogram(const struct metric *metric)
{
    return metric->type == METRIC_DURATION || metric->type == METRIC_SIZE;
}

void metrics_family(struct buffer *page, const struct metric *family)
{
    static const char *const types[] = {[METRIC_COUNTER] = "counter",
                                        [METRIC_GAUGE] = "gauge",
                                        [METRIC_DURATION] = "histogram",
                                        [METRIC_SIZE] = "histogram"};
    buffer_printf(page, "# HELP %s %s.\n# TYPE %s %s\n", family->name, family->help, family->name, types[family->type]);
}

/* As many digits as tell a double from its neighbours of a few parts in 10^15; whole numbers as such. */
void metrics_value(struct buffer *page, const struct metric *family, const char *labels, double value)
{
    assert(!is_histogram(family));
    if (*labels != '\0')
        buffer_printf(page, "%s{%s} %.15g\n", family->name, labels, value);
    else
        buffer_printf(page, "%s %.15g\n", family->name, value);
}

void metrics_single(struct buffer *page, const struct metric *family, const char *labels, double value)
{
    metrics_family(page, family);
    metrics_value(page, family, labels, value);
}

static uint64_t sum_of(const struct histogram *const *histograms, size_t count, size_t bucket)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += counter_read(&histograms[i]->buckets[bucket]);
    return sum;
}

static double bound_of(const struct metric *family, size_t bucket)
{
    return family->type == METRIC_DURATION ? (double)time_bounds[bucket] / 1e6 : (double)((uint64_t)1 << bucket);
}

void metrics_histogram(struct buffer *page, const struct metric *family, const char *labels,
                       const struct histogram *const *histograms, size_t count)
{
    assert(is_histogram(family));
    const char *separator = *labels != '\0' ? "," : "";
    uint64_t observed = 0, sum = 0;
    for (size_t bucket = 0; bucket < HISTOGRAM_BOUNDS; bucket++) {
        observed += sum_of(histograms, count, bucket);
        buffer_printf(page, "%s_bucket{%s%sle=\"%g\"} %" PRIu64 "\n", family->name, labels, separator,
                      bound_of(family, bucket), observed);
    }
    observed += sum_of(histograms, count, HISTOGRAM_BOUNDS);
    for (size_t i = 0; i < count; i++)
        sum += counter_read(&histograms[i]->sum);
    const char *open = *labels != '\0' ? "{" : "", *close = *labels != '\0' ? "}" : "";
    buffer_printf(page, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", family->name, labels, separator, observed);
    buffer_printf(page, "%s_sum%s%s%s %.15g\n", family->name, open, labels, close,
                  family->type == METRIC_DURATION ? (double)sum / 1e6 : (double)sum);
    buffer_printf(page, "%s_count%s%s%s %" PRIu64 "\n", family->name, open, labels, close, observed);
}

static void append_row(struct buffer *page, const struct metric *row, const void *const *structs, size_t count)
{
    enum { MAX_STRUCTS = 64 };
    const struct histogram *histograms[MAX_STRUCTS];
    uint64_t sum = 0;
    assert(count <= MAX_STRUCTS);
    for (size_t i = 0; i < count; i++) {
        const void *member = (const char *)structs[i] + row->offset;
        histograms[i] = member;
        if (!is_histogram(row))
            sum += counter_read((const counter *)member);
    }
    if (is_histogram(row))
        metrics_histogram(page, row, row->labels, histograms, count);
    else
        metrics_value(page, row, row->labels, (double)sum);
}

void metrics_group(struct buffer *page, const struct metric_group *group, const void *const *structs, size_t count)
{
    for (size_t i = 0; i < group->count; i++) {
        const struct metric *row = &group->rows[i];
        if (i == 0 || strcmp(row->name, row[-1].name) != 0)
            metrics_family(page, row);
        append_row(page, row, structs, count);
    }
}
