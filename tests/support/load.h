/* Traffic on a stack from several threads while a test breaks things: what each client asked is compared with what it
 * got. */
#ifndef TESTS_SUPPORT_LOAD_H
#define TESTS_SUPPORT_LOAD_H

#include "tests/support/stack.h"

struct load;

struct load_result {
    size_t succeeded;   /* 2xx */
    size_t unavailable; /* 503, 504 */
    size_t unreachable; /* no reply at all */
    size_t rooms;       /* acknowledged with 201 */
    /* What must never be, the first of each in words; NULL = none */
    const char *wrong;   /* a reply to another request than the one sent */
    const char *strange; /* another status, or a 503 without Retry-After */
};

enum { LOAD_THREADS = 6 };

/* Begins: reads of rooms and users, new rooms, joins, logins. Returns owned. */
struct load *load_start(const struct stack *stack);
/* How many requests have succeeded so far. */
size_t load_succeeded(const struct load *load);
/* Ends the traffic and tells what it saw; the load stays for load_assert_kept. */
struct load_result load_stop(struct load *load);
/* Fails the test for a room that was acknowledged and is not there. */
void load_assert_kept(const struct load *load);
void load_destroy(struct load **load);

#endif
