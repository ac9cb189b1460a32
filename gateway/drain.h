/* A thread's stop, in steps that no client fails over:
 *   1. It is not ready any more, and each reply ends its connection: balancers and clients go elsewhere. Connections
 * are still accepted, and those that lie idle stay: a client may be about to send its next request on one.
 *   2. After DRAIN_NOTICE_MS no new connection begins; those that the kernel has begun already are accepted.
 *   3. The listener is closed, and what lay idle all the time. Who has just come is given a moment to ask.
 * It is over when no thread has a connection of the API left, or after DRAIN_MS. The admin listener stays open until
 * then.
 */
#ifndef GATEWAY_DRAIN_H
#define GATEWAY_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

struct thread;

struct drain {
    enum drain_step {
        DRAIN_NONE, /* it serves */
        DRAIN_NOTICE,
        DRAIN_QUEUE,
        DRAIN_CLOSED,
        DRAIN_DONE, /* it waits for the other threads */
    } step;
    int64_t began_ms;
    int64_t step_ms; /* when the step began */
};

void drain_begin(struct thread *thread);

/* Whether it stops. */
bool drain_has_begun(const struct thread *thread);

/* Takes the steps that are due; to be called each turn. Returns whether it is over. */
bool drain_turn(struct thread *thread);

#endif
