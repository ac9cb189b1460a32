/* A service's life: at rest, killed, and stopped while it is asked. */
#include "tests/unit/service_fixture.h"

static int start_hasty_services(void **state)
{
    setenv("DRAIN_MS", "50", 1);
    int result = start_services(state);
    unsetenv("DRAIN_MS");
    return result;
}

/* Clock ticks of processor time that a process has used. */
static long used_ticks(pid_t pid)
{
    char path[64];
    unsigned long user = 0, kernel = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel), 2);
    fclose(file);
    return (long)(user + kernel);
}

static void test_at_rest_it_uses_no_processor(void **state)
{
    (void)state;
    struct reply reply = {0};
    assert_int_equal(ask(&reply, "alpha.echo", NULL, "hello", 0), OK);
    buffer_free(&reply.body);
    long before = used_ticks(alpha_pid);
    usleep(500000);
    assert_in_range(used_ticks(alpha_pid) - before, 0, sysconf(_SC_CLK_TCK) / 20); /* a tenth of one core */
}

static void test_it_answers_again_after_a_kill(void **state)
{
    (void)state;
    struct reply reply = {0};
    assert_int_equal(ask(&reply, "alpha.echo", NULL, "hello", 0), OK);
    kill(alpha_pid, SIGKILL);
    end_process(alpha_pid);
    alpha_pid = start_process("alpha", NULL, -1);
    int64_t begun_ms = loop_now_ms();
    while (ask(&reply, "alpha.echo", NULL, "again", 0) == ERROR_UNAVAILABLE)
        assert_true(loop_now_ms() - begun_ms < PATIENCE_MS);
    assert_int_equal(reply.error, OK);
    buffer_free(&reply.body);
}

static void test_it_finishes_what_it_has_begun(void **state)
{
    (void)state;
    struct reply slow = {0}, late = {0};
    send_words(&slow, "alpha.sleep", NULL, "slow", 500);
    assert_int_equal(ask(&late, "alpha.echo", NULL, "hello", 0), OK); /* so the slow one has begun */
    kill(alpha_pid, SIGTERM);
    while (bus_is_connected(bus, ALPHA)) /* until we are told */
        turn();
    assert_false(slow.is_there);
    struct bus *told = bus;
    bus = bus_new(NULL); /* of somebody who has not heard of it */
    assert_true(connect_to(ALPHA, "alpha"));
    assert_int_equal(ask(&late, "alpha.health", NULL, "hello", 0), OK);
    assert_body(&late, "{service: alpha, ready: false, whyNot: it is being stopped}");
    bus_destroy(&bus);
    bus = told;
    await(&slow);
    assert_int_equal(slow.error, OK);
    assert_body(&slow, "{text: slow, number: 77}");
    assert_int_equal(end_process(alpha_pid), 0);
    alpha_pid = 0;
    buffer_free(&slow.body);
    buffer_free(&late.body);
}

static void test_it_does_not_wait_for_ever(void **state)
{
    (void)state;
    struct reply slow = {0}, next = {0};
    send_words(&slow, "alpha.sleep", NULL, "slow", 9000);
    assert_int_equal(ask(&next, "alpha.echo", NULL, "hello", 0), OK);
    assert_int_equal(stop_process(alpha_pid), 1);
    await(&slow);
    assert_int_equal(slow.error, ERROR_UNAVAILABLE);
    alpha_pid = 0;
    buffer_free(&slow.body);
    buffer_free(&next.body);
}

SERVICE_SUITE(prepare, clean, WITH_SERVICES(test_at_rest_it_uses_no_processor),
              WITH_SERVICES(test_it_answers_again_after_a_kill), WITH_SERVICES(test_it_finishes_what_it_has_begun),
              cmocka_unit_test_setup_teardown(test_it_does_not_wait_for_ever, start_hasty_services, stop_services))
