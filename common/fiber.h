/* Fibers: code that waits without holding the thread. A fiber runs until it suspends; whoever holds it resumes it. One
 * thread's own; stacks are pooled, each below a guard page. */
#ifndef COMMON_FIBER_H
#define COMMON_FIBER_H

#include <stdbool.h>
#include <stddef.h>

struct fiber;

/* Runs entry(argument) on a stack of its own until it returns or first suspends; then comes back here. Stacks are
 * reused. Returns false when limit fibers live already (fiber_set_limit): the caller refuses the work. */
bool fiber_start(void (*entry)(void *argument), void *argument) __attribute__((warn_unused_result));

/* The fiber that runs now; NULL outside of any. */
struct fiber *fiber_current(void);

/* In a fiber: goes back to whoever started or resumed it, and returns when it is resumed. */
void fiber_suspend(void);

/* Outside of any fiber, or from another one: runs the suspended fiber until it suspends again or ends. */
void fiber_resume(struct fiber *fiber);

size_t fiber_count(void);
void fiber_set_limit(size_t limit); /* default 4096 */

/* Frees the pooled stacks. No fiber may live. */
void fiber_cleanup(void);

#endif
