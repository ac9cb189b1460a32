/* How Linux shares the cores among us and others. */
#ifndef COMMON_SCHEDULING_H
#define COMMON_SCHEDULING_H

/* Who is woken waits until whoever runs has done its turn, instead of taking the core from it: SCHED_BATCH (sched(7)).
 * A request passes several threads; where each one that has something to do interrupts the one that woke it, turns are
 * short, batches small, and much goes into switching: with 8 clients a tenth more is answered so. The price: where
 * others keep every core busy, they are waited for. It is the calling thread's, and of all that it starts afterwards.
 * Where it is not allowed, nothing changes. */
void scheduling_take_turns(void);

#endif
