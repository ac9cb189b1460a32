/* db and a server that goes, stalls, and comes back. */
#include "tests/unit/db_fixture.h"

/* ---- faults of the server ---- */

static void test_reads_of_a_lost_connection_are_sent_again(void **state)
{
    (void)state;
    open_pool(2, 3000);
    struct job jobs[] = {NAP(300), NAP(301), NAP(10), NAP(11), NAP(12), NAP(13)};
    run_jobs_disturbed(jobs, 6,
                       (struct disturbance){.once = "select count(*) / 2" NAPPING,
                                            .then = "select pg_terminate_backend(min(pid))" NAPPING});
    for (int i = 0; i < 6; i++)
        assert_int_equal(jobs[i].error, OK);
    assert_int_equal(jobs[1].answer, 301);
    close_pool();
}

static void test_a_write_of_a_lost_connection_is_not(void **state)
{
    (void)state;
    open_pool(2, 10000);
    struct job job = {.statement = &add_item_slowly, .values = {DB_TEXT(STR("lost")), DB_INTEGER(8000)}};
    run_jobs_disturbed(
        &job, 1,
        (struct disturbance){.once = "select count(*)" NAPPING, .then = "select pg_terminate_backend(pid)" NAPPING});
    assert_int_equal(job.error, ERROR_UNAVAILABLE);
    assert_true(job.took_ms < 4000);
    assert_int_equal(ask("select count(*) from item where name = 'lost'"), 0);
    close_pool();
}

/* The loop is late: the session has ended, and its last answers are there, when two writes are sent to it. libpq reads
 * what has come when it cannot send, and forgets what is owed when it finds the end. */
static void check_end_of_session(struct job job, const char *then, enum error expected)
{
    open_pool(1, 10000);
    struct job late[] = {{.statement = &add_item, .values = {DB_TEXT(STR("late"))}},
                         {.statement = &add_item, .values = {DB_TEXT(STR("too late"))}}};
    run_jobs_disturbed(
        &job, 1,
        (struct disturbance){.once = "select count(*)" NAPPING, .then = then, .begins = late, .begin_count = 2});
    assert_int_equal(job.error, expected);
    assert_int_equal(late[0].error, ERROR_UNAVAILABLE);
    assert_int_equal(late[1].error, ERROR_UNAVAILABLE);
    await_ready(1);
    assert_int_equal(run_one((struct job)ECHO(1)), OK);
    close_pool();
}

static void test_a_write_whose_session_ends_in_its_commit_is_no_success(void **state)
{
    (void)state;
    check_end_of_session((struct job){.statement = &write_and_commit_slowly},
                         "select pg_terminate_backend(pid, 5000)" NAPPING, ERROR_UNAVAILABLE);
}

static void test_a_write_whose_session_ends_behind_it_is_a_success(void **state)
{
    (void)state;
    check_end_of_session(
        (struct job){.statement = &add_item_slowly, .values = {DB_TEXT(STR("in time")), DB_INTEGER(50)}},
        "do $$ begin "
        "while exists (select from pg_stat_activity where application_name = 'unit_db' and state <> 'idle') "
        "loop perform pg_stat_clear_snapshot(); end loop; " /* idle: it has committed, and said so */
        "perform pg_terminate_backend(pid, 5000) from pg_stat_activity "
        "where application_name = 'unit_db'; "
        "end $$",
        OK);
    assert_int_equal(ask("select count(*) from item where name = 'in time'"), 1);
}

static void test_a_server_that_stalls_is_given_up(void **state)
{
    (void)state;
    open_pool(2, 200);
    pid_t pid = (pid_t)ask("select min(pid) from pg_stat_activity where application_name = 'unit_db'");
    assert_int_equal(kill(pid, SIGSTOP), 0);
    struct job jobs[] = {ECHO(1), ECHO(2)}; /* one on each connection */
    run_jobs(jobs, 2);
    assert_int_equal(kill(pid, SIGCONT), 0);
    assert_int_equal(jobs[0].error, OK);
    assert_int_equal(jobs[1].error, OK);
    int64_t longest = jobs[0].took_ms > jobs[1].took_ms ? jobs[0].took_ms : jobs[1].took_ms;
    assert_in_range(longest, 2000, 8000);
    close_pool();
}

static void test_a_restarted_server_heals(void **state)
{
    (void)state;
    open_pool(2, 3000);
    PQfinish(control);
    assert_int_equal(postgres("stop", NULL, 0), 0);
    await_why_not("database");
    assert_int_equal(run_one((struct job)ECHO(1)), ERROR_UNAVAILABLE);
    start_postgres();
    open_control();
    int64_t begun_ms = loop_now_ms();
    await_ready(2);
    assert_true(loop_now_ms() - begun_ms < 2000);
    assert_int_equal(run_one((struct job)ECHO(1)), OK);
    close_pool();
}

static void test_what_waits_is_failed_when_the_pool_goes(void **state)
{
    (void)state;
    open_pool(1, 3000);
    struct job jobs[] = {NAP(2000), {.statement = &add_item_slowly, .values = {DB_TEXT(STR("gone")), DB_INTEGER(1)}}};
    start_jobs(jobs, 2);
    db_destroy(&db);
    assert_int_equal(running, 0);
    assert_int_equal(jobs[0].error, ERROR_UNAVAILABLE);
    assert_int_equal(jobs[1].error, ERROR_UNAVAILABLE);
    loop_destroy(&loop);
}

static void test_a_crowd_of_writes_whose_sessions_end_learns_what_became_of_it(void **state)
{
    (void)state;
    struct job jobs[CROWD];
    char names[CROWD][16], sql[1024];
    int succeeded = 0;
    open_pool(2, 3000);
    make_crowd(jobs, names, "cut", &add_item_slowly);
    run_jobs_disturbed(jobs, CROWD,
                       (struct disturbance){.once = "select (count(*) > 3)::int from item where name like 'cut%'",
                                            .then = "select pg_terminate_backend(pid) from pg_stat_activity "
                                                    "where application_name = 'unit_db'"});
    for (int i = 0; i < CROWD; i++) {
        snprintf(sql, sizeof sql, "select count(*) from item where name = '%s'", names[i]);
        assert_true(jobs[i].error == OK || jobs[i].error == ERROR_UNAVAILABLE);
        assert_true(jobs[i].error != OK || ask(sql) == 1);
        succeeded += jobs[i].error == OK;
    }
    assert_in_range(succeeded, 1, CROWD - 1);
    close_pool();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_of_a_lost_connection_are_sent_again),
        cmocka_unit_test(test_a_write_of_a_lost_connection_is_not),
        cmocka_unit_test(test_a_write_whose_session_ends_in_its_commit_is_no_success),
        cmocka_unit_test(test_a_write_whose_session_ends_behind_it_is_a_success),
        cmocka_unit_test(test_a_server_that_stalls_is_given_up),
        cmocka_unit_test(test_a_restarted_server_heals),
        cmocka_unit_test(test_what_waits_is_failed_when_the_pool_goes),
        cmocka_unit_test(test_a_crowd_of_writes_whose_sessions_end_learns_what_became_of_it),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
