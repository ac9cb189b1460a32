/* db: many who ask at once, by key or each for itself. */
#include "tests/unit/db_fixture.h"

/* ---- rows by key ---- */

/* What one fiber looks for, and finds. */
struct find {
    int64_t key;
    enum error error;
    bool is_there;
    int64_t found, together; /* its key, and how many the query has found */
};

static void run_find(void *argument)
{
    struct find *find = argument;
    struct arena *arena = arena_new();
    struct db_result result;
    find->error = db_find(db, arena, INT64_MAX, &seek, find->key, &result);
    find->is_there = find->error == OK && result.rows == 1;
    if (find->is_there) {
        find->found = db_integer(&result, 0, 0);
        find->together = db_integer(&result, 0, 1);
    }
    arena_destroy(&arena);
    if (--running == 0)
        loop_stop(loop);
}

static void run_finds(struct find *finds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        running++;
        assert_true(fiber_start(run_find, &finds[i]));
    }
    run_loop();
}

static void test_rows_looked_for_in_one_turn_are_one_query_and_each_gets_its_own(void **state)
{
    (void)state;
    struct find finds[] = {{.key = 9}, {.key = 7}, {.key = -1}, {.key = 7}, {.key = 1}, {.key = 9}};
    enum { COUNT = sizeof finds / sizeof *finds, THERE = 3 };
    open_pool(2, 3000);
    run_finds(finds, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(finds[i].error, OK);
        assert_int_equal(finds[i].is_there, finds[i].key > 0);
        assert_int_equal(finds[i].found, finds[i].is_there ? finds[i].key : 0);
        assert_int_equal(finds[i].together, finds[i].is_there ? THERE : 0);
    }
    close_pool();
}

static void test_what_is_looked_for_later_is_another_query(void **state)
{
    (void)state;
    open_pool(1, 3000);
    for (int turn = 0; turn < 2; turn++) {
        struct find find = {.key = 7};
        run_finds(&find, 1);
        assert_int_equal(find.together, 1);
    }
    close_pool();
}

static void test_a_search_fails_for_all_who_took_part(void **state)
{
    (void)state;
    struct find bad[] = {{.key = 1}, {.key = 13}, {.key = 2}}, good = {.key = 1};
    open_pool(1, 3000);
    run_finds(bad, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(bad[i].error, ERROR_INTERNAL);
    run_finds(&good, 1);
    assert_true(good.is_there);
    close_pool();
}

static void test_what_is_looked_for_is_failed_when_the_pool_goes(void **state)
{
    (void)state;
    struct find finds[] = {{.key = 1}, {.key = 2}};
    open_pool(1, 3000);
    running = 2;
    assert_true(fiber_start(run_find, &finds[0]) && fiber_start(run_find, &finds[1]));
    db_destroy(&db);
    assert_int_equal(running, 0);
    assert_int_equal(finds[0].error, ERROR_UNAVAILABLE);
    assert_int_equal(finds[1].error, ERROR_UNAVAILABLE);
    loop_destroy(&loop);
}

/* ---- load ---- */

static void test_a_thousand_at_once_each_get_their_own_answer(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    open_pool(2, 3000);
    struct job *jobs = test_calloc(COUNT, sizeof *jobs);
    for (int i = 0; i < COUNT; i++)
        jobs[i] = (struct job)ECHO(i * 7);
    run_jobs(jobs, COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(jobs[i].error, OK);
        assert_int_equal(jobs[i].answer, i * 7);
    }
    test_free(jobs);
    close_pool();
}

static void test_what_a_connection_owes_is_bounded(void **state)
{
    (void)state;
    enum { COUNT = 1500 };
    open_pool(1, 3000);
    struct job *jobs = test_calloc(COUNT, sizeof *jobs);
    for (int i = 0; i < COUNT; i++)
        jobs[i] = (struct job)ECHO(i);
    run_jobs(jobs, COUNT);
    int answered = 0;
    for (int i = 0; i < COUNT; i++) {
        answered += jobs[i].error == OK;
        assert_true(jobs[i].error == OK || jobs[i].error == ERROR_OVERLOADED);
    }
    assert_in_range(answered, 1000, 1024);
    test_free(jobs);
    close_pool();
}

static void test_a_crowd_of_writes_each_get_their_own_answer(void **state)
{
    (void)state;
    struct job jobs[CROWD];
    char names[CROWD][16], sql[1024];
    open_pool(2, 3000);
    make_crowd(jobs, names, "crowd", &add_item);
    run_jobs(jobs, CROWD);
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(jobs[i].error, OK);
        snprintf(sql, sizeof sql, "select id from item where name = '%s'", names[i]);
        assert_int_equal(jobs[i].answer, ask(sql));
    }
    close_pool();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_looked_for_in_one_turn_are_one_query_and_each_gets_its_own),
        cmocka_unit_test(test_what_is_looked_for_later_is_another_query),
        cmocka_unit_test(test_a_search_fails_for_all_who_took_part),
        cmocka_unit_test(test_what_is_looked_for_is_failed_when_the_pool_goes),
        cmocka_unit_test(test_a_thousand_at_once_each_get_their_own_answer),
        cmocka_unit_test(test_what_a_connection_owes_is_bounded),
        cmocka_unit_test(test_a_crowd_of_writes_each_get_their_own_answer),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
