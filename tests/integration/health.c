/* The admin port of every process: alive, ready, and where it is not ready why, in words. */
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

enum { PATIENCE_MS = 15000 };

/* Whether a dependency of the part is ready, by /readyz; *why_not as it says. */
static bool is_dependency_ready(const struct reply *reply, const char *name, const char **why_not)
{
    const json_t *dependency = json_object_get(json_object_get(reply->json, "dependencies"), name);
    assert_non_null(dependency);
    const json_t *words = json_object_get(dependency, "whyNot");
    *why_not = words != NULL ? json_string_value(words) : "";
    return json_is_true(json_object_get(dependency, "ready"));
}

/* Waits until the part's dependency is not ready for a reason that holds the words, and until the part has the status.
 */
static void await_not_ready(const struct stack *stack, enum stack_part part, long status, const char *dependency,
                            const char *words)
{
    for (int64_t deadline = now_ms() + PATIENCE_MS;; sleep_ms(20)) {
        const char *why_not = "";
        struct reply *reply = http_probe_part(stack, part, "/readyz");
        bool is_there = reply->json != NULL && is_dependency_ready(reply, dependency, &why_not);
        if (!is_there && reply->status == status && strstr(why_not, words) != NULL)
            return;
        if (now_ms() > deadline)
            fail_msg("%s: %ld %s", stack_part_name(part), reply->status, reply->body);
    }
}

static void await_ready(const struct stack *stack, enum stack_part part)
{
    for (int64_t deadline = now_ms() + PATIENCE_MS;; sleep_ms(20)) {
        struct reply *reply = http_probe_part(stack, part, "/readyz");
        if (reply->status == 200 && strstr(reply->body, "whyNot") == NULL)
            return;
        if (now_ms() > deadline)
            fail_msg("%s: %ld %s", stack_part_name(part), reply->status, reply->body);
    }
}

static int healthcheck(const struct stack *stack, enum stack_part part, char **words)
{
    int status;
    char *output = shell("%s; echo \"status $?\"", stack_command(stack, part, "--healthcheck"));
    char *last = strstr(output, "status ");
    assert_non_null(last);
    assert_int_equal(sscanf(last, "status %d", &status), 1);
    *words = output;
    return status;
}

static void cut_connections(struct database *server, const struct stack *stack)
{
    database_run(server, text("select pg_terminate_backend(pid) from pg_stat_activity"
                              " where datname = '%s' and pid <> pg_backend_pid()",
                              stack->database));
}

/* A connection to another database of the same server. */
static struct database *connect_beside(const struct stack *stack)
{
    const char *place = strstr(stack->cluster_url, "DATABASE");
    assert_non_null(place);
    return database_connect(
        text("%.*spostgres%s", (int)(place - stack->cluster_url), stack->cluster_url, place + strlen("DATABASE")));
}

static void await_all_ready(const struct stack *stack)
{
    for (int part = 0; part < STACK_PARTS; part++)
        await_ready(stack, part);
}

/* ---- tests ---- */

static void every_process_answers_for_itself(void **state)
{
    struct stack *stack = *state;
    char *words;
    for (int part = 0; part < STACK_PARTS; part++) {
        assert_string_equal(http_probe_part(stack, part, "/healthz")->body, "{\"status\":\"ok\"}");
        await_ready(stack, part);
        assert_int_equal(http_probe_part(stack, part, "/nope")->status, 404);
        assert_int_equal(healthcheck(stack, part, &words), 0);
    }
}

static void nothing_of_it_is_on_the_public_port(void **state)
{
    struct stack *stack = *state;
    static const char *const paths[] = {"/healthz", "/readyz", "/metrics"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_error(http_get(stack, NULL, "%s", paths[i]), 404, "route_not_found");
}

static void services_take_nothing_but_questions(void **state)
{
    struct stack *stack = *state;
    const char *url = text("http://127.0.0.1:%u/healthz", stack->admin_ports[STACK_ROOM]);
    assert_string_equal(shell("curl -s -o /dev/null -w '%%{http_code}' -X POST -d x=y %s", url), "405");
    assert_string_equal(shell("curl -s -o /dev/null -w '%%{http_code}' -X DELETE %s", url), "405");
    assert_string_equal(shell("curl -s -o /dev/null -w '%%{http_code}' -I %s", url), "200");
    assert_string_equal(shell("curl -s -o /dev/null -w '%%{http_code}' -X GET -d x=y %s", url), "200");
}

/* Whoever connects and says nothing holds up nobody, and there are few of them at a time. */
static void idle_connections_do_not_close_the_port_for_long(void **state)
{
    struct stack *stack = *state;
    const char *port = text("%u", stack->admin_ports[STACK_USER]);
    shell("bash -c 'for i in {1..40}; do exec {fd}<>/dev/tcp/127.0.0.1/%s; done; sleep 0.2'", port);
    assert_string_equal(http_probe_part(stack, STACK_USER, "/healthz")->body, "{\"status\":\"ok\"}");
    stack_assert_alive(stack);
}

static void a_service_that_is_gone_is_named(void **state)
{
    struct stack *stack = *state;
    char *words;
    stack_kill(stack, STACK_USER, SIGKILL);
    await_not_ready(stack, STACK_AUTH, 503, "user", "not connected");
    await_not_ready(stack, STACK_AUTH, 503, "user.events", "");       /* for one of two reasons */
    await_not_ready(stack, STACK_ROOM, 200, "user", "not connected"); /* which makes do */
    await_not_ready(stack, STACK_GATEWAY, 503, "user", "");
    await_not_ready(stack, STACK_GATEWAY, 503, "feeds", "silent");
    assert_int_equal(healthcheck(stack, STACK_AUTH, &words), 1);
    assert_non_null(strstr(words, "a service it needs cannot be reached"));
    assert_int_equal(healthcheck(stack, STACK_USER, &words), 1);
    assert_non_null(strstr(words, "Connection refused"));
    stack_revive(stack, STACK_USER);
    await_all_ready(stack);
}

static void a_database_that_lets_nobody_in_is_told(void **state)
{
    struct stack *stack = *state;
    struct database *server = connect_beside(stack);
    char *words;
    database_run(server, text("alter database %s allow_connections false", stack->database));
    cut_connections(server, stack);
    for (int part = 0; part < STACK_GATEWAY; part++)
        await_not_ready(stack, part, 503, "database", "not currently accepting connections");
    await_not_ready(stack, STACK_GATEWAY, 503, "room", "not currently accepting connections");
    assert_int_equal(healthcheck(stack, STACK_POST, &words), 1);
    assert_non_null(strstr(words, "not currently accepting connections"));
    database_run(server, text("alter database %s allow_connections true", stack->database));
    database_close(&server);
    await_all_ready(stack);
}

static void a_database_that_is_read_only_is_told(void **state)
{
    struct stack *stack = *state;
    struct database *server = connect_beside(stack);
    database_run(server, text("alter database %s set default_transaction_read_only = on", stack->database));
    cut_connections(server, stack);
    for (int part = 0; part < STACK_GATEWAY; part++)
        await_not_ready(stack, part, 503, "database", "read-only");
    database_run(server, text("alter database %s reset default_transaction_read_only", stack->database));
    cut_connections(server, stack);
    database_close(&server);
    await_all_ready(stack);
}

/* The server's words, without filling a disk. */
static void a_full_disk_is_told(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct database *server = database_connect(stack->database_url);
    char *table = database_table(stack, "participant_count", "max_participants");
    database_run(server, "create function fill() returns trigger language plpgsql as $$ begin"
                         " raise 'could not extend file: No space left on device' using errcode = '53100'; end $$");
    database_run(server, text("create trigger fill before insert on %s execute function fill()", table));
    assert_error(http_post(stack, user.token, "{\"name\":\"no room\"}", "/rooms"), 503, "unavailable");
    await_not_ready(stack, STACK_ROOM, 503, "database", "its disk is full");
    assert_status(http_get(stack, user.token, "/rooms"), 200);
    database_run(server, text("drop trigger fill on %s", table));
    database_close(&server);
    await_all_ready(stack);
}

static void missing_migrations_are_told(void **state)
{
    struct stack *stack = *state;
    struct database *server = database_connect(stack->database_url);
    char *schema = text("%s", database_table(stack, "participant_count", "max_participants"));
    *strchr(schema, '.') = '\0';
    database_run(server, text("alter schema %s rename to before", schema));
    cut_connections(server, stack);
    await_not_ready(stack, STACK_ROOM, 503, "database", "migrations are missing: statement ");
    await_ready(stack, STACK_POST);
    database_run(server, text("alter schema before rename to %s", schema));
    database_close(&server);
    await_all_ready(stack);
}

/* A second process with the same settings ends before it takes the first one's sockets. */
static void a_port_is_one_process_s_alone(void **state)
{
    struct stack *stack = *state;
    for (int part = 0; part < STACK_PARTS; part++) {
        char *output = shell("timeout 20 %s; echo \"status $?\"", stack_command(stack, part, "2>&1"));
        assert_non_null(strstr(output, part == STACK_GATEWAY ? "in use" : "cannot listen on the admin port"));
        assert_non_null(strstr(output, "status 1"));
    }
    stack_assert_alive(stack);
    make_user(stack);
}

/* common/scheduling.h, for libzmq's threads too. */
static void every_thread_takes_turns(void **state)
{
    struct stack *stack = *state;
    for (int part = 0; part < stack->part_count; part++) {
        DIR *threads = opendir(text("/proc/%d/task", (int)stack->parts[part].pid));
        assert_non_null(threads);
        size_t count = 0;
        for (struct dirent *entry; (entry = readdir(threads)) != NULL;) {
            if (entry->d_name[0] == '.')
                continue;
            assert_int_equal(sched_getscheduler((pid_t)strtol(entry->d_name, NULL, 10)), SCHED_BATCH);
            count++;
        }
        closedir(threads);
        assert_true(count >= 3); /* the loop's, and libzmq's two */
    }
}

SUITE("health", cmocka_unit_test(every_process_answers_for_itself), cmocka_unit_test(every_thread_takes_turns),
      cmocka_unit_test(nothing_of_it_is_on_the_public_port), cmocka_unit_test(services_take_nothing_but_questions),
      cmocka_unit_test(idle_connections_do_not_close_the_port_for_long),
      cmocka_unit_test(a_port_is_one_process_s_alone), cmocka_unit_test(a_service_that_is_gone_is_named),
      cmocka_unit_test(a_database_that_lets_nobody_in_is_told), cmocka_unit_test(a_database_that_is_read_only_is_told),
      cmocka_unit_test(a_full_disk_is_told), cmocka_unit_test(missing_migrations_are_told))
