/* Traffic on a stack from several threads while a test breaks things: what each client asked is compared with what it
 * got. */
#ifndef TESTS_SUPPORT_LOAD_H
#define TESTS_SUPPORT_LOAD_H

#include "tests/support/stack.h"

struct load;

struct load_result {
    size_t succeeded;    /* 2xx */
    size_t unavailable;  /* 503, 504 */
    size_t unreachable;  /* no reply at all */
    size_t rooms;        /* acknowledged with 201 */
    size_t lost;         /* of them, those that are not there afterwards */
    const char *failure; /* the first that was not served, in words; NULL = none */
    const char *wrong; /* the first that must never be, alike: another's reply, another status than 2xx, 503 and 504 */
};

enum { LOAD_THREADS = 6 };

/* Begins: reads of rooms and users, new rooms, joins, logins. One load at a time. */
struct load *load_start(const struct stack *stack);
/* Waits until so many more requests have succeeded; fails the test if they do not. */
void load_await(const struct load *load, size_t more);
/* Ends the traffic and fails the test for a reply to another request, for a status other than 2xx, 503 and 504, and for
 * a room that was acknowledged and is not there. */
struct load_result load_stop(struct load *load);
/* Ends the traffic and counts; the judgement is the caller's. */
struct load_result load_end(struct load *load);
/* For the teardown of each test that starts a load: ends what a failure has left running. */
int load_teardown(void **state);

#endif
