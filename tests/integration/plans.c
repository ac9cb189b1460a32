/* No statement reads more than it must, however large the tables are: each file of services/NAME/sql, and of common/
 * in the schemas that have it, is run on many rows with a generic plan, as the services' sessions have it (db_url.c).
 * auto_explain tells how it went, also within functions and triggers: no big table is read from end to end,
 * and no step of a plan reads more rows than tests/plans/samples allows. A statement without a sample fails, and so
 * does a statement of a function that no sample reached. FILL_ROOMS=1000000 takes as many rooms (make explain). */
#include <glob.h>
#include <jansson.h>
#include <libpq-fe.h>
#include <search.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scratch.h"
#include "tests/support/stack.h"

enum { DEFAULT_ROOMS = 12000, BIG = 4000, MAX_FAULTS = 50 };

static struct {
    PGconn *connection;
    const char *sample; /* that runs now */
    json_int_t most;    /* rows that each step of its plans may read */
    size_t plans, faults;
    json_int_t read_most;
    void *big_tables, *seen_texts, *sampled, *unused; /* trees (search.h) of texts */
} plans;

/* ---- texts ---- */

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool is_in(void *const *tree, const char *key)
{
    return tfind(key, tree, compare) != NULL;
}

/* Lower case, without comments, and each run of white space one space. */
static char *normal(const char *sql)
{
    char *out = scratch_alloc(strlen(sql) + 1), *end = out;
    for (; *sql != '\0'; sql++) {
        if (strncmp(sql, "--", 2) == 0)
            sql += strcspn(sql, "\n");
        if (*sql == '\0')
            break;
        bool is_space = strchr(" \t\n\r", *sql) != NULL;
        if (!is_space)
            *end++ = (char)(*sql >= 'A' && *sql <= 'Z' ? *sql - 'A' + 'a' : *sql);
        else if (end > out && end[-1] != ' ')
            *end++ = ' ';
    }
    while (end > out && end[-1] == ' ')
        end--;
    *end = '\0';
    return out;
}

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        fail_msg("%s: cannot be read", path);
    char *out = text("%s", ""), line[4096];
    while (fgets(line, sizeof line, file) != NULL)
        out = text("%s%s", out, line);
    fclose(file);
    return out;
}

__attribute__((format(printf, 1, 2))) static void complain(const char *format, ...)
{
    va_list arguments;
    if (++plans.faults > MAX_FAULTS)
        return;
    fprintf(stderr, "%s\n    ", plans.sample);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
}

/* ---- plans ---- */

static json_int_t number(const json_t *node, const char *key)
{
    return (json_int_t)json_number_value(json_object_get(node, key));
}

static void check_node(const json_t *node)
{
    const char *type = json_string_value(json_object_get(node, "Node Type"));
    const char *table = json_string_value(json_object_get(node, "Relation Name"));
    bool reads = strstr(type, "Scan") != NULL || strcmp(type, "Sort") == 0;
    json_int_t rows = (number(node, "Actual Rows") + number(node, "Rows Removed by Filter") +
                       number(node, "Rows Removed by Index Recheck")) *
                      number(node, "Actual Loops");
    if (strcmp(type, "Seq Scan") == 0 && is_in(&plans.big_tables, table))
        complain("reads all of %s", table);
    if (reads && rows > plans.most)
        complain("%s of %s reads %lld rows, more than %lld", type, table != NULL ? table : "what it gets",
                 (long long)rows, (long long)plans.most);
    if (reads && rows > plans.read_most)
        plans.read_most = rows;
    size_t i;
    json_t *child;
    json_array_foreach(json_object_get(node, "Plans"), i, child) check_node(child);
}

static void on_notice(void *context, const PGresult *result)
{
    (void)context;
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *json = message != NULL ? strchr(message, '{') : NULL;
    if (json == NULL || strstr(message, "plan:") == NULL)
        return;
    json_t *logged = json_loads(json, 0, NULL);
    assert_non_null(logged);
    char *query = normal(json_string_value(json_object_get(logged, "Query Text")));
    if (*query != '\0')
        tsearch(query, &plans.seen_texts, compare);
    size_t faults = plans.faults;
    check_node(json_object_get(logged, "Plan"));
    if (plans.faults > faults && faults < MAX_FAULTS)
        fprintf(stderr, "    in: %s\n", query);
    plans.plans++;
    json_decref(logged);
}

/* ---- the database ---- */

/* NULL, or why it failed. */
static const char *try(const char *sql)
{
    PGresult *result = PQexec(plans.connection, sql);
    ExecStatusType status = PQresultStatus(result);
    bool is_good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    const char *why = is_good ? NULL : text("%s", PQresultErrorMessage(result));
    PQclear(result);
    return why;
}

static void run(const char *sql)
{
    const char *why = try(sql);
    if (why != NULL)
        fail_msg("%.200s: %s", sql, why);
}

static void each_row(const char *sql, void (*take)(const char *first, const char *second))
{
    PGresult *result = PQexec(plans.connection, sql);
    assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    for (int i = 0; i < PQntuples(result); i++)
        take(text("%s", PQgetvalue(result, i, 0)), PQnfields(result) > 1 ? text("%s", PQgetvalue(result, i, 1)) : NULL);
    PQclear(result);
}

static void take_big(const char *table, const char *ignored)
{
    (void)ignored;
    tsearch(table, &plans.big_tables, compare);
}

static void fill(void)
{
    const char *rooms = getenv("FILL_ROOMS");
    int64_t begun_ms = now_ms();
    run(text("set fill.rooms = '%s'", rooms != NULL ? rooms : text("%d", DEFAULT_ROOMS)));
    run(read_text(SOURCE_DIR "/tests/plans/fill.sql"));
    each_row(
        text("select relname from pg_class join pg_namespace on pg_namespace.oid = relnamespace where relkind = 'r' "
             "and reltuples >= %d and nspname in ('auth', 'users', 'rooms', 'posts')",
             BIG),
        take_big);
    print_message("filled in %lld ms\n", (long long)(now_ms() - begun_ms));
}

static void explain_from_now_on(void)
{
    run("load 'auto_explain'; set auto_explain.log_min_duration = 0; set auto_explain.log_analyze = on; "
        "set auto_explain.log_timing = off; set auto_explain.log_nested_statements = on; "
        "set auto_explain.log_format = json; set auto_explain.log_level = notice; "
        "set plan_cache_mode = force_generic_plan");
}

/* ---- samples ---- */

static const char *schema_of(const char *service)
{
    static const char *const schemas[][2] = {{"auth", "auth"}, {"user", "users"}, {"room", "rooms"}, {"post", "posts"}};
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++)
        if (strcmp(schemas[i][0], service) == 0)
            return schemas[i][1];
    fail_msg("service %s has no schema here", service);
    return NULL;
}

/* A statement of common/sql is run in the schema. */
static void run_sample(const char *service, const char *statement, const char *folder, const char *arguments)
{
    const char *schema = schema_of(service);
    run(text("set search_path to %s", schema));
    run(text("prepare sample as %s", read_text(text("%s/%s/sql/%s.sql", SOURCE_DIR, folder, statement))));
    const char *execute = *arguments != '\0' ? text("execute sample (%s)", arguments) : "execute sample";
    run("begin");
    const char *why = try(execute);
    if (why != NULL)
        complain("fails: %s", why);
    run("rollback; deallocate sample; reset search_path");
    char *name = text("%s/%s", folder, statement);
    tsearch(name, &plans.sampled, compare);
}

/* "room room_get 100 '{1,2}'": services, statement, rows that a step may read, arguments. */
static void run_line(const char *line)
{
    char services[64], statement[64];
    long long most;
    int arguments = 0;
    if (sscanf(line, "%63s %63s %lld %n", services, statement, &most, &arguments) < 3)
        fail_msg("tests/plans/samples: %s", line);
    plans.sample = line;
    plans.most = most;
    char *folder = strchr(services, '@'), *rest = NULL;
    if (folder != NULL)
        *folder++ = '\0';
    char *list = strcmp(services, "each") == 0 ? text("auth,user,room,post") : text("%s", services);
    for (char *name = strtok_r(list, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest))
        run_sample(name, statement, folder != NULL ? folder : text("services/%s", name), line + arguments);
}

static void run_samples(void)
{
    char *lines = read_text(SOURCE_DIR "/tests/plans/samples"), *rest = NULL;
    for (char *line = strtok_r(lines, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
        if (*line == '!')
            tsearch(text("%s", line + 2), &plans.unused, compare);
        else if (*line != '#')
            run_line(line);
}

/* ---- what no sample reached ---- */

static void find_unsampled(const char *pattern)
{
    glob_t files;
    assert_int_equal(glob(text("%s/%s", SOURCE_DIR, pattern), 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        const char *path = files.gl_pathv[i] + strlen(SOURCE_DIR "/");
        const char *sql = strstr(path, "/sql/");
        char *name = text("%.*s/%.*s", (int)(sql - path), path, (int)strlen(sql + 5) - 4, sql + 5);
        plans.sample = path;
        if (!is_in(&plans.sampled, name))
            complain("has no sample in tests/plans/samples");
    }
    globfree(&files);
}

static struct {
    const char *texts[1024];
    size_t count;
} seen;

static void gather_seen(const void *node, VISIT visit, int depth)
{
    (void)depth;
    assert_in_range(seen.count, 0, sizeof seen.texts / sizeof *seen.texts - 1);
    if (visit == postorder || visit == leaf)
        seen.texts[seen.count++] = *(const char *const *)node;
}

static int compare_len(const void *a, const void *b)
{
    size_t left = strlen(*(const char *const *)a), right = strlen(*(const char *const *)b);
    return (left < right) - (left > right);
}

/* What is left of a function's source without all that was run is no statement on our tables. */
static void find_unseen(const char *function, const char *source)
{
    static const char *const marks[] = {"from auth.",   "from users.",   "from rooms.",   "from posts.",
                                        "into auth.",   "into users.",   "into rooms.",   "into posts.",
                                        "update auth.", "update users.", "update rooms.", "update posts."};
    char *left = text("%s", source);
    if (is_in(&plans.unused, strchr(function, '.') + 1))
        return;
    for (size_t i = 0; i < seen.count; i++)
        for (char *at = strstr(left, seen.texts[i]); at != NULL; at = strstr(at, seen.texts[i]))
            memmove(at, at + strlen(seen.texts[i]), strlen(at + strlen(seen.texts[i])) + 1);
    plans.sample = function;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (strstr(left, marks[i]) != NULL)
            complain("no sample reaches: …%.80s", strstr(left, marks[i]));
}

/* As the server tells it: without comments, without "into" variables, and with "select" for "perform". */
static void find_all_unseen(void)
{
    twalk(plans.seen_texts, gather_seen);
    qsort(seen.texts, seen.count, sizeof *seen.texts, compare_len);
    each_row("select oid::regprocedure, regexp_replace(regexp_replace(regexp_replace(regexp_replace(lower(prosrc), "
             "'--[^\n]*', '', 'g'), '(?<!insert)\\s+into\\s+[a-z_]+(, [a-z_]+)*', ' ', 'g'), '\\mperform\\M', "
             "'select', 'g'), "
             "'\\s+', ' ', 'g') from pg_proc where prolang = (select oid from pg_language where lanname = 'plpgsql') "
             "and pronamespace::regnamespace::text in ('auth', 'users', 'rooms', 'posts')",
             find_unseen);
}

static void no_statement_reads_more_than_it_must(void **state)
{
    struct stack *stack = *state;
    for (int part = 0; part < STACK_PARTS; part++)
        stack_kill(stack, part, SIGKILL); /* nobody changes what the samples find */
    plans.connection = PQconnectdb(stack->database_url);
    assert_int_equal(PQstatus(plans.connection), CONNECTION_OK);
    PQsetNoticeReceiver(plans.connection, on_notice, NULL);
    fill();
    explain_from_now_on();
    run_samples();
    run("set auto_explain.log_min_duration = -1");
    find_unsampled("services/*/sql/*.sql");
    find_unsampled("common/sql/*.sql");
    find_unsampled("common/*/sql/*.sql");
    find_all_unseen();
    PQfinish(plans.connection);
    print_message("%zu plans; a step read %lld rows at most\n", plans.plans, (long long)plans.read_most);
    assert_int_equal(plans.faults, 0);
}

SUITE("plans", cmocka_unit_test(no_statement_reads_more_than_it_must))
