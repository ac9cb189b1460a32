/* What it may cost: time until it is ready, memory at rest. Not under sanitizers, which cost both. */
#include <string.h>

#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

enum { READY_MS = 1000, RESIDENT_KIB = STACK_PARTS * 15 * 1024 };

static void skip_if_sanitized(void)
{
    if (stack_is_sanitized())
        skip();
}

static void all_is_ready_within_a_second(void **state)
{
    struct stack *stack = *state;
    skip_if_sanitized();
    int64_t took_ms = stack->ready_ms - stack->started_ms;
    print_message("ready after %lld ms\n", (long long)took_ms);
    assert_true(took_ms < READY_MS);
}

static void all_processes_together_stay_small_at_rest(void **state)
{
    struct stack *stack = *state;
    skip_if_sanitized();
    struct user user = make_user(stack); /* each has worked once */
    make_room(stack, &user, (struct room_options){0});
    long sum = 0;
    for (int part = 0; part < STACK_PARTS; part++) {
        long kib = process_resident_kib(&stack->parts[part]);
        print_message("%s: %ld KiB\n", stack_part_name(part), kib);
        sum += kib;
    }
    assert_true(sum < RESIDENT_KIB);
}

SUITE("limits", cmocka_unit_test(all_is_ready_within_a_second),
      cmocka_unit_test(all_processes_together_stay_small_at_rest))
