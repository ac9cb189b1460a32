/* Requests that ask the same of a service share a call, which is made for the first of them. It is made at the turn's
 * end, or sooner where many others are to be made: what each is answered was read after it asked. While it is under
 * way, those who come wait for its answer and then share the next one, but not for long (SHARE_HOLD_MS). A reply that
 * is not for all is for that one's user alone: calls for the others are made then, and from then on those who ask that
 * do so for themselves. A thread's own. */
#ifndef GATEWAY_SHARE_H
#define GATEWAY_SHARE_H

#include "gateway/http.h"

#include "common/bus.h"

enum { SHARE_HOLD_MS = 20 };

struct method;
struct request;
struct shares;

/* Returns owned. */
struct shares *shares_new(void);
void shares_destroy(struct shares **shares);

/* Whether others may be answered with what this request is, and the other way round: it reads, for a user, and what it
 * is answered depends on its arguments and its user alone. */
bool share_is_possible(const struct request *request);

/* Has the request wait for a call of the method, which reads. on_reply runs for all who share it: with the reply, or
 * with the error that kept the call from being made. It takes each off the list (share_next) to go on with it. */
void share_call(struct request *request, const struct method *method, struct str arguments,
                void (*on_reply)(h2o_linklist_t *requests, const struct bus_reply *reply));

/* NULL once there are no more. */
struct request *share_next(h2o_linklist_t *requests);

/* At the turn's end: makes the calls that are not held. */
void shares_send(struct shares *shares);

/* The request goes, and waits no more; the call goes with the last one. Does nothing for one that does not wait. */
void share_leave(struct request *request);

#endif
