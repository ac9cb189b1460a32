/* How Linux shares the cores among us and others. What is set is the calling thread's, and of all that it starts
 * afterwards; where it is not allowed, nothing changes. */
#ifndef COMMON_SCHEDULING_H
#define COMMON_SCHEDULING_H

/* For threads that a request passes. Who is woken waits until whoever runs has done its turn, instead of taking the
 * core from it: SCHED_BATCH (sched(7)). A request passes several threads; where each one that has something to do
 * interrupts the one that woke it, turns are short, batches small, and much goes into switching: with 8 clients a tenth
 * more is answered so. The price: where others keep every core busy, they are waited for. */
void scheduling_take_turns(void);

/* For threads that compute for milliseconds: a niceness that leaves nine tenths of a core to anybody else of the same
 * scheduling group (sched(7), "The autogroup feature": a session; a cgroup) who never sleeps, and a slice of 100 µs
 * instead of milliseconds; Linux hears of slices since 6.12 (Documentation/scheduler/sched-eevdf.rst). */
void scheduling_step_back(void);

/* From begin to end such a thread offers its core every 200 µs to whoever waits for it. Who takes turns does not take
 * the core from it, and Linux itself looks only with its clock: every 4 ms where CONFIG_HZ is 250. Beside a storm of
 * logins 0.72 as many rooms are read so as without it, p99 1.4 ×; where nothing is offered 0.4, 4 ×. SCHED_IDLE does as
 * well for requests (0.75, 2.8 ×), but beside a program that never sleeps it is left three thousandths of a core, and
 * no password is checked in time. */
void scheduling_offer_begin(void);
void scheduling_offer_end(void);

#endif
