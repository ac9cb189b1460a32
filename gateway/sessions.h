/* Sessions known to live, remembered: session id → its user. One thread's own. Like principals.h: what keeps it true
 * (the auth service's feed) is fed in from outside; whether it may be trusted at a moment is the caller's to know. */
#ifndef GATEWAY_SESSIONS_H
#define GATEWAY_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

struct sessions;

/* Returns owned. */
struct sessions *sessions_new(void);
void sessions_destroy(struct sessions **sessions);

/* Whether the session is known to live, and to be the user's. */
bool sessions_has(const struct sessions *sessions, int64_t session_id, int64_t user_id);

/* Changes with each drop: an answer is remembered only if none came between asking and remembering. */
uint64_t sessions_epoch(const struct sessions *sessions);
void sessions_remember(struct sessions *sessions, int64_t session_id, int64_t user_id, uint64_t asked_at_epoch);

void sessions_drop(struct sessions *sessions, int64_t session_id);
void sessions_drop_all(struct sessions *sessions);

#endif
