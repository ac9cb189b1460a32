/* Threads for work that takes a core for milliseconds; they step back, offer it to others often (scheduling.h), and
 * keep the memory of password hashes (kept_memory.h) until they have had nothing to do for a second. Not libuv's: its
 * uv_async_send is a lock that the loop spins on, and wakes the loop while it holds it, so that a thread of low
 * priority keeps a core of the loop's busy until it gets its next turn. */
#ifndef COMMON_WORKERS_H
#define COMMON_WORKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

/* Belongs to the workers from workers_give until it is handed back. */
struct job {
    void (*run)(struct job *job); /* in one of the threads */
    STAILQ_ENTRY(job) link;
};

struct workers;

/* So many threads. Returns owned; for one thread, as all below. */
struct workers *workers_new(size_t count);
/* No job may be under way. */
void workers_destroy(struct workers **workers);

/* Jobs begin in the order given. */
void workers_give(struct workers *workers, struct job *job);
/* A descriptor that is readable when the first job since workers_collect is done, and when no more wait for a thread.
 */
int workers_fd(const struct workers *workers);
/* To be called when it is: whether more jobs wait for a thread. */
bool workers_hear(struct workers *workers);
/* Hands back what is done: on_done(job) for each, in that order. */
void workers_collect(struct workers *workers, void (*on_done)(struct job *job));

#endif
