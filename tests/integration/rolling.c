/* Two copies of everything, restarted one after the other under load: no request fails. Clients that keep their
 * connections are told to close them; no connection that was accepted is dropped; callers go to the other copy. */
#include <pthread.h>
#include <string.h>

#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/load.h"
#include "tests/support/scratch.h"

enum { UNDER_WAY = 100, READY_MS = 20000 };

static void restart(struct stack *stack, int part)
{
    int64_t took_ms = stack_drain(stack, part);
    stack_revive(stack, part);
    stack_await_part(stack, part, READY_MS);
    print_message("%s drained in %lld ms\n", stack_part_name(part), (long long)took_ms);
}

static void assert_nobody_noticed(struct load *load)
{
    load_await(load, UNDER_WAY);
    struct load_result result = load_stop(load);
    if (result.failure != NULL)
        fail_msg("%s", result.failure);
}

static void restarting_services_fails_nobody(void **state)
{
    struct stack *stack = *state;
    struct load *load = load_start(stack);
    for (int part = 0; part < stack->part_count; part++) {
        if (part % STACK_PARTS == STACK_GATEWAY)
            continue;
        load_await(load, UNDER_WAY);
        restart(stack, part);
    }
    assert_nobody_noticed(load);
}

static void restarting_gateways_fails_nobody(void **state)
{
    struct stack *stack = *state;
    struct load *load = load_start(stack);
    for (int copy = 0; copy < STACK_MAX_COPIES; copy++) {
        load_await(load, UNDER_WAY);
        restart(stack, copy * STACK_PARTS + STACK_GATEWAY);
    }
    assert_nobody_noticed(load);
}

/* ---- a client that never asks twice ---- */

struct hammer {
    char *command, *output;
    pthread_t thread;
};

static void *run_hammer(void *memory)
{
    struct hammer *hammer = memory;
    hammer->output = shell("%s", hammer->command);
    return NULL;
}

/* wrk counts each connection that ends without a reply, and each reply but 2xx and 3xx. */
static void restart_gateways_under_wrk(struct stack *stack, const char *header)
{
    struct user user = make_user(stack);
    struct hammer hammer = {
        .command = text("wrk -t 1 -c 32 -d 8s --timeout 10s -H 'Authorization: Bearer %s' -H '%s' %s/auth/profile",
                        user.token, header, stack->url)};
    assert_int_equal(pthread_create(&hammer.thread, NULL, run_hammer, &hammer), 0);
    for (int copy = 0; copy < STACK_MAX_COPIES; copy++)
        restart(stack, copy * STACK_PARTS + STACK_GATEWAY);
    pthread_join(hammer.thread, NULL);
    print_message("%s\n", hammer.output);
    assert_null(strstr(hammer.output, "Socket errors"));
    assert_null(strstr(hammer.output, "Non-2xx"));
}

static void restarting_gateways_loses_no_reply_on_kept_connections(void **state)
{
    restart_gateways_under_wrk(*state, "Accept: */*");
}

static void restarting_gateways_resets_no_new_connection(void **state)
{
    restart_gateways_under_wrk(*state, "Connection: close");
}

static const struct stack_options options = {
    .copies = 2,
    .environment = {"DRAIN_NOTICE_MS=1000"},
};
SUITE_WITH("rolling", &options, cmocka_unit_test_teardown(restarting_services_fails_nobody, load_teardown),
           cmocka_unit_test_teardown(restarting_gateways_fails_nobody, load_teardown),
           cmocka_unit_test(restarting_gateways_loses_no_reply_on_kept_connections),
           cmocka_unit_test(restarting_gateways_resets_no_new_connection))
