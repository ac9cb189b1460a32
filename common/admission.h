/* How many calls a service lets in at a time. What waits longer than it is worth is refused at the door, where that is
 * cheap, and the rest is served in time: a queue that only grows ends with every caller gone before the answer comes.
 *
 * As CoDel does, it looks at the shortest time that any call waited within an interval (for Postgres: that is where
 * calls queue): one slow method lengthens some waits, a standing queue all. While even the shortest is too long fewer
 * are let in each time; then more again. */
#ifndef COMMON_ADMISSION_H
#define COMMON_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ADMISSION_LEAST = 32,      /* calls at a time that are always let in */
    ADMISSION_TARGET_MS = 500, /* what the shortest may be */
    ADMISSION_INTERVAL_MS = 100,
};

struct admission {
    size_t most;  /* calls at a time, at best */
    size_t limit; /* and now */
    int64_t began_ms;
    int64_t ended_ms;    /* when a call ended last */
    int64_t shortest_ms; /* in this interval; INT64_MAX = none has ended */
};

struct admission admission_make(size_t most, int64_t now_ms);

/* Whether one more call is let in beside those under way. */
bool admission_lets_in(struct admission *admission, size_t under_way, int64_t now_ms);

/* A call has ended that waited so long. */
void admission_note(struct admission *admission, int64_t waited_ms, int64_t now_ms);

#endif
