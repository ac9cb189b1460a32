/* What the tests of db share: a real server, a throw-away cluster of the program's own, which tests also stop, kill and
 * stall; a pool on it; fibers that ask it, and what disturbs them meanwhile. */
#ifndef TESTS_UNIT_DB_FIXTURE_H
#define TESTS_UNIT_DB_FIXTURE_H

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

#include "common/db.h"
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
static inline int postgres(const char *verb, char *out, size_t size)
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
static inline void start_postgres(void)
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

static inline int64_t ask(const char *sql)
{
    PGresult *pg = PQexec(control, sql);
    ExecStatusType status = PQresultStatus(pg);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(control));
    int64_t answer = PQntuples(pg) > 0 ? strtoll(PQgetvalue(pg, 0, 0), NULL, 10) : 0;
    PQclear(pg);
    return answer;
}

static inline void open_control(void)
{
    control = PQconnectdb(url);
    assert_int_equal(PQstatus(control), CONNECTION_OK);
}

static inline int start_server(void **state)
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

static inline int stop_server(void **state)
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
STATEMENT(
    times, false, 0,
    "select '2026-05-01 20:30:00.123987+02'::timestamptz as fine, '2026-05-01 18:30:00.5+00'::timestamptz as tenth, "
    "'2026-05-01 18:30:00+00'::timestamptz as whole, null::timestamptz as none, '9999-12-31T00:00:00Z' as text, "
    "'10000-01-01 00:00:00.001+00'::timestamptz as late, 'infinity'::timestamptz as never")
STATEMENT(settings, false, 0,
          "select current_user::text, current_setting('statement_timeout'), current_setting('application_name'), "
          "current_setting('work_mem'), current_setting('client_encoding'), current_setting('search_path'), "
          "current_setting('TimeZone'), current_setting('DateStyle'), current_setting('plan_cache_mode')")
static const struct statement *const statements[] = {
    &echo,     &divide,   &add_item, &add_item_badly,          &add_late, &add_item_slowly, &nap, &get_shape,
    &settings, &echo_all, &seek,     &write_and_commit_slowly, &times};

/* ---- a pool and its loop; fibers that ask it ---- */

static struct loop *loop;
static struct db *db;
static size_t running;
static bool timed_out;

static inline void on_out_of_patience(void *context)
{
    (void)context;
    timed_out = true;
    loop_stop(loop);
}

static inline void stop_when_ready(void *context)
{
    if (db_ready_connections(db) == *(const size_t *)context)
        loop_stop(loop);
}

static inline void run_loop(void)
{
    struct loop_timer *patience = loop_timer_new(loop, on_out_of_patience, NULL);
    loop_timer_start(patience, PATIENCE_MS, 0);
    timed_out = false;
    loop_run(loop);
    loop_timer_destroy(&patience);
    assert_false(timed_out);
}

static inline void await_ready(size_t connections)
{
    struct loop_timer *poll = loop_timer_new(loop, stop_when_ready, &connections);
    loop_timer_start(poll, 0, 5);
    run_loop();
    loop_timer_destroy(&poll);
}

static inline void stop_when_told_why(void *context)
{
    const char *why_not = NULL;
    if (!db_is_ready(db, &why_not) && strstr(why_not, context) != NULL)
        loop_stop(loop);
}

static inline void await_why_not(const char *words)
{
    struct loop_timer *poll = loop_timer_new(loop, stop_when_told_why, (void *)words);
    loop_timer_start(poll, 1, 5);
    run_loop();
    loop_timer_destroy(&poll);
}

static inline void open_pool_with(const struct db_options *options)
{
    loop = loop_new();
    db = db_new(loop, options);
}

static inline void open_pool(size_t connections, int64_t statement_timeout_ms)
{
    open_pool_with(&(struct db_options){.url = url,
                                        .application_name = "unit_db",
                                        .connections = connections,
                                        .statement_timeout_ms = statement_timeout_ms,
                                        .statements = statements,
                                        .statement_count = sizeof statements / sizeof *statements});
    await_ready(connections);
}

static inline void close_pool(void)
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

static inline void run_job(void *argument)
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

static inline void start_jobs(struct job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        running++;
        assert_true(fiber_start(run_job, &jobs[i]));
    }
}

/* All of one turn. */
static inline void run_jobs(struct job *jobs, size_t count)
{
    start_jobs(jobs, count);
    if (running > 0)
        run_loop();
    else
        loop_run(loop); /* all were answered at once, and their loop_stop is still to be used up */
}

static inline enum error run_one(struct job job)
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

enum { CROWD = 40 };

/* So many that answers are held. */
static inline void make_crowd(struct job *jobs, char (*names)[16], const char *prefix,
                              const struct statement *statement)
{
    for (int i = 0; i < CROWD; i++) {
        snprintf(names[i], sizeof names[i], "%s%d", prefix, i);
        jobs[i] = (struct job){.statement = statement, .values = {DB_TEXT(str_from(names[i])), DB_INTEGER(5)}};
    }
}

/* ---- a disturbance, while jobs wait ---- */

struct disturbance {
    const char *once;   /* SQL that answers above 0 when the moment has come */
    const char *then;   /* SQL that disturbs */
    struct job *begins; /* in the same turn of the loop, so many */
    size_t begin_count;
    struct loop_timer *timer;
};

static inline void disturb(void *context)
{
    struct disturbance *disturbance = context;
    if (ask(disturbance->once) == 0)
        return;
    ask(disturbance->then);
    start_jobs(disturbance->begins, disturbance->begin_count);
    loop_timer_destroy(&disturbance->timer);
}

static inline void run_jobs_disturbed(struct job *jobs, size_t count, struct disturbance disturbance)
{
    disturbance.timer = loop_timer_new(loop, disturb, &disturbance);
    loop_timer_start(disturbance.timer, 1, 5);
    run_jobs(jobs, count);
    assert_null(disturbance.timer);
}

#define NAPPING " from pg_stat_activity where application_name = 'unit_db' and wait_event = 'PgSleep'"

#endif
