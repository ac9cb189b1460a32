/* How many calls are let in: all while they are quick, fewer while even the quickest waits, all again afterwards. And
 * a service that can do so many a second, asked five times as often, still does about as many in time. */
#include "common/admission.h"

#include <string.h>

#include "tests/support/cmocka.h"

enum { MOST = 1024 };

static void pass_intervals(struct admission *admission, int64_t *now_ms, size_t count, int64_t took_ms)
{
    for (size_t i = 0; i < count; i++) {
        *now_ms += ADMISSION_INTERVAL_MS;
        admission_note(admission, took_ms, *now_ms);
        (void)admission_lets_in(admission, MOST, *now_ms);
    }
}

static void quick_calls_are_all_let_in(void **state)
{
    (void)state;
    int64_t now_ms = 1000;
    struct admission admission = admission_make(MOST, now_ms);
    pass_intervals(&admission, &now_ms, 100, 20);
    assert_true(admission_lets_in(&admission, MOST - 1, now_ms));
    assert_false(admission_lets_in(&admission, MOST, now_ms));
}

static void one_slow_method_closes_no_door(void **state)
{
    (void)state;
    int64_t now_ms = 1000;
    struct admission admission = admission_make(MOST, now_ms);
    for (size_t i = 0; i < 100; i++) {
        admission_note(&admission, 4000, now_ms);
        pass_intervals(&admission, &now_ms, 1, 20);
    }
    assert_int_equal(admission.limit, MOST);
}

static void a_standing_queue_closes_it_and_quick_calls_open_it(void **state)
{
    (void)state;
    int64_t now_ms = 1000;
    struct admission admission = admission_make(MOST, now_ms);
    pass_intervals(&admission, &now_ms, 20, ADMISSION_TARGET_MS + 1);
    assert_int_equal(admission.limit, ADMISSION_LEAST);
    assert_true(admission_lets_in(&admission, ADMISSION_LEAST - 1, now_ms));
    pass_intervals(&admission, &now_ms, 30, 20);
    assert_int_equal(admission.limit, MOST);
}

static void calls_that_never_end_close_it_too(void **state)
{
    (void)state;
    int64_t now_ms = 1000;
    struct admission admission = admission_make(MOST, now_ms);
    for (size_t i = 0; i < 50; i++)
        (void)admission_lets_in(&admission, MOST, now_ms += ADMISSION_INTERVAL_MS);
    assert_int_equal(admission.limit, ADMISSION_LEAST);
    for (size_t i = 0; i < 50; i++) /* there are few left */
        (void)admission_lets_in(&admission, 3, now_ms += ADMISSION_INTERVAL_MS);
    assert_int_equal(admission.limit, MOST);
}

/* ---- a queue in simulated time: one call a SERVICE_MS, callers that wait PATIENCE_MS ---- */

enum { SERVICE_MS = 5, PATIENCE_MS = 5000, SECONDS = 60 };

struct queue {
    int64_t arrived_ms[MOST];
    size_t first, count;
};

/* Calls served within the patience, of all that arrive one every_ms apart, after a minute to settle. */
static size_t serve(struct admission *admission, int64_t every_tenths_ms)
{
    static struct queue queue;
    memset(&queue, 0, sizeof queue);
    size_t good = 0;
    int64_t next_tenths = 0;
    for (int64_t now_ms = 1; now_ms <= 2 * SECONDS * 1000; now_ms++) {
        for (; next_tenths <= now_ms * 10; next_tenths += every_tenths_ms)
            if (admission_lets_in(admission, queue.count, now_ms))
                queue.arrived_ms[(queue.first + queue.count++) % MOST] = now_ms;
        if (now_ms % SERVICE_MS != 0 || queue.count == 0)
            continue;
        int64_t took_ms = now_ms - queue.arrived_ms[queue.first];
        queue.first = (queue.first + 1) % MOST;
        queue.count--;
        admission_note(admission, took_ms, now_ms);
        good += now_ms > SECONDS * 1000 && took_ms < PATIENCE_MS;
    }
    return good;
}

static void five_times_too_many_are_served_as_well_as_enough(void **state)
{
    (void)state;
    struct admission admission = admission_make(MOST, 0);
    size_t peak = SECONDS * 1000 / SERVICE_MS;
    assert_in_range(serve(&admission, SERVICE_MS * 10 / 5), peak * 9 / 10, peak);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quick_calls_are_all_let_in),
        cmocka_unit_test(one_slow_method_closes_no_door),
        cmocka_unit_test(a_standing_queue_closes_it_and_quick_calls_open_it),
        cmocka_unit_test(calls_that_never_end_close_it_too),
        cmocka_unit_test(five_times_too_many_are_served_as_well_as_enough),
    };
    return cmocka_run_group_tests_name("admission", tests, NULL, NULL);
}
