/* A login's time does not tell whether there is such a user: wrong passwords of known and unknown names, in turns, by
 * their medians and by a rank-sum test. Throttling is off; hashing costs next to nothing here, so that it hides no
 * difference of the other steps. */
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

enum { TRIES = 200, WARM_UP = 20, ROUNDS = 4 };

enum who { KNOWN, UNKNOWN, KINDS };

struct sample {
    double ms;
    enum who who;
};

static double now_exactly_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1000000;
}

static double time_login(const struct stack *stack, const char *username)
{
    char *json = login_json(username, "not the right one");
    double begun_ms = now_exactly_ms();
    struct reply *reply = http_post(stack, NULL, json, "/auth/login");
    double took_ms = now_exactly_ms() - begun_ms;
    assert_error(reply, 401, "unauthorized");
    return took_ms;
}

static int compare(const void *a, const void *b)
{
    double left = ((const struct sample *)a)->ms, right = ((const struct sample *)b)->ms;
    return (left > right) - (left < right);
}

/* Of samples in order. */
static double median_of(const struct sample *samples, enum who who)
{
    int seen = 0;
    double lower = 0;
    for (int i = 0; i < KINDS * TRIES; i++) {
        if (samples[i].who != who)
            continue;
        if (++seen == TRIES / 2)
            lower = samples[i].ms;
        if (seen == TRIES / 2 + 1)
            return (lower + samples[i].ms) / 2;
    }
    fail_msg("too few samples");
    return 0;
}

/* Mann–Whitney: how many standard deviations the known ones' ranks lie from where chance puts them. No two samples are
 * taken for equal: the clock counts nanoseconds. */
static double rank_sum_z(const struct sample *samples)
{
    const double n = TRIES, mean = n * n / 2, deviation = sqrt(n * n * (2 * n + 1) / 12);
    double ranks = 0;
    for (int i = 0; i < KINDS * TRIES; i++)
        if (samples[i].who == KNOWN)
            ranks += i + 1;
    return (ranks - n * (n + 1) / 2 - mean) / deviation;
}

/* How much the medians differ, as a part of the smaller one. */
static double measure(const struct stack *stack)
{
    struct user user = make_user(stack);
    char *names[KINDS] = {[KNOWN] = user.username, [UNKNOWN] = unique("none")};
    struct sample samples[KINDS * TRIES];
    for (int i = 0; i < WARM_UP; i++)
        time_login(stack, names[i % KINDS]);
    for (int i = 0; i < KINDS * TRIES; i++) {
        enum who who = (i + i / KINDS) % KINDS; /* neither always comes first */
        samples[i] = (struct sample){time_login(stack, names[who]), who};
    }
    qsort(samples, KINDS * TRIES, sizeof *samples, compare);
    double known = median_of(samples, KNOWN), unknown = median_of(samples, UNKNOWN), z = rank_sum_z(samples);
    print_message("%d logins each: medians %.3f ms known, %.3f ms unknown; rank sum z = %.2f, p = %.3f\n", TRIES, known,
                  unknown, z, erfc(fabs(z) / sqrt(2)));
    return fabs(known - unknown) / fmin(known, unknown);
}

/* What else runs on the machine may disturb a round. */
static void known_and_unknown_names_take_as_long(void **state)
{
    double difference = 1;
    for (int round = 0; round < ROUNDS && difference > 0.1; round++)
        difference = measure(*state);
    assert_true(difference <= 0.2);
}

static const struct stack_options options = {.environment = {"LOGIN_FAILURES_LIMIT=0", "LOG_LEVEL=warn"}};

SUITE_WITH("login_timing", &options, cmocka_unit_test(known_and_unknown_names_take_as_long))
