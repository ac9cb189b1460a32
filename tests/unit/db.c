/* db against a real server: a throw-away cluster of its own, which the tests also stop, kill and stall. */
#include "common/db.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/fiber.h"
#include "common/log.h"

enum { PATIENCE_MS = 15000 };

static char folder[] = "/tmp/backend-unit-db-XXXXXX";
static char url[512];
static PGconn *control; /* a session that has nothing to do with db */

/* ---- the server ---- */

static const char script[] = SOURCE_DIR "/deploy/postgres";

/* deploy/postgres with one word and the folder; returns its exit status. Its first line goes to *out, where not NULL.
 */
static int postgres(const char *verb, char *out, size_t size)
{
    char command[512];
    snprintf(command, sizeof command, "FAST=1 %s %s %s 2>/dev/null", script, verb, folder);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    if (out != NULL) {
        assert_non_null(fgets(out, (int)size, pipe));
        out[strcspn(out, "\n")] = '\0';
    }
    return pclose(pipe);
}

/* A server that ends with this process, however that ends. */
static void start_postgres(void)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        setenv("FAST", "1", 1);
        if (freopen("/dev/null", "w", stderr) != NULL)
            execl(script, script, "run", folder, NULL);
        _exit(127);
    }
    while (postgres("status", NULL, 0) != 0) {
        assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
        usleep(10000);
    }
    assert_int_equal(postgres("start", NULL, 0), 0); /* makes the database */
}

static int64_t ask(const char *sql)
{
    PGresult *pg = PQexec(control, sql);
    ExecStatusType status = PQresultStatus(pg);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(control));
    int64_t answer = PQntuples(pg) > 0 ? strtoll(PQgetvalue(pg, 0, 0), NULL, 10) : 0;
    PQclear(pg);
    return answer;
}

static void open_control(void)
{
    control = PQconnectdb(url);
    assert_int_equal(PQstatus(control), CONNECTION_OK);
}

static int start_server(void **state)
{
    (void)state;
    log_init("unit_db", LOG_ERROR + 1, LOG_TEXT); /* most tests provoke errors */
    if (mkdtemp(folder) == NULL || chmod(folder, 0755) != 0)
        return -1;
    start_postgres();
    assert_int_equal(postgres("url", url, sizeof url), 0);
    open_control();
    ask("create table item (id bigint generated always as identity primary key, name text not null unique)");
    ask("create table late (name text, unique (name) deferrable initially deferred)");
    ask("create table shape (a bigint)");
    ask("create table slow (a bigint); "
        "create function nap() returns trigger language plpgsql as $$ begin perform pg_sleep(8); return null; end $$; "
        "create constraint trigger nap after insert on slow deferrable initially deferred "
        "for each row execute function nap()");
    ask("create role tester; grant all on all tables in schema public to tester");
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    PQfinish(control);
    assert_int_equal(postgres("remove", NULL, 0), 0);
    fiber_cleanup();
    return 0;
}

/* ---- statements ---- */

#define STATEMENT(name_, writes_, parameters_, sql_)                                                                   \
    static const struct statement name_ = {#name_, "-- test\n" sql_, writes_, parameters_};
STATEMENT(echo, false, 3, "select $1::bigint as i, $2::text as t, $3::boolean as b")
STATEMENT(echo_all, false, 1, "select $1::bigint[] as all")
STATEMENT(divide, false, 1, "select 1 / $1::bigint")
STATEMENT(add_item, true, 1, "insert into item (name) values ($1) returning id")
STATEMENT(add_item_badly, true, 1, "insert into item (name) values (case when $1::bigint / 0 = 0 then 'x' end)")
STATEMENT(add_late, true, 1, "insert into late values ($1)")
STATEMENT(add_item_slowly, true, 2, "insert into item (name) select $1 from pg_sleep($2::bigint / 1000.0)")
STATEMENT(nap, false, 1, "select $1::bigint as ms from pg_sleep($1::bigint / 1000.0)")
STATEMENT(write_and_commit_slowly, true, 0, "insert into slow values (1) returning a")
STATEMENT(get_shape, false, 0, "select * from shape")
STATEMENT(seek, false, 1,
          "select key, count(*) over () as found, 6 / (key - 13) "
          "from (select distinct unnest($1::bigint[]) as key) as asked where key > 0 order by key")
STATEMENT(settings, false, 0,
          "select current_user::text, current_setting('statement_timeout'), current_setting('application_name'), "
          "current_setting('work_mem'), current_setting('client_encoding'), current_setting('search_path')")
static const struct statement *const statements[] = {&echo,     &divide,          &add_item, &add_item_badly,
                                                     &add_late, &add_item_slowly, &nap,      &get_shape,
                                                     &settings, &echo_all,        &seek,     &write_and_commit_slowly};

/* ---- a pool and its loop; fibers that ask it ---- */

static struct loop *loop;
static struct db *db;
static size_t running;
static bool timed_out;

static void on_out_of_patience(void *context)
{
    (void)context;
    timed_out = true;
    loop_stop(loop);
}

static void stop_when_ready(void *context)
{
    if (db_ready_connections(db) == *(const size_t *)context)
        loop_stop(loop);
}

static void run_loop(void)
{
    struct loop_timer *patience = loop_timer_new(loop, on_out_of_patience, NULL);
    loop_timer_start(patience, PATIENCE_MS, 0);
    timed_out = false;
    loop_run(loop);
    loop_timer_destroy(&patience);
    assert_false(timed_out);
}

static void await_ready(size_t connections)
{
    struct loop_timer *poll = loop_timer_new(loop, stop_when_ready, &connections);
    loop_timer_start(poll, 0, 5);
    run_loop();
    loop_timer_destroy(&poll);
}

static void open_pool_with(const struct db_options *options)
{
    loop = loop_new();
    db = db_new(loop, options);
}

static void open_pool(size_t connections, int64_t statement_timeout_ms)
{
    open_pool_with(&(struct db_options){.url = url,
                                        .application_name = "unit_db",
                                        .connections = connections,
                                        .statement_timeout_ms = statement_timeout_ms,
                                        .statements = statements,
                                        .statement_count = sizeof statements / sizeof *statements});
    await_ready(connections);
}

static void close_pool(void)
{
    db_destroy(&db);
    loop_destroy(&loop);
}

/* One query in a fiber of its own. */
struct job {
    const struct statement *statement;
    struct db_value values[3];
    int64_t patience_ms; /* 0 = as long as it takes */
    enum error error;
    int64_t answer; /* first column of the first row, where it is a number */
    int64_t took_ms;
};

static void run_job(void *argument)
{
    struct job *job = argument;
    struct arena *arena = arena_new();
    struct db_result result;
    int64_t begun_ms = loop_now_ms();
    int64_t deadline_ms = job->patience_ms > 0 ? begun_ms + job->patience_ms : INT64_MAX;
    job->error = db_query(db, arena, deadline_ms, job->statement, job->values, job->statement->parameters, &result);
    if (job->error == OK && result.rows > 0)
        str_to_int64(db_text(&result, 0, 0), &job->answer);
    job->took_ms = loop_now_ms() - begun_ms;
    arena_destroy(&arena);
    if (--running == 0)
        loop_stop(loop);
}

static void start_jobs(struct job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        running++;
        assert_true(fiber_start(run_job, &jobs[i]));
    }
}

/* All of one turn. */
static void run_jobs(struct job *jobs, size_t count)
{
    start_jobs(jobs, count);
    if (running > 0)
        run_loop();
    else
        loop_run(loop); /* all were answered at once, and their loop_stop is still to be used up */
}

static enum error run_one(struct job job)
{
    run_jobs(&job, 1);
    return job.error;
}

#define ECHO(number_)                                                                                                  \
    {                                                                                                                  \
        .statement = &echo, .values = { DB_INTEGER(number_), DB_NULL, DB_NULL }                                        \
    }
#define NAP(ms_)                                                                                                       \
    {                                                                                                                  \
        .statement = &nap, .values = { DB_INTEGER(ms_) }                                                               \
    }

/* ---- a disturbance, while jobs wait ---- */

struct disturbance {
    const char *once;   /* SQL that answers above 0 when the moment has come */
    const char *then;   /* SQL that disturbs */
    struct job *begins; /* in the same turn of the loop, so many */
    size_t begin_count;
    struct loop_timer *timer;
};

static void disturb(void *context)
{
    struct disturbance *disturbance = context;
    if (ask(disturbance->once) == 0)
        return;
    ask(disturbance->then);
    start_jobs(disturbance->begins, disturbance->begin_count);
    loop_timer_destroy(&disturbance->timer);
}

static void run_jobs_disturbed(struct job *jobs, size_t count, struct disturbance disturbance)
{
    disturbance.timer = loop_timer_new(loop, disturb, &disturbance);
    loop_timer_start(disturbance.timer, 1, 5);
    run_jobs(jobs, count);
    assert_null(disturbance.timer);
}

#define NAPPING " from pg_stat_activity where application_name = 'unit_db' and wait_event = 'PgSleep'"

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
    const char *const expected[] = {"tester", "1234ms", "unit", "5MB", "UTF8", "tried"};
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

static void stop_when_told_why(void *context)
{
    const char *why_not = NULL;
    if (!db_is_ready(db, &why_not) && strstr(why_not, context) != NULL)
        loop_stop(loop);
}

static void await_why_not(const char *words)
{
    struct loop_timer *poll = loop_timer_new(loop, stop_when_told_why, (void *)words);
    loop_timer_start(poll, 1, 5);
    run_loop();
    loop_timer_destroy(&poll);
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
        "while exists (select" NAPPING ") loop perform pg_stat_clear_snapshot(); end loop; "
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

enum { CROWD = 40 };

/* So many that answers are held. */
static void make_crowd(struct job *jobs, char (*names)[16], const char *prefix, const struct statement *statement)
{
    for (int i = 0; i < CROWD; i++) {
        snprintf(names[i], sizeof names[i], "%s%d", prefix, i);
        jobs[i] = (struct job){.statement = statement, .values = {DB_TEXT(str_from(names[i])), DB_INTEGER(5)}};
    }
}

static void test_a_crowd_of_writes_each_get_their_own_answer(void **state)
{
    (void)state;
    struct job jobs[CROWD];
    char names[CROWD][16], sql[128];
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

static void test_a_crowd_of_writes_whose_sessions_end_learns_what_became_of_it(void **state)
{
    (void)state;
    struct job jobs[CROWD];
    char names[CROWD][16], sql[128];
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
        cmocka_unit_test(test_values_come_back_as_they_went),
        cmocka_unit_test(test_integers_come_back_as_they_went),
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
        cmocka_unit_test(test_reads_of_a_lost_connection_are_sent_again),
        cmocka_unit_test(test_a_write_of_a_lost_connection_is_not),
        cmocka_unit_test(test_a_write_whose_session_ends_in_its_commit_is_no_success),
        cmocka_unit_test(test_a_write_whose_session_ends_behind_it_is_a_success),
        cmocka_unit_test(test_a_server_that_stalls_is_given_up),
        cmocka_unit_test(test_a_restarted_server_heals),
        cmocka_unit_test(test_what_waits_is_failed_when_the_pool_goes),
        cmocka_unit_test(test_rows_looked_for_in_one_turn_are_one_query_and_each_gets_its_own),
        cmocka_unit_test(test_what_is_looked_for_later_is_another_query),
        cmocka_unit_test(test_a_search_fails_for_all_who_took_part),
        cmocka_unit_test(test_what_is_looked_for_is_failed_when_the_pool_goes),
        cmocka_unit_test(test_a_thousand_at_once_each_get_their_own_answer),
        cmocka_unit_test(test_what_a_connection_owes_is_bounded),
        cmocka_unit_test(test_a_crowd_of_writes_each_get_their_own_answer),
        cmocka_unit_test(test_a_crowd_of_writes_whose_sessions_end_learns_what_became_of_it),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
