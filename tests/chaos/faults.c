/* The faults of processes and of Postgres. */
#include "tests/chaos/faults.h"

#include <signal.h>
#include <stdlib.h>

#include "tests/chaos/clients.h"
#include "tests/support/database.h"
#include "tests/support/http.h"
#include "tests/support/load.h"
#include "tests/support/scratch.h"

enum { READY_MS = 20000, DOWN_MS = 500, MAX_SESSIONS = 256 };

static int one_copy_of(enum stack_part part)
{
    return (int)part + (int)chaos_pick(STACK_MAX_COPIES) * STACK_PARTS;
}

static void await_whole(struct stack *stack)
{
    for (int part = 0; part < stack->part_count; part++)
        stack_await_part(stack, part, READY_MS);
}

static void revive(struct stack *stack, int part)
{
    stack_revive(stack, part);
    stack_await_part(stack, part, READY_MS);
}

/* ---- processes ---- */

static void kill_services(struct stack *stack)
{
    for (int part = 0; part < STACK_GATEWAY; part++) {
        int victim = one_copy_of((enum stack_part)part);
        stack_kill(stack, victim, SIGKILL);
        sleep_ms(DOWN_MS);
        revive(stack, victim);
    }
}

static void kill_both_copies(struct stack *stack)
{
    int part = (int)chaos_pick(STACK_GATEWAY);
    stack_kill(stack, part, SIGKILL);
    stack_kill(stack, part + STACK_PARTS, SIGKILL);
    sleep_ms(DOWN_MS);
    stack_revive(stack, part);
    revive(stack, part + STACK_PARTS);
    await_whole(stack);
}

static void kill_gateway(struct stack *stack)
{
    int victim = one_copy_of(STACK_GATEWAY);
    stack_kill(stack, victim, SIGKILL);
    sleep_ms(DOWN_MS);
    revive(stack, victim);
}

/* Longer than heartbeats are waited for. */
static void stop_service(struct stack *stack)
{
    pid_t victim = stack->parts[one_copy_of(STACK_ROOM)].pid;
    kill(victim, SIGSTOP);
    sleep_ms(chaos_is_short() ? 1500 : 5000);
    kill(victim, SIGCONT);
    await_whole(stack);
}

static void restart_everything(struct stack *stack)
{
    for (int part = 0; part < stack->part_count; part++) {
        stack_drain(stack, part);
        revive(stack, part);
    }
}

/* ---- Postgres ---- */

static void postgres(const struct stack *stack, const char *command)
{
    shell("FAST=1 %s/deploy/postgres %s %s >/dev/null 2>&1", SOURCE_DIR, command, stack->cluster);
}

static void restart_postgres(struct stack *stack)
{
    postgres(stack, "stop");
    sleep_ms(DOWN_MS);
    postgres(stack, "start");
    await_whole(stack);
}

static const char cut_sessions[] = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                                   " WHERE datname = current_database() AND pid <> pg_backend_pid()";

static void terminate_backends(struct stack *stack)
{
    for (int i = 0; i < 5; i++) {
        database_value(stack, cut_sessions);
        sleep_ms(200);
    }
    await_whole(stack);
}

/* Takes every connection there is, those of the services too. */
static void exhaust_connections(struct stack *stack)
{
    struct database *held[MAX_SESSIONS];
    size_t count = 0;
    struct database *killer = database_connect(stack->database_url);
    char *place = stack_database_url(stack, "postgres");
    for (int round = 0; round < 50; round++) {
        while (count < MAX_SESSIONS && (held[count] = database_try_connect(place)) != NULL)
            count++;
        database_run(killer, cut_sessions);
    }
    sleep_ms(DOWN_MS);
    while (count > 0)
        database_close(&held[--count]);
    database_close(&killer);
    await_whole(stack);
}

static void alter_system(struct stack *stack, const char *change)
{
    struct database *server = database_connect(stack->database_url);
    database_run(server, text("ALTER SYSTEM %s", change));
    database_run(server, "SELECT pg_reload_conf()");
    database_close(&server);
}

static void make_read_only(struct stack *stack)
{
    alter_system(stack, "SET default_transaction_read_only = on");
    sleep_ms(2 * DOWN_MS);
    struct database *server = database_connect(stack->database_url);
    database_run(server, "SET default_transaction_read_only = off");
    database_run(server, "ALTER SYSTEM RESET default_transaction_read_only");
    database_run(server, "SELECT pg_reload_conf()");
    database_close(&server);
    await_whole(stack);
}

/* All that touches rooms waits until its time is over. */
static void lock_a_table(struct stack *stack)
{
    struct database *locker = database_connect(stack->database_url);
    database_run(locker, "BEGIN");
    database_run(locker, "LOCK TABLE rooms.room IN ACCESS EXCLUSIVE MODE");
    sleep_ms(chaos_is_short() ? 1500 : 4000);
    database_run(locker, "ROLLBACK");
    database_close(&locker);
}

/* Where the cluster lies on a file system of its own (run). */
static void fill_the_disk(struct stack *stack)
{
    const char *disk = getenv("CHAOS_DISK");
    if (disk == NULL)
        skip();
    shell("dd if=/dev/zero of=%s/filler bs=64k 2>/dev/null || true", disk);
    sleep_ms(4 * DOWN_MS);
    shell("rm %s/filler", disk);
    postgres(stack, "start"); /* it ends itself where it cannot write its log */
    await_whole(stack);
}

/* ---- the suite ---- */

#define FAULT(name, words, visible)                                                                                    \
    static void test_##name(void **state)                                                                              \
    {                                                                                                                  \
        chaos_play(*state, words, visible, name);                                                                      \
    }
#include "tests/chaos/faults.def"
#undef FAULT

const struct CMUnitTest chaos_tests[] = {
#define FAULT(name, words, visible) cmocka_unit_test_teardown(test_##name, load_teardown),
#include "tests/chaos/faults.def"
#undef FAULT
};
const size_t chaos_test_count = sizeof chaos_tests / sizeof *chaos_tests;
