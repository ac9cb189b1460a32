/* Counting and histograms, added up over threads, as Prometheus' text. */
#include "common/metrics.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct buffer page;

static int clear(void **state)
{
    (void)state;
    buffer_free(&page);
    page = (struct buffer){0};
    return 0;
}

static void assert_page_has(const char *line)
{
    buffer_append_char(&page, '\0');
    if (strstr(page.data, line) == NULL)
        fail_msg("\"%s\" is missing in:\n%s", line, page.data);
    page.len--;
}

static const struct metric tea = {"tea_total", METRIC_COUNTER, "", "Cups of tea", 0};
static const struct metric steeping = {"steeping_seconds", METRIC_DURATION, "", "How long it steeps", 0};
static const struct metric pots = {"pots", METRIC_SIZE, "", "Cups in a pot", 0};

static void a_family_has_a_head_and_values(void **state)
{
    (void)state;
    metrics_family(&page, &tea);
    metrics_value(&page, &tea, "kind=\"green\"", 3);
    metrics_value(&page, &tea, "", 12345678901234567.0);
    metrics_value(&page, &tea, "kind=\"black\"", 0.25);
    assert_page_has("# HELP tea_total Cups of tea.\n# TYPE tea_total counter\ntea_total{kind=\"green\"} 3\n");
    assert_page_has("\ntea_total 1.23456789012346e+16\n");
    assert_page_has("\ntea_total{kind=\"black\"} 0.25\n");
}

/* A bucket holds what is at most its bound; the last holds all. */
static void durations_fall_into_their_buckets(void **state)
{
    (void)state;
    struct histogram histogram = {0};
    static const int64_t times_us[] = {0, 100, 101, 10000000, 10000001, -5};
    for (size_t i = 0; i < sizeof times_us / sizeof *times_us; i++)
        histogram_time(&histogram, times_us[i]);
    metrics_histogram(&page, &steeping, "", &(const struct histogram *){&histogram}, 1);
    assert_page_has("steeping_seconds_bucket{le=\"0.0001\"} 3\n");
    assert_page_has("steeping_seconds_bucket{le=\"0.00025\"} 4\n");
    assert_page_has("steeping_seconds_bucket{le=\"5\"} 4\n");
    assert_page_has("steeping_seconds_bucket{le=\"10\"} 5\n");
    assert_page_has("steeping_seconds_bucket{le=\"+Inf\"} 6\n");
    assert_page_has("steeping_seconds_sum 20.000202\n");
    assert_page_has("steeping_seconds_count 6\n");
}

static void sizes_fall_into_theirs(void **state)
{
    (void)state;
    struct histogram histogram = {0};
    static const uint64_t sizes[] = {1, 2, 3, 32768, 32769};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        histogram_size(&histogram, sizes[i]);
    metrics_histogram(&page, &pots, "kind=\"blue\"", &(const struct histogram *){&histogram}, 1);
    assert_page_has("pots_bucket{kind=\"blue\",le=\"1\"} 1\n");
    assert_page_has("pots_bucket{kind=\"blue\",le=\"2\"} 2\n");
    assert_page_has("pots_bucket{kind=\"blue\",le=\"4\"} 3\n");
    assert_page_has("pots_bucket{kind=\"blue\",le=\"32768\"} 4\n");
    assert_page_has("pots_bucket{kind=\"blue\",le=\"+Inf\"} 5\n");
    assert_page_has("pots_sum{kind=\"blue\"} 65543\n");
}

enum { THREADS = 4, TIMES = 100000 };

static void *count(void *stats_)
{
    struct bus_stats *stats = stats_;
    for (int i = 0; i < TIMES; i++) {
        counter_add(&stats->calls, 1);
        counter_set(&stats->pending, 5);
        histogram_size(&stats->sent_sizes, 2);
    }
    return NULL;
}

/* Read while they count, too: that is what happens. */
static void threads_are_added_up(void **state)
{
    (void)state;
    static struct bus_stats stats[THREADS];
    const void *structs[THREADS];
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        structs[i] = &stats[i];
        assert_int_equal(pthread_create(&threads[i], NULL, count, &stats[i]), 0);
    }
    metrics_group(&page, &bus_metrics, structs, THREADS);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    buffer_clear(&page);
    metrics_group(&page, &bus_metrics, structs, THREADS);
    assert_page_has("\nbackend_bus_calls_total 400000\n");
    assert_page_has("\nbackend_bus_pending_calls 20\n");
    assert_page_has("\nbackend_bus_sent_batch_size_sum 800000\n");
}

/* Rows of one name share their head, which stands once. */
static void rows_of_one_name_are_one_family(void **state)
{
    (void)state;
    static const struct db_stats stats;
    const void *structs[] = {&stats};
    metrics_group(&page, &db_metrics, structs, 1);
    assert_page_has("# TYPE backend_database_connections gauge\nbackend_database_connections{state=\"ready\"} 0\n"
                    "backend_database_connections{state=\"connecting\"} 0\n");
    const char *first = strstr(page.data, "# TYPE backend_database_connections gauge");
    assert_null(strstr(first + 1, "# TYPE backend_database_connections gauge"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_family_has_a_head_and_values, clear),
        cmocka_unit_test_teardown(durations_fall_into_their_buckets, clear),
        cmocka_unit_test_teardown(sizes_fall_into_theirs, clear),
        cmocka_unit_test_teardown(threads_are_added_up, clear),
        cmocka_unit_test_teardown(rows_of_one_name_are_one_family, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
