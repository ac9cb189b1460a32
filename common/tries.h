/* How often somebody tried what attackers try often, so that they can be refused. For services that say so
 * (service_definition.counts_tries): their schema has a table `throttle` and a function `throttle_key(kind, who)`.
 * Counts are Postgres' rows, each changed by one statement: so limits hold exactly, however many copies of a service
 * there are. */
#ifndef COMMON_TRIES_H
#define COMMON_TRIES_H

#include "common/service.h"

struct tries_rule {
    const char *kind; /* of what is tried, in the key */
    int64_t limit;    /* tries in a window; 0 = no limit: nothing is counted */
    int64_t window_s; /* which begins with the first */
};

/* Counts one more of who (empty: nobody counts), and tells the client how many are left (call_set_rate).
 * ERROR_TOO_MANY_REQUESTS beyond the limit. *used gets how many there are now; it stays where nothing is counted. To be
 * asked before what is tried is looked at: then many at once cannot outrun the limit. */
enum error tries_count(struct call *call, const struct tries_rule *rule, struct str who, int64_t *used) MUST_USE;

/* What tries_count counted was no failure: it does not count; or, forgiven, nothing before it does either. Also where
 * the call is late by now. If that fails the count stays until its window is over. */
void tries_uncount(struct call *call, const struct tries_rule *rule, struct str who);
void tries_forgive(struct call *call, const struct tries_rule *rule, struct str who);

/* For services with a statement of their own that counts, or takes back, more than one at once: */

/* Whether the rule counts tries of who at all. */
bool tries_are_counted(const struct tries_rule *rule, struct str who);
/* What tries_count says of so many, whose window has so many seconds left. */
enum error tries_judge(struct call *call, const struct tries_rule *rule, int64_t used, int64_t left_s) MUST_USE;

/* Removes at most $1 counts whose window is over; how many. For whoever tidies up: the table holds no more than was
 * tried within a window. */
extern const struct statement tries_sql_throttle_prune;

#endif
