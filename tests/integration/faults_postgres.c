/* Postgres restarted, and its connections cut, under load: 503 and 504 only, all works again by itself, nothing
 * acknowledged is lost. On a cluster of its own (tests/CMakeLists.txt). */
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/load.h"
#include "tests/support/scratch.h"

enum { UNDER_WAY = 100 };

static void postgres_restarted(void **state)
{
    struct stack *stack = *state;
    struct load *load = load_start(stack);
    load_await(load, UNDER_WAY);
    shell("FAST=1 %s/deploy/postgres stop %s 2>&1", SOURCE_DIR, stack->cluster);
    struct reply *probe = http_probe(stack, "/readyz");
    assert_status(probe, 503);
    assert_non_null(strstr(probe->body, "whyNot"));
    shell("FAST=1 %s/deploy/postgres start %s >/dev/null 2>&1", SOURCE_DIR, stack->cluster);
    int64_t began = now_ms();
    stack_await_ready(stack, stack_is_sanitized() ? 10000 : 2000);
    print_message("ready %lld ms after Postgres\n", (long long)(now_ms() - began));
    load_await(load, UNDER_WAY);
    assert_int_equal(load_stop(load).unreachable, 0);
}

static void connections_cut(void **state)
{
    struct stack *stack = *state;
    struct load *load = load_start(stack);
    for (int i = 0; i < 5; i++) {
        load_await(load, UNDER_WAY);
        database_value(stack, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                              " WHERE datname = current_database() AND pid <> pg_backend_pid()");
    }
    load_await(load, UNDER_WAY);
    assert_int_equal(load_stop(load).unreachable, 0);
}

/* A lock that nobody releases is no reason to wait for ever. */
static void a_statement_that_hangs_ends(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    char *table = database_table(stack, "participant_count", "max_participants");
    struct database *locker = database_connect(stack->database_url);
    database_run(locker, "BEGIN");
    database_run(locker, text("LOCK TABLE %s IN ACCESS EXCLUSIVE MODE", table));
    int64_t began = now_ms();
    struct reply *reply = http_get(stack, user.token, "/rooms");
    assert_error(reply, 504, "timeout");
    assert_true(now_ms() - began < 4000);
    assert_status(http_get(stack, user.token, "/auth/profile"), 200);
    database_run(locker, "ROLLBACK");
    database_close(&locker);
    assert_status(http_get(stack, user.token, "/rooms"), 200);
}

static const struct stack_options options = {
    .cluster = "postgres_faults",
    .environment = {"REQUEST_TIMEOUT_MS=2500", "STATEMENT_TIMEOUT_MS=1000"},
};
SUITE_WITH("faults_postgres", &options, cmocka_unit_test_teardown(postgres_restarted, load_teardown),
           cmocka_unit_test_teardown(connections_cut, load_teardown), cmocka_unit_test(a_statement_that_hangs_ends))
