/* A gateway of its own with a copy of one service of its own, at another address of this machine, on a stack's
 * database: what must hold over any number of gateways and copies is asked of both at once. */
#ifndef TESTS_SUPPORT_SECOND_H
#define TESTS_SUPPORT_SECOND_H

#include "tests/support/stack.h"

struct second {
    struct stack stack; /* as the requests' stack, or its url as their base */
    struct process service, gateway;
};

/* Waits until it is ready. It listens to both copies' events; the stack's own gateway only where the test sets that. */
struct second *second_start(const struct stack *stack, enum stack_part service);
/* Fails the test unless both end well. */
void second_stop(struct second *second);

#endif
