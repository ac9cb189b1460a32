/* db: values, sessions, failures of statements, and time. */
#include "tests/unit/db_fixture.h"

/* ---- values ---- */

static void ask_for_values(void *argument)
{
    struct arena *arena = argument;
    struct db_result result;
    const struct db_value values[] = {DB_INTEGER(INT64_MIN), DB_TEXT(STR("ž'\"\\;")), DB_BOOLEAN(true)};
    assert_int_equal(db_query(db, arena, INT64_MAX, &echo, values, 3, &result), OK);
    assert_int_equal(result.rows, 1);
    assert_true(db_integer(&result, 0, 0) == INT64_MIN);
    assert_true(str_equal(db_text(&result, 0, 1), STR("ž'\"\\;")));
    assert_true(db_boolean(&result, 0, 2));

    const struct db_value empty[] = {DB_INTEGER(-1), DB_TEXT(((struct str){NULL, 0})), DB_BOOLEAN(false)};
    assert_int_equal(db_query(db, arena, INT64_MAX, &echo, empty, 3, &result), OK);
    assert_int_equal(db_integer(&result, 0, 0), -1);
    assert_false(db_is_null(&result, 0, 1));
    assert_int_equal(db_text(&result, 0, 1).len, 0);
    assert_false(db_boolean(&result, 0, 2));

    const struct db_value nulls[] = {DB_NULL, DB_OPTIONAL(false, DB_INTEGER(1)), DB_NULL};
    assert_int_equal(db_query(db, arena, INT64_MAX, &echo, nulls, 3, &result), OK);
    for (size_t column = 0; column < 3; column++)
        assert_true(db_is_null(&result, 0, column));
    loop_stop(loop);
}

static void test_values_come_back_as_they_went(void **state)
{
    (void)state;
    open_pool(1, 3000);
    struct arena *arena = arena_new();
    assert_true(fiber_start(ask_for_values, arena));
    run_loop();
    arena_destroy(&arena);
    close_pool();
}

struct many {
    struct integers all;
    bool has_all;
};
static const struct field many_field = {
    "all", 3, FIELD_INTEGERS, true, RULE_ANY, 0, 0, NULL, offsetof(struct many, all), offsetof(struct many, has_all)};
static const struct message many_message = {"many", &many_field, 1, sizeof(struct many), false, ERROR_INTERNAL};

static void ask_for_integers(void *argument)
{
    struct arena *arena = argument;
    static const int64_t all[] = {7, INT64_MIN, INT64_MAX, 0, -1, 10};
    for (size_t count = 0; count <= sizeof all / sizeof *all; count++) {
        struct db_result result;
        struct many many;
        const struct db_value value = db_integers(arena, (struct integers){all, count});
        assert_int_equal(db_query(db, arena, INT64_MAX, &echo_all, &value, 1, &result), OK);
        db_decode(&result, 0, &many_message, &many);
        assert_true(many.has_all);
        assert_int_equal(many.all.count, count);
        assert_true(count == 0 || memcmp(many.all.values, all, count * sizeof *all) == 0);
    }
    loop_stop(loop);
}

static void test_integers_come_back_as_they_went(void **state)
{
    (void)state;
    open_pool(1, 3000);
    struct arena *arena = arena_new();
    assert_true(fiber_start(ask_for_integers, arena));
    run_loop();
    arena_destroy(&arena);
    close_pool();
}

struct moments {
    struct str texts[7];
    bool has[7];
};
#define MOMENT(name_, n_)                                                                                              \
    {                                                                                                                  \
        name_, sizeof name_ - 1, FIELD_TIME, false, RULE_ANY, 0, 0, NULL, offsetof(struct moments, texts[n_]),         \
            offsetof(struct moments, has[n_])                                                                          \
    }
static const struct field moment_fields[] = {MOMENT("fine", 0), MOMENT("tenth", 1), MOMENT("whole", 2),
                                             MOMENT("none", 3), MOMENT("text", 4),  MOMENT("late", 5),
                                             MOMENT("never", 6)};
static const struct message moments_message = {"moments", moment_fields, 7, sizeof(struct moments),
                                               false,     ERROR_INTERNAL};

static void ask_for_times(void *argument)
{
    struct arena *arena = argument;
    struct db_result result;
    struct moments moments;
    assert_int_equal(db_query(db, arena, INT64_MAX, &times, NULL, 0, &result), OK);
    db_decode(&result, 0, &moments_message, &moments);
    static const char *const expected[] = {"2026-05-01T18:30:00.123Z",
                                           "2026-05-01T18:30:00.500Z",
                                           "2026-05-01T18:30:00.000Z",
                                           NULL,
                                           "9999-12-31T00:00:00Z",
                                           "10000-01-01T00:00:00.001Z",
                                           "infinity"};
    for (size_t i = 0; i < 7; i++) {
        assert_true(moments.has[i] == (expected[i] != NULL));
        assert_true(!moments.has[i] || str_equal(moments.texts[i], str_from(expected[i])));
    }
    loop_stop(loop);
}

/* Wherever the server thinks it stands. */
static void test_times_are_written_as_javascript_does(void **state)
{
    (void)state;
    ask("alter system set timezone = 'Asia/Kathmandu'");
    ask("select pg_reload_conf()");
    open_pool(1, 3000);
    struct arena *arena = arena_new();
    assert_true(fiber_start(ask_for_times, arena));
    run_loop();
    arena_destroy(&arena);
    close_pool();
}

struct view {
    int64_t i;
    bool has_i;
    struct str t;
    bool has_t;
    bool b, has_b;
    struct str more;
    bool has_more;
};
#define VIEW_FIELD(member_, type_)                                                                                     \
    {                                                                                                                  \
#member_, sizeof #member_ - 1, type_, false, RULE_ANY, 0, 0, NULL, offsetof(struct view, member_),             \
            offsetof(struct view, has_##member_)                                                                       \
    }
static const struct field view_fields[] = {VIEW_FIELD(i, FIELD_INTEGER), VIEW_FIELD(t, FIELD_STRING),
                                           VIEW_FIELD(b, FIELD_BOOLEAN), VIEW_FIELD(more, FIELD_STRING)};
static const struct message view_message = {"view", view_fields, 4, sizeof(struct view), false, ERROR_INTERNAL};

static void decode_view(void *argument)
{
    struct arena *arena = argument;
    struct db_result result;
    const struct db_value values[] = {DB_INTEGER(7), DB_NULL, DB_BOOLEAN(true)};
    assert_int_equal(db_query(db, arena, INT64_MAX, &echo, values, 3, &result), OK);
    struct view view;
    memset(&view, 0xff, sizeof view);
    db_decode(&result, 0, &view_message, &view);
    assert_true(view.has_i && view.i == 7 && view.has_b && view.b);
    assert_false(view.has_t || view.has_more);
    loop_stop(loop);
}

static void test_a_row_decodes_into_a_message(void **state)
{
    (void)state;
    open_pool(1, 3000);
    struct arena *arena = arena_new();
    assert_true(fiber_start(decode_view, arena));
    run_loop();
    arena_destroy(&arena);
    close_pool();
}

static void test_text_with_nul_is_refused(void **state)
{
    (void)state;
    open_pool(1, 3000);
    assert_int_equal(run_one((struct job){.statement = &add_item, .values = {DB_TEXT(STR("a\0b"))}}), ERROR_INTERNAL);
    close_pool();
}

/* ---- sessions ---- */

static void check_settings(void *argument)
{
    struct arena *arena = argument;
    struct db_result result;
    assert_int_equal(db_query(db, arena, INT64_MAX, &settings, NULL, 0, &result), OK);
    const char *const expected[] = {
        "tester", "1234ms", "unit", "5MB", "UTF8", "tried", "UTC", "ISO, YMD", "force_generic_plan"};
    for (size_t column = 0; column < sizeof expected / sizeof *expected; column++)
        assert_string_equal(db_text(&result, 0, column).ptr, expected[column]);
    loop_stop(loop);
}

static void test_sessions_have_role_and_timeouts_beside_the_urls_options(void **state)
{
    (void)state;
    char with_options[600];
    snprintf(with_options, sizeof with_options, "%s%coptions=-c%%20work_mem%%3D5MB%%20-c%%20statement_timeout%%3D9",
             url, strchr(url, '?') != NULL ? '&' : '?');
    static const struct statement *const only[] = {&settings};
    open_pool_with(&(struct db_options){with_options, "tester", "tried", "unit", 1, 1234, only, 1});
    await_ready(1);
    struct arena *arena = arena_new();
    assert_true(fiber_start(check_settings, arena));
    run_loop();
    arena_destroy(&arena);
    close_pool();
}

static void test_urls_are_checked(void **state)
{
    (void)state;
    assert_true(db_url_is_valid(url));
    assert_true(db_url_is_valid("host='local host' user=x password='it\\'s'"));
    assert_false(db_url_is_valid("postgresql://u@h/db?nosuch=1"));
    assert_false(db_url_is_valid("host"));
}

static void test_what_keeps_it_from_being_ready_is_told(void **state)
{
    (void)state;
    static const struct statement wrong = {"wrong_one", "select nothing from nowhere", false, 0};
    static const struct statement *const only[] = {&wrong};
    open_pool_with(&(struct db_options){url, NULL, NULL, "unit", 1, 1000, only, 1});
    await_why_not("statement wrong_one: ERROR:  relation \"nowhere\" does not exist");
    close_pool();
    open_pool_with(&(struct db_options){url, "nobody", NULL, "unit", 1, 1000, NULL, 0});
    await_why_not("role \"nobody\" does not exist");
    close_pool();
    open_pool_with(&(struct db_options){"host=/nonexistent", NULL, NULL, "unit", 1, 1000, NULL, 0});
    await_why_not("No such file or directory");
    close_pool();
}

/* ---- failures of statements ---- */

static void test_a_unique_violation_is_a_conflict(void **state)
{
    (void)state;
    open_pool(1, 3000);
    struct job first = {.statement = &add_item, .values = {DB_TEXT(STR("unique"))}};
    assert_int_equal(run_one(first), OK);
    assert_int_equal(run_one(first), ERROR_CONFLICT);
    assert_int_equal(run_one((struct job)ECHO(1)), OK);
    close_pool();
}

static void test_a_commit_that_fails_is_no_success(void **state)
{
    (void)state;
    open_pool(1, 3000);
    struct job jobs[] = {{.statement = &add_late, .values = {DB_TEXT(STR("late"))}},
                         {.statement = &add_late, .values = {DB_TEXT(STR("late"))}},
                         ECHO(5)};
    run_jobs(jobs, 3);
    assert_int_equal(jobs[0].error, OK);
    assert_int_equal(jobs[1].error, ERROR_CONFLICT);
    assert_int_equal(jobs[2].answer, 5);
    close_pool();
}

static void test_a_failing_read_fails_no_neighbour(void **state)
{
    (void)state;
    open_pool(1, 3000);
    struct job jobs[] = {ECHO(1),
                         {.statement = &divide, .values = {DB_INTEGER(0)}},
                         ECHO(3),
                         {.statement = &divide, .values = {DB_INTEGER(0)}},
                         ECHO(5)};
    run_jobs(jobs, 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(jobs[i].error, i % 2 == 0 ? OK : ERROR_INTERNAL);
        assert_int_equal(jobs[i].answer, i % 2 == 0 ? i + 1 : 0);
    }
    close_pool();
}

static void test_writes_and_reads_of_a_turn_do_not_fail_each_other(void **state)
{
    (void)state;
    open_pool(1, 3000);
    struct job jobs[] = {{.statement = &divide, .values = {DB_INTEGER(0)}},
                         {.statement = &add_item, .values = {DB_TEXT(STR("isolated 1"))}},
                         {.statement = &add_item_badly, .values = {DB_INTEGER(1)}},
                         {.statement = &add_item, .values = {DB_TEXT(STR("isolated 2"))}},
                         ECHO(4),
                         {.statement = &divide, .values = {DB_INTEGER(0)}}};
    run_jobs(jobs, 6);
    const enum error expected[] = {ERROR_INTERNAL, OK, ERROR_INTERNAL, OK, OK, ERROR_INTERNAL};
    for (int i = 0; i < 6; i++)
        assert_int_equal(jobs[i].error, expected[i]);
    assert_int_equal(ask("select count(*) from item where name like 'isolated%'"), 2);
    close_pool();
}

static void test_reads_do_not_wait_behind_writes(void **state)
{
    enum { WRITES = 2, READS = 20, WRITE_MS = 1000 };
    (void)state;
    open_pool(3, 3000);
    struct job jobs[WRITES + READS];
    char names[WRITES][16];
    for (size_t i = 0; i < WRITES; i++) {
        snprintf(names[i], sizeof names[i], "behind %zu", i);
        jobs[i] =
            (struct job){.statement = &add_item_slowly, .values = {DB_TEXT(str_from(names[i])), DB_INTEGER(WRITE_MS)}};
    }
    for (size_t i = WRITES; i < WRITES + READS; i++)
        jobs[i] = (struct job)ECHO((int64_t)i);
    run_jobs(jobs, WRITES + READS);
    for (size_t i = 0; i < WRITES + READS; i++)
        assert_int_equal(jobs[i].error, OK);
    for (size_t i = WRITES; i < WRITES + READS; i++)
        assert_true(jobs[i].took_ms < WRITE_MS);
    close_pool();
}

static void test_a_table_that_changed_its_shape_heals(void **state)
{
    (void)state;
    open_pool(1, 3000);
    assert_int_equal(run_one((struct job){.statement = &get_shape}), OK);
    ask("alter table shape add column b text");
    assert_int_equal(run_one((struct job){.statement = &get_shape}), ERROR_UNAVAILABLE);
    await_ready(1);
    assert_int_equal(run_one((struct job){.statement = &get_shape}), OK);
    close_pool();
}

/* ---- time ---- */

static void test_statement_timeout(void **state)
{
    (void)state;
    open_pool(1, 200);
    struct job jobs[] = {NAP(5000),
                         {.statement = &add_item_slowly, .values = {DB_TEXT(STR("slow")), DB_INTEGER(5000)}}};
    run_jobs(jobs, 2);
    assert_int_equal(jobs[0].error, ERROR_TIMEOUT);
    assert_int_equal(jobs[1].error, ERROR_TIMEOUT);
    assert_true(jobs[1].took_ms < 4000);
    assert_int_equal(run_one((struct job)ECHO(1)), OK);
    close_pool();
}

static void test_a_deadline_ends_the_wait_and_the_late_answer_is_dropped(void **state)
{
    (void)state;
    open_pool(1, 3000);
    struct job job = NAP(600);
    job.patience_ms = 100;
    run_jobs(&job, 1);
    assert_int_equal(job.error, ERROR_TIMEOUT);
    assert_in_range(job.took_ms, 100, 599);
    struct job next = ECHO(42); /* behind the nap, on the same connection */
    run_jobs(&next, 1);
    assert_int_equal(next.error, OK);
    assert_int_equal(next.answer, 42);
    close_pool();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_come_back_as_they_went),
        cmocka_unit_test(test_integers_come_back_as_they_went),
        cmocka_unit_test(test_times_are_written_as_javascript_does),
        cmocka_unit_test(test_a_row_decodes_into_a_message),
        cmocka_unit_test(test_text_with_nul_is_refused),
        cmocka_unit_test(test_sessions_have_role_and_timeouts_beside_the_urls_options),
        cmocka_unit_test(test_urls_are_checked),
        cmocka_unit_test(test_what_keeps_it_from_being_ready_is_told),
        cmocka_unit_test(test_a_unique_violation_is_a_conflict),
        cmocka_unit_test(test_a_commit_that_fails_is_no_success),
        cmocka_unit_test(test_a_failing_read_fails_no_neighbour),
        cmocka_unit_test(test_writes_and_reads_of_a_turn_do_not_fail_each_other),
        cmocka_unit_test(test_reads_do_not_wait_behind_writes),
        cmocka_unit_test(test_a_table_that_changed_its_shape_heals),
        cmocka_unit_test(test_statement_timeout),
        cmocka_unit_test(test_a_deadline_ends_the_wait_and_the_late_answer_is_dropped),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
