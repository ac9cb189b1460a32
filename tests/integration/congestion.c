/* More writes than Postgres takes, for long: what comes in time is worth as much as with nobody too many, the rest is
 * refused at once, and nothing piles up. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/database.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

/* So that few clients are enough: each new room takes 50 ms of its connection. */
static void slow_down_rooms(const struct stack *stack)
{
    struct database *database = database_connect(stack->database_url);
    database_run(database, "CREATE FUNCTION rooms.slow() RETURNS trigger LANGUAGE plpgsql AS"
                           " 'BEGIN PERFORM pg_sleep(0.05); RETURN new; END'");
    database_run(database,
                 "CREATE TRIGGER slow BEFORE INSERT ON rooms.room FOR EACH ROW EXECUTE FUNCTION rooms.slow()");
    database_close(&database);
}

static void speed_up_rooms(const struct stack *stack)
{
    struct database *database = database_connect(stack->database_url);
    database_run(database, "DROP TRIGGER slow ON rooms.room");
    database_run(database, "DROP FUNCTION rooms.slow()");
    database_close(&database);
}

/* New rooms a second, by so many clients that wait pause_ms before each request: before the first one too, which is no
 * time of the service's. */
static double create_rooms(const struct stack *stack, const struct user *user, int clients, int pause_ms, int seconds)
{
    char *script = text("%s/create.lua", stack->folder);
    FILE *file = fopen(script, "we");
    assert_non_null(file);
    fprintf(file,
            "local n = 0\n"
            "wrk.method = 'POST'\n"
            "wrk.headers['Authorization'] = 'Bearer %s'\n"
            "wrk.headers['Content-Type'] = 'application/json'\n"
            "function request() n = n + 1\n"
            "  return wrk.format(nil, nil, nil, '{\"name\":\"%s ' .. n .. '\"}') end\n"
            "function delay() return %d end\n",
            user->token, unique("crowded"), pause_ms);
    fclose(file);
    return atof(shell("wrk -t 1 -c %d -d %ds --timeout 20s -s %s %s/rooms"
                      " | awk '/requests in/ { all = $1; time = $4 + 0 } /Non-2xx/ { bad = $NF }"
                      " END { print (all - bad) / (time - %g) }'",
                      clients, seconds, script, stack->url, pause_ms / 1000.0));
}

static void five_times_too_many_leave_nine_tenths_of_the_good(void **state)
{
    enum { FEW = 8, MANY = 250, PAUSE_MS = 1000, SECONDS = 5 };
    struct stack *stack = *state;
    struct user user = make_user(stack);
    slow_down_rooms(stack);
    double peak = create_rooms(stack, &user, FEW, 0, SECONDS);
    (void)create_rooms(stack, &user, MANY, PAUSE_MS, SECONDS); /* until it has found out */
    long before = process_resident_kib(&stack->parts[STACK_ROOM]);
    double good = create_rooms(stack, &user, MANY, PAUSE_MS, 2 * SECONDS);
    long grown = process_resident_kib(&stack->parts[STACK_ROOM]) - before;
    speed_up_rooms(stack);
    print_message("%.1f rooms a second at best, %.1f with %d clients: %.2f; %ld KiB more\n", peak, good, MANY,
                  good / peak, grown);
    assert_true(good >= 0.9 * peak);
    assert_true(stack_is_sanitized() || grown < 4096);
}

static const struct stack_options options = {.environment = {"REQUEST_TIMEOUT_MS=2000"}};
SUITE_WITH("congestion", &options, cmocka_unit_test(five_times_too_many_leave_nine_tenths_of_the_good))
