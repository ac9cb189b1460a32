/* Fibers: they suspend and resume in any order, nest, reuse their stacks, respect their limit and keep their guard
 * page. */
#include "common/fiber.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/cmocka.h"

/* What a fiber leaves behind: itself, and how far it came. */
struct trail {
    struct fiber *fiber;
    int steps;
    int rounds;
    double sum;
};

static void walk(void *argument)
{
    struct trail *trail = argument;
    trail->fiber = fiber_current();
    /* Lives on the fiber's stack across every switch, in memory and in a floating point register. */
    volatile char canary[512];
    memset((char *)canary, trail->rounds, sizeof canary);
    double sum = 0;
    for (int i = 0; i < trail->rounds; i++) {
        trail->steps++;
        sum += 0.5;
        fiber_suspend();
        assert_ptr_equal(fiber_current(), trail->fiber);
        for (size_t n = 0; n < sizeof canary; n++)
            assert_int_equal(canary[n], (char)trail->rounds);
    }
    trail->sum = sum;
}

static int cleanup(void **state)
{
    (void)state;
    fiber_set_limit(4096);
    fiber_cleanup();
    return 0;
}

static void runs_at_once_until_it_suspends(void **state)
{
    (void)state;
    struct trail trail = {.rounds = 3};
    assert_null(fiber_current());
    assert_true(fiber_start(walk, &trail));
    assert_null(fiber_current());
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(trail.steps, i);
        assert_int_equal(fiber_count(), 1);
        fiber_resume(trail.fiber);
    }
    assert_int_equal(fiber_count(), 0);
    assert_true(trail.sum > 1.49 && trail.sum < 1.51);
}

static void may_end_without_suspending(void **state)
{
    (void)state;
    struct trail trail = {.rounds = 0};
    assert_true(fiber_start(walk, &trail));
    assert_non_null(trail.fiber);
    assert_int_equal(fiber_count(), 0);
}

/* Hundreds at a time, more than the pool keeps, resumed in an order that has nothing to do with their start. */
static void many_interleave_in_any_order(void **state)
{
    (void)state;
    enum { MANY = 299, ROUNDS = 5, STRIDE = 87 }; /* coprime to MANY: every fiber gets its turn */
    struct trail *trails = calloc(MANY, sizeof *trails);
    for (int i = 0; i < MANY; i++) {
        trails[i].rounds = ROUNDS;
        assert_true(fiber_start(walk, &trails[i]));
    }
    assert_int_equal(fiber_count(), MANY);
    for (int i = 0, at = 0; i < MANY * ROUNDS; i++, at = (at + STRIDE) % MANY)
        fiber_resume(trails[at].fiber);
    assert_int_equal(fiber_count(), 0);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(trails[i].steps, ROUNDS);
    free(trails);
}

static void ended_fibers_are_used_again(void **state)
{
    (void)state;
    struct trail first = {.rounds = 1};
    struct trail second = {.rounds = 1};
    assert_true(fiber_start(walk, &first));
    fiber_resume(first.fiber);
    assert_true(fiber_start(walk, &second));
    assert_ptr_equal(first.fiber, second.fiber);
    fiber_resume(second.fiber);
    assert_int_equal(second.steps, 1);
}

static void limit_refuses_and_then_admits_again(void **state)
{
    (void)state;
    struct trail trails[3] = {{.rounds = 1}, {.rounds = 1}, {.rounds = 1}};
    fiber_set_limit(2);
    assert_true(fiber_start(walk, &trails[0]));
    assert_true(fiber_start(walk, &trails[1]));
    assert_false(fiber_start(walk, &trails[2]));
    assert_int_equal(trails[2].steps, 0);
    fiber_resume(trails[0].fiber);
    assert_true(fiber_start(walk, &trails[2]));
    fiber_resume(trails[1].fiber);
    fiber_resume(trails[2].fiber);
    assert_int_equal(fiber_count(), 0);
}

struct outer {
    struct fiber *self;
    struct trail inner;
    bool came_back;
};

static void nest(void *argument)
{
    struct outer *outer = argument;
    outer->self = fiber_current();
    assert_true(fiber_start(walk, &outer->inner));
    assert_ptr_equal(fiber_current(), outer->self);
    fiber_resume(outer->inner.fiber);
    assert_ptr_equal(fiber_current(), outer->self);
    fiber_suspend();
    outer->came_back = true;
}

/* The one inside is started and resumed by another fiber, and at last from outside: each time it goes back to that one.
 */
static void nests(void **state)
{
    (void)state;
    struct outer outer = {.inner.rounds = 2};
    assert_true(fiber_start(nest, &outer));
    assert_int_equal(outer.inner.steps, 2);
    assert_int_equal(fiber_count(), 2);
    fiber_resume(outer.inner.fiber);
    assert_null(fiber_current());
    assert_int_equal(fiber_count(), 1);
    fiber_resume(outer.self);
    assert_true(outer.came_back);
    assert_int_equal(fiber_count(), 0);
}

static size_t dig(volatile char *above, size_t depth)
{
    volatile char frame[1024];
    frame[0] = above[0];
    return depth == 0 ? (size_t)frame[0] : dig(frame, depth - 1) + 1;
}

static void overflow(void *argument)
{
    char start = 0;
    *(size_t *)argument = dig(&start, 16 * 1024);
}

/* Runs what must not survive in a child process; returns the signal that ended it. */
static int signal_of(void (*entry)(void *argument))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit none = {0, 0};
        size_t depth = 0;
        (void)setrlimit(RLIMIT_CORE, &none);
        for (int number = 1; number < NSIG; number++)
            (void)signal(number, SIG_DFL);
        if (!freopen("/dev/null", "w", stderr))
            _exit(1);
        _exit(fiber_start(entry, &depth) ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    return WTERMSIG(status);
}

static void an_overflow_hits_the_guard_page(void **state)
{
    (void)state;
    assert_int_equal(signal_of(overflow), SIGSEGV);
}

static void resume_itself(void *argument)
{
    (void)argument;
    fiber_resume(fiber_current());
}

static void resuming_a_running_fiber_is_caught(void **state)
{
    (void)state;
    assert_int_equal(signal_of(resume_itself), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(runs_at_once_until_it_suspends, cleanup),
        cmocka_unit_test_teardown(may_end_without_suspending, cleanup),
        cmocka_unit_test_teardown(many_interleave_in_any_order, cleanup),
        cmocka_unit_test_teardown(ended_fibers_are_used_again, cleanup),
        cmocka_unit_test_teardown(limit_refuses_and_then_admits_again, cleanup),
        cmocka_unit_test_teardown(nests, cleanup),
        cmocka_unit_test(an_overflow_hits_the_guard_page),
        cmocka_unit_test(resuming_a_running_fiber_is_caught),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
