/* What a service tells the others, read over the bus as they read it. */
#ifndef TESTS_SUPPORT_EVENTS_H
#define TESTS_SUPPORT_EVENTS_H

#include <jansson.h>

#include "tests/support/caller.h"

/* The next events, some hundreds at most, for a subscriber that has handled those up to after: an array of {number,
 * name, body}, the body a text of JSON. */
json_t *ask_events(struct caller_bus *bus, enum stack_part part, const char *subscriber, json_int_t after);

/* Reads on behind after until there are no more, and returns the number of the last one. Fails for a gap in the
 * numbers; where after is 0 the first may be any. on_event may be NULL; the body is parsed. */
json_int_t read_events(struct caller_bus *bus, enum stack_part part, const char *subscriber, json_int_t after,
                       void on_event(void *context, const char *name, const json_t *body), void *context);

/* The events from the first on in whose bodies the key has the id, with their reasons:
 * "room.joined, room.left kicked". */
char *story_of(struct caller_bus *bus, enum stack_part part, const char *key, json_int_t id);

#endif
