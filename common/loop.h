/* The services' event loop: libuv behind what services need of it. One thread's own. */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/metrics.h"

struct loop;

/* Returns owned. */
struct loop *loop_new(void);
/* Everything watched and timed must be gone, and no work under way. */
void loop_destroy(struct loop **loop);

/* Runs until loop_stop. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Monotonic milliseconds, read anew at each call. */
int64_t loop_now_ms(void);

/* Calls on_ready(context, readable, writable) whenever the descriptor is ready for what is asked. Returns owned. */
struct loop_watch;
struct loop_watch *loop_watch(struct loop *loop, int fd, void (*on_ready)(void *context, bool readable, bool writable),
                              void *context);
void loop_watch_set(struct loop_watch *watch, bool reading, bool writing);
/* Stops it and nulls the owner's pointer; the memory goes after the turn. The descriptor stays the caller's. */
void loop_watch_destroy(struct loop_watch **watch);

/* Calls on_time(context) after delay_ms, and every repeat_ms then (0 = once). Returns owned. */
struct loop_timer;
struct loop_timer *loop_timer_new(struct loop *loop, void (*on_time)(void *context), void *context);
void loop_timer_start(struct loop_timer *timer, int64_t delay_ms, int64_t repeat_ms);
void loop_timer_stop(struct loop_timer *timer);
void loop_timer_destroy(struct loop_timer **timer);

/* Runs hook(context) at the end of each turn, before the loop would wait: the place to send what the turn has gathered.
 * A hook that returns true has more to do: the loop then does not wait but turns once more. Hooks run in the order
 * added. */
void loop_at_turn_end(struct loop *loop, bool (*hook)(void *context), void *context);

/* Calls on_signal(context) when the process gets signal_number. */
void loop_on_signal(struct loop *loop, int signal_number, void (*on_signal)(void *context), void *context);

/* In a fiber: runs work(argument) in the pool of worker threads (as many as cores, at low priority) and returns when it
 * is done; other fibers run meanwhile. Where more waits than there are cores, those whose work is done go on together,
 * 25 ms later at most. Work whose deadline (loop_now_ms; INT64_MAX = none) passed before its turn is not run.
 *   ERROR_OVERLOADED  the queue is full (loop_set_work_limit): nothing ran
 *   ERROR_TIMEOUT     the deadline passed in the queue: nothing ran */
enum error loop_work(struct loop *loop, int64_t deadline_ms, void (*work)(void *argument), void *argument) MUST_USE;
void loop_set_work_limit(struct loop *loop, size_t limit); /* queued and running; default 256 */
/* What became of it (common/metrics.def). Lives as long as the loop. */
const struct work_stats *loop_work_stats(const struct loop *loop);

/* In a fiber: lets other work run for delay_ms. */
void loop_sleep(struct loop *loop, int64_t delay_ms);

#endif
