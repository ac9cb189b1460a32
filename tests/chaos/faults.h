/* The faults, as tests of one suite, and what they are made of. */
#ifndef TESTS_CHAOS_FAULTS_H
#define TESTS_CHAOS_FAULTS_H

#include "tests/support/stack.h"

/* What clients may see of a fault; what they never may: another's reply, another error, an acknowledged write gone. */
enum chaos_visible {
    CHAOS_INVISIBLE, /* nothing */
    CHAOS_REFUSED,   /* 503 and 504 with Retry-After */
    CHAOS_CUT,       /* connections that end, too: a gateway was killed */
};

/* Plays a fault under load: play breaks something, and returns when all is whole again. Adds a row to the table, and
 * fails the test where clients saw more than they may. */
void chaos_play(struct stack *stack, const char *fault, enum chaos_visible visible, void (*play)(struct stack *stack));

bool chaos_is_short(void);
/* 0 … count - 1, as the seed has it. */
unsigned chaos_pick(unsigned count);

extern const struct CMUnitTest chaos_tests[];
extern const size_t chaos_test_count;

#endif
