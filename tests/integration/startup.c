/* What a process says before it runs: mistakes in its settings (sysexits.h), help, the table of routes. Needs no stack.
 */
#include <stdio.h>
#include <string.h>

#include "proto/proto.h"
#include "tests/support/process.h"
#include "tests/support/scratch.h"
#include "tests/support/stack.h"

enum { USAGE = 64, CONFIG = 78 };

/* Good settings for every process; a case puts what it changes after them. */
#define SETTINGS "DATABASE_URL=postgresql://nowhere JWT_SECRET=0123456789012345678901234567890123456789 BUS_DIR=/tmp"

struct outcome {
    int status;
    char *output;
};

static struct outcome run(const char *settings, enum stack_part part, const char *argument)
{
    char *output = shell("env -i %s %s ASAN_OPTIONS=detect_leaks=0 timeout 10 %s/%s %s 2>&1; echo \"status $?\"",
                         SETTINGS, settings, BINARY_DIR, stack_part_name(part), argument);
    struct outcome outcome = {.output = output};
    char *last = strstr(output, "status ");
    for (char *next = last; next != NULL; next = strstr(next + 1, "status "))
        last = next;
    assert_non_null(last);
    assert_int_equal(sscanf(last, "status %d", &outcome.status), 1);
    return outcome;
}

static void assert_refused(const char *settings, enum stack_part part, const char *named)
{
    struct outcome outcome = run(settings, part, "");
    if (outcome.status != CONFIG || strstr(outcome.output, named) == NULL)
        fail_msg("%s with %s: status %d: %s", stack_part_name(part), settings, outcome.status, outcome.output);
}

static void a_short_secret_is_refused(void **state)
{
    (void)state;
    static const enum stack_part parts[] = {STACK_GATEWAY, STACK_AUTH};
    for (size_t i = 0; i < 2; i++) {
        assert_refused("JWT_SECRET=", parts[i], "JWT_SECRET");
        assert_refused("JWT_SECRET=short", parts[i], "JWT_SECRET");
        assert_refused("JWT_SECRET= ENVIRONMENT=development", parts[i], "JWT_SECRET");
        assert_int_equal(run("JWT_SECRET=short ENVIRONMENT=development", parts[i], "--check-config").status, 0);
    }
}

static void mistakes_are_named_all_at_once(void **state)
{
    (void)state;
    assert_refused("BACKEND_PORT=99999", STACK_GATEWAY, "BACKEND_PORT");
    assert_refused("GATEWAY_THREADS=many", STACK_GATEWAY, "GATEWAY_THREADS");
    assert_refused("LOG_LEVEL=loud", STACK_ROOM, "LOG_LEVEL");
    assert_refused("DB_CONNECTIONS=0", STACK_USER, "DB_CONNECTIONS");
    struct outcome outcome = run("LOG_FORMAT=x BACKEND_PORT=x REQUEST_TIMEOUT_MS=-1", STACK_GATEWAY, "");
    assert_int_equal(outcome.status, CONFIG);
    assert_non_null(strstr(outcome.output, "LOG_FORMAT"));
    assert_non_null(strstr(outcome.output, "BACKEND_PORT"));
    assert_non_null(strstr(outcome.output, "REQUEST_TIMEOUT_MS"));
}

static void a_proxy_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const mistakes[] = {"proxy.example", "10.0.0.0/33", "2001:db8::/129", "10.0.0.0/-1",
                                           "10.0.0/8",      "10.0.0.0/",   "::1,fe80::1%lo"};
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++)
        assert_refused(text("TRUSTED_PROXIES=%s", mistakes[i]), STACK_GATEWAY, "TRUSTED_PROXIES");
    assert_refused("TRUSTED_PROXIES=10.0.0.1,elsewhere", STACK_GATEWAY, "'elsewhere'");
    assert_int_equal(run("TRUSTED_PROXIES=10.0.0.0/8,::1", STACK_GATEWAY, "--check-config").status, 0);
}

static void secrets_are_printed_masked(void **state)
{
    (void)state;
    for (int part = 0; part < STACK_PARTS; part++) {
        struct outcome outcome =
            run("DB_PASSWORD=hunter2 DATABASE_URL=postgresql://u:hunter2@nowhere/x", part, "--print-config");
        assert_int_equal(outcome.status, 0);
        assert_null(strstr(outcome.output, "hunter2"));
        assert_null(strstr(outcome.output, "0123456789012345678901234567890123456789"));
    }
}

static void every_process_helps(void **state)
{
    (void)state;
    for (int part = 0; part < STACK_PARTS; part++) {
        assert_int_equal(run("", part, "--help").status, 0);
        assert_int_equal(run("", part, "--version").status, 0);
        assert_int_equal(run("", part, "--nonsense").status, USAGE);
    }
}

static void the_gateway_prints_its_routes(void **state)
{
    (void)state;
    struct outcome outcome = run("", STACK_GATEWAY, "--routes");
    assert_int_equal(outcome.status, 0);
    for (size_t i = 0; i < proto_route_count; i++) {
        assert_non_null(strstr(outcome.output, proto_routes[i].path));
        assert_non_null(strstr(outcome.output, proto_routes[i].method->name));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_secret_is_refused),     cmocka_unit_test(mistakes_are_named_all_at_once),
        cmocka_unit_test(secrets_are_printed_masked),    cmocka_unit_test(every_process_helps),
        cmocka_unit_test(the_gateway_prints_its_routes), cmocka_unit_test(a_proxy_that_is_none_is_refused),
    };
    int failed = cmocka_run_group_tests_name("startup", tests, NULL, NULL);
    scratch_free();
    return failed != 0;
}
