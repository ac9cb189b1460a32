/* An arena: memory that lives as long as one piece of work and goes with it at once. Destructors of foreign resources
 * (a PGresult, a ZeroMQ message) are deferred to that moment. Not for sharing between threads. */
#ifndef COMMON_ARENA_H
#define COMMON_ARENA_H

#include <stddef.h>

#include "common/str.h"

struct arena;

/* Returns owned. Out of memory ends the process, here and below. */
struct arena *arena_new(void);
void arena_destroy(struct arena **arena);

/* Runs the deferred destructors, newest first, and takes all memory back; the first block stays for the next user. */
void arena_reset(struct arena *arena);

/* Zeroed memory, aligned for any type, good until reset. */
void *arena_alloc(struct arena *arena, size_t size);

/* A copy of s that also ends with a NUL (not counted in len). */
struct str arena_copy(struct arena *arena, struct str s);

struct str arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Runs destroy(object) at the reset. */
void arena_defer(struct arena *arena, void (*destroy)(void *object), void *object);

#endif
