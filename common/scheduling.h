/* How Linux shares the cores among us and others. What is set is the calling thread's, and of all that it starts
 * afterwards; where it is not allowed, nothing changes. */
#ifndef COMMON_SCHEDULING_H
#define COMMON_SCHEDULING_H

/* For threads that a request passes. Who is woken waits until whoever runs has done its turn, instead of taking the
 * core from it: SCHED_BATCH (sched(7)). A request passes several threads; where each one that has something to do
 * interrupts the one that woke it, turns are short, batches small, and much goes into switching: with 8 clients a tenth
 * more is answered so. The price: where others keep every core busy, they are waited for. */
void scheduling_take_turns(void);

/* For threads that compute for milliseconds. The lowest niceness leaves the cores to everybody else of the same
 * scheduling group (sched(7), "The autogroup feature": a session; a cgroup; of a full core a hundredth or so remains),
 * and a slice of 100 µs instead of milliseconds lets those who have been woken have one soon; Linux hears of slices
 * since 6.12 (Documentation/scheduler/sched-eevdf.rst). */
void scheduling_step_back(void);

#endif
