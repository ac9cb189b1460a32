/* The time of an answer does not tell whether there is such a user: wrong passwords of known and unknown names, and
 * forgotten passwords of known and unknown emails, mixed, by their medians and by a rank-sum test. Throttling is
 * off; hashing costs next to nothing here, so that it hides no difference of the other steps. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/database.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

enum { TRIES = 200, WARM_UP = 20, ALL = TRIES + WARM_UP, ROUNDS = 4 };

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

/* What is asked, of whom, and what all are answered. */
struct question {
    const char *path;
    long status;
    char *bodies[KINDS][ALL];
};

static double time_answer(const struct stack *stack, const struct question *question, const char *body)
{
    double begun_ms = now_exactly_ms();
    struct reply *reply = http_post(stack, NULL, body, "%s", question->path);
    double took_ms = now_exactly_ms() - begun_ms;
    assert_status(reply, question->status);
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

/* In an order that nothing else is in: what one try leaves to be done (a mail to be sent) slows those after it down. */
static void shuffle(enum who *order)
{
    unsigned seed = 1;
    for (int i = 0; i < KINDS * TRIES; i++)
        order[i] = i % KINDS;
    for (int i = KINDS * TRIES - 1; i > 0; i--) {
        int other = rand_r(&seed) % (i + 1);
        enum who who = order[i];
        order[i] = order[other];
        order[other] = who;
    }
}

/* How much the medians differ, as a part of the smaller one. */
static double measure(const struct stack *stack, const struct question *question)
{
    struct sample samples[KINDS * TRIES];
    enum who order[KINDS * TRIES];
    int asked[KINDS] = {0};
    shuffle(order);
    for (int i = 0; i < KINDS * WARM_UP; i++)
        time_answer(stack, question, question->bodies[i % KINDS][TRIES + i / KINDS]);
    for (int i = 0; i < KINDS * TRIES; i++) {
        enum who who = order[i];
        samples[i] = (struct sample){time_answer(stack, question, question->bodies[who][asked[who]++]), who};
    }
    qsort(samples, KINDS * TRIES, sizeof *samples, compare);
    double known = median_of(samples, KNOWN), unknown = median_of(samples, UNKNOWN), z = rank_sum_z(samples);
    print_message("%d × %s each: medians %.3f ms known, %.3f ms unknown; rank sum z = %.2f, p = %.3f\n", TRIES,
                  question->path, known, unknown, z, erfc(fabs(z) / sqrt(2)));
    return fabs(known - unknown) / fmin(known, unknown);
}

/* What else runs on the machine may disturb a round: ask(stack, question) makes another. */
static void assert_alike(const struct stack *stack, void (*ask)(const struct stack *stack, struct question *question))
{
    double difference = 1;
    for (int round = 0; round < ROUNDS && difference > 0.1; round++) {
        struct question question;
        ask(stack, &question);
        difference = measure(stack, &question);
    }
    assert_true(difference <= 0.2);
}

/* ---- login ---- */

static void ask_for_a_login(const struct stack *stack, struct question *question)
{
    *question = (struct question){.path = "/auth/login", .status = 401};
    struct user user = make_user(stack);
    char *names[KINDS] = {[KNOWN] = user.username, [UNKNOWN] = unique("none")};
    for (int who = 0; who < KINDS; who++)
        for (int i = 0; i < ALL; i++)
            question->bodies[who][i] = login_json(names[who], "not the right one");
}

static void known_and_unknown_names_take_as_long(void **state)
{
    assert_alike(*state, ask_for_a_login);
}

/* ---- a forgotten password ---- */

static void await_empty_outbox(const struct stack *stack)
{
    int64_t deadline = now_ms() + 30000;
    while (strcmp(database_value(stack, "select count(*) from auth.mail"), "0") != 0) {
        assert_true(now_ms() < deadline);
        sleep_ms(20);
    }
}

/* Each is asked for once, so that each known one gets a mail. */
static void ask_for_a_reset(const struct stack *stack, struct question *question)
{
    *question = (struct question){.path = "/auth/password/forgot", .status = 202};
    struct user users[ALL];
    make_users(stack, users, ALL);
    for (int i = 0; i < ALL; i++) {
        question->bodies[KNOWN][i] = text("{\"email\":\"%s\"}", users[i].email);
        question->bodies[UNKNOWN][i] = text("{\"email\":\"%s@example.org\"}", unique("none"));
    }
    await_empty_outbox(stack);
}

static void known_and_unknown_emails_take_as_long(void **state)
{
    assert_alike(*state, ask_for_a_reset);
}

static const struct stack_options options = {.environment = {"LOGIN_FAILURES_LIMIT=0", "LOG_LEVEL=warn"}};

SUITE_WITH("login_timing", &options, cmocka_unit_test(known_and_unknown_names_take_as_long),
           cmocka_unit_test(known_and_unknown_emails_take_as_long))
