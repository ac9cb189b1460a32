/* A request while it is answered: what was read of its header, who asks, and which calls wait for a reply. It lives in
 * h2o's pool; with the pool go its calls (the client left) and comes its line in the log. */
#ifndef GATEWAY_REQUEST_H
#define GATEWAY_REQUEST_H

#include "gateway/http.h"

#include "common/bus.h"
#include "common/trace_parent.h"
#include "gateway/bearer.h"
#include "gateway/guard.h"
#include "gateway/principals.h"
#include "gateway/router.h"
#include "gateway/trace.h"

enum { REQUEST_MAX_CALLS = SERVICE_COUNT };

struct request {
    h2o_req_t *req;
    struct thread *thread;
    struct guard *guard;

    struct str path;  /* without the query */
    struct str query; /* without its '?' */
    struct str id;
    char made_id[TRACE_ID_LEN];

    /* Header fields; empty = absent */
    struct str authorization, origin, content_type, content_encoding, if_none_match, traceparent;
    struct str if_match; /* its lines in one */
    bool has_if_match;
    struct str remote; /* the client's address: the connection's peer, or for whom a trusted proxy asks */
    char forwarded_remote[ADDRESS_MAX_TEXT + 1];
    char parent[TRACE_PARENT_LEN];
    bool has_traceparent;
    struct str user_agent; /* what of it the auth service is told */
    bool wants_problem;    /* Accept names application/problem+json */
    bool is_head, is_read /* GET or HEAD */;

    struct route_match match;      /* route NULL = none yet */
    struct bearer_subject subject; /* zeroed: nobody calls */
    struct principal_state principal;

    /* While it is found out whether they are still there: what goes on then, with which arguments */
    void (*then)(struct request *request, struct str arguments);
    struct str arguments;
    bool has_own_arguments; /* in the request's pool */
    uint64_t asked_at_epoch;

    struct rate rate; /* the service's, for the reply */
    bus_call_id calls[REQUEST_MAX_CALLS];
    struct share *share; /* that it waits with; NULL = none */
    h2o_linklist_t share_link;
    int64_t began_us, deadline_ms;

    /* Where its time went so far: asking services, by this clock; in them, by theirs */
    int64_t asked_us, waited_us;
    struct timing timing;
    bool is_answered;
};

/* In h2o's pool: nobody destroys it. */
struct request *request_new(h2o_req_t *req);

/* Around each of its calls of a service: the time it took is the request's. */
void request_note_call(struct request *request);
void request_note_reply(struct request *request, const struct bus_reply *reply);

/* Whether that is its method, as sent. */
bool request_is(const struct request *request, struct str method);

#endif
