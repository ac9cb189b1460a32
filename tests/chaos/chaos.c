/* What is broken under load, one fault after the other, and what clients see of it. Two copies of everything run; each
 * fault ends with everything whole again. Prints a table, and fails where a fault shows that must not, where an
 * acknowledged write is gone, or where nothing works again in time. CHAOS=short plays each fault once and briefly;
 * SEED=n chooses other victims and moments. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/chaos/faults.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/load.h"
#include "tests/support/scratch.h"

enum { UNDER_WAY = 200, RECOVERY_MS = 10000, MAX_ROWS = 64 };

struct row {
    const char *fault;
    struct load_result load;
    int64_t recovered_ms;
};

static struct row rows[MAX_ROWS];
static size_t row_count;
static unsigned seed = 1;

bool chaos_is_short(void)
{
    const char *form = getenv("CHAOS");
    return form != NULL && strcmp(form, "short") == 0;
}

unsigned chaos_pick(unsigned count)
{
    return (unsigned)rand_r(&seed) % count;
}

/* ---- one fault ---- */

static bool works(const struct stack *stack, const struct user *user)
{
    struct reply *replies[] = {
        http_post(stack, NULL, login_json(user->username, user->password), "/auth/login"),
        http_get(stack, user->token, "/auth/profile"),
        http_post(stack, user->token, text("{\"name\":\"%s\"}", unique("recovered")), "/rooms"),
    };
    return count_status(replies, 3, 200) == 2 && replies[2]->status == 201;
}

static int64_t recover(const struct stack *stack, const struct user *user)
{
    int64_t began = now_ms();
    while (!works(stack, user)) {
        if (now_ms() - began > RECOVERY_MS)
            fail_msg("does not work %d ms after all is whole again", RECOVERY_MS);
        sleep_ms(5);
    }
    return now_ms() - began;
}

static void judge(const struct row *row, enum chaos_visible visible)
{
    if (row->load.wrong != NULL)
        fail_msg("%s: %s", row->fault, row->load.wrong);
    if (row->load.lost > 0)
        fail_msg("%s: %zu acknowledged rooms are lost", row->fault, row->load.lost);
    if (visible == CHAOS_INVISIBLE && row->load.failure != NULL)
        fail_msg("%s: %s", row->fault, row->load.failure);
    if (visible == CHAOS_REFUSED && row->load.unreachable > 0)
        fail_msg("%s: %s", row->fault, row->load.failure);
}

void chaos_play(struct stack *stack, const char *fault, enum chaos_visible visible, void (*play)(struct stack *stack))
{
    struct user user = make_user(stack);
    struct load *load = load_start(stack);
    load_await(load, UNDER_WAY);
    play(stack);
    struct row row = {.fault = fault, .recovered_ms = recover(stack, &user)};
    load_await(load, UNDER_WAY);
    row.load = load_end(load);
    if (row_count < MAX_ROWS)
        rows[row_count++] = row;
    judge(&row, visible);
}

/* ---- the table ---- */

static void print_table(void)
{
    printf("\n%-44s %9s %7s %5s %13s\n", "FAULT", "REQUESTS", "FAILED", "LOST", "RECOVERED IN");
    for (size_t i = 0; i < row_count; i++) {
        size_t failed = rows[i].load.unavailable + rows[i].load.unreachable;
        printf("%-44s %9zu %7zu %5zu %10lld ms\n", rows[i].fault, rows[i].load.succeeded + failed, failed,
               rows[i].load.lost, (long long)rows[i].recovered_ms);
    }
}

int main(int argc, char **argv)
{
    static const struct stack_options options = {
        .copies = 2,
        .cluster = "postgres_faults",
        .environment = {"DRAIN_NOTICE_MS=1000", "REQUEST_TIMEOUT_MS=2500", "STATEMENT_TIMEOUT_MS=1000",
                        "LOG_LEVEL=info", "HTTP2=true", "MAX_CONNECTIONS=20000"},
    };
    if (getenv("SEED") != NULL)
        seed = (unsigned)strtoul(getenv("SEED"), NULL, 10);
    int status = suite_main("chaos", &options, chaos_tests, chaos_test_count, argc, argv);
    print_table();
    return status;
}
