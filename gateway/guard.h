/* A guard stands between a connection's socket and h2o's HTTP/1 code. It reads each head before h2o does and refuses
 * what h2o would let pass; it answers in the contract's shape where h2o would answer in its own; it gives the client
 * time to read a refusal; it knows clients that are slow. How it stands there: README.md. */
#ifndef GATEWAY_GUARD_H
#define GATEWAY_GUARD_H

#include "gateway/http.h"

#include "common/address.h"
#include "common/buffer.h"
#include "gateway/chunk_check.h"
#include "gateway/head_check.h"
#include "gateway/reset_budget.h"

struct thread;
struct listener;

enum guard_stage {
    GUARD_READING_HEAD,
    GUARD_READING_BODY, /* h2o has the head */
    GUARD_ANSWERING,    /* h2o has handed the whole request to a handler */
    GUARD_REFUSING,     /* a refusal is being written, by the guard or by h2o, with the body unread */
    GUARD_LINGERING,    /* it is written: what the client still sends is thrown away */
    GUARD_PASSING,      /* HTTP/2: h2o alone */
};

struct guard {
    h2o_linklist_t link; /* in the listener's: of those that lie idle, who has done so for longest comes first */
    struct listener *listener;
    struct thread *thread;
    h2o_socket_t *socket;
    enum guard_stage stage;
    struct head_check head;
    struct chunk_check chunks;
    size_t body_read;   /* bytes of the input buffer, from its start, that h2o has read of this request */
    h2o_req_t *request; /* HTTP/1: the one being answered */
    size_t requests;    /* so far */
    h2o_timeout_entry_t timer;
    bool is_idle; /* between requests: the timer is that of idle connections */
    struct buffer refusal;
    size_t lingered; /* bytes thrown away */
    struct reset_budget resets;
    bool is_overdrawn;
    struct address address;            /* of the peer: the client, or a proxy */
    char remote[ADDRESS_MAX_TEXT + 1]; /* its text; empty = unknown */

    /* h2o's own callbacks, before which the guard's stand */
    h2o_socket_cb h2o_on_read, h2o_on_written;
    /* How deep in h2o's callbacks we are, and whether the socket was closed in there: the guard goes when they are
     * left. */
    unsigned depth;
    bool is_closed;
};

/* Hands a new connection of the listener to h2o, guarded. */
void guard_accept(struct listener *listener, h2o_socket_t *socket);

/* The guard of a request's connection. */
struct guard *guard_of(const h2o_req_t *req);

/* To be told: a handler has the request; h2o is about to answer one by itself; a reply was handed to h2o. */
void guard_on_request(struct guard *guard, h2o_req_t *req);
void guard_on_own_answer(struct guard *guard, h2o_req_t *req);
void guard_on_reply(struct guard *guard);

/* Counts an HTTP/2 request that ended, and ends the connection when too many did before their replies were out. */
void guard_spend_reset(struct guard *guard, bool was_reset);

/* Closes it, whatever it does. */
void guard_close(struct guard *guard);

/* Closes it if it is between requests: after one at least, or before its first one too. Returns whether it was. */
enum guard_idle { GUARD_USED, GUARD_ANY };
bool guard_close_idle(struct guard *guard, enum guard_idle which);

#endif
