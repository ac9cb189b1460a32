/* What the files of the bus share. Private to common/bus*.c.
 *   bus.c           the turn: who is looked at when
 *   bus_client.c    calls: targets, batches of calls and replies
 *   bus_retry.c     calls that meet no answer, and are made elsewhere or end
 *   bus_endpoint.c  connections to endpoints: they come, go, are lost and begun anew
 *   bus_balance.c   which endpoint is asked, and which is put aside for a while
 *   bus_pending.c   calls that wait for their reply
 *   bus_server.c    answers: peers and their batches */
#ifndef COMMON_BUS_INTERNAL_H
#define COMMON_BUS_INTERNAL_H

#include "common/buffer.h"
#include "common/bus.h"
#include "common/discovery.h"
#include "common/wire.h"

enum {
    BATCH_FULL = 256 * 1024, /* bytes: a batch that has them leaves before the turn's end */
    RECEIVE_MAX = 256,       /* messages taken from one wire before the others have their turn */
};

/* ---- pending calls ---- */

enum { PENDING_CHUNK = 256, PENDING_CHUNKS = BUS_MAX_PENDING / PENDING_CHUNK };

struct pending {
    bus_call_id id; /* 0 = the slot is free */
    uint32_t slot;
    int64_t deadline_ms;
    int64_t doubt_ms; /* when to ask another endpoint instead; INT64_MAX = never */
    struct endpoint *endpoint;
    uint64_t batch;     /* the number of the endpoint's batch that it left with, or will */
    size_t begin, end;  /* where it stands in that */
    struct buffer copy; /* the call as it was written, to be made again; empty = it cannot be */
    bool is_repeatable, is_repeated;
    unsigned moves; /* how often it changed its endpoint */
    void (*on_reply)(void *context, const struct bus_reply *reply);
    void *context;
    struct pending *next_free;
};

/* Slots come in chunks as they are needed, so that a bus at rest is small. An id is the slot's number below a number
 * that no other call of this bus ever has: a later call has a greater id, and the id of an ended call finds nothing.
 *
 * Deadlines are in no order. Nearly every call ends long before its own, so they are looked through only when the
 * soonest one may have come, and then at most every EXPIRY_MS: cheaper per call than keeping them sorted, and bounded
 * when all calls hang. */
struct pending_table {
    struct pending *chunks[PENDING_CHUNKS];
    size_t chunk_count;
    struct pending *free;
    size_t used;
    size_t copied; /* bytes of all copies */
    uint64_t last_number;
    int64_t look_ms; /* no deadline is to be looked after before */
    int64_t looked_ms;
};

/* Takes a slot; NULL if there is none left. */
struct pending *pending_add(struct bus *bus, struct endpoint *endpoint, int64_t deadline_ms);
/* When it should have been answered. */
void pending_doubt(struct bus *bus, struct pending *pending, int64_t doubt_ms);
/* Keeps a copy of the call, if there is room for it. */
void pending_keep(struct bus *bus, struct pending *pending, struct str call);
/* NULL for a call that is not pending. */
struct pending *pending_find(const struct pending_table *table, bus_call_id id);
/* Frees the slot; pending_end then runs its on_reply, which may add and remove others. */
void pending_remove(struct bus *bus, struct pending *pending);
void pending_end(struct bus *bus, struct pending *pending, const struct bus_reply *reply);
void pending_fail(struct bus *bus, struct pending *pending, enum error error);
/* Calls visit for each call of the endpoint that is there now; visit may end it, and run callbacks that add others. */
void pending_each(struct bus *bus, const struct endpoint *endpoint,
                  void (*visit)(struct bus *bus, struct pending *pending));
/* Ends the calls whose deadline has come, and hands to doubt those that should have been answered by now. */
void pending_expire(struct bus *bus, void (*expire)(struct bus *bus, struct pending *pending),
                    void (*doubt)(struct bus *bus, struct pending *pending));
void pending_free(struct pending_table *table);

/* ---- calling ---- */

struct endpoint {
    char *address;
    struct target *target;
    struct wire wire;    /* a DEALER of its own: a shared one would deal calls out to the dead too */
    struct wire monitor; /* tells when its connection comes and goes */
    size_t attempt;      /* which of the peer's keys it is thought to have */
    bool is_connected;
    bool is_lost;             /* its connection went: pending calls are to be settled once its wire is drained */
    bool is_gone;             /* it is no longer among its target's: it closes when its calls have ended */
    bool is_greeting;         /* it does not know of this connection yet */
    bool is_refused;          /* there is no agreement with it; that was told */
    int64_t retired_until_ms; /* it has said that it is about to stop, and is asked before only where there is no other;
                                 0 = it has not */
    int64_t refused_wait_ms;
    int64_t renew_ms; /* when to begin the connection anew; INT64_MAX = never */
    struct buffer batch;
    uint64_t batch_number; /* of the batch that is being filled */
    size_t batch_calls;    /* on it */
    size_t pending;
    unsigned failures; /* in a row */
    unsigned ejections;
    int64_t ejected_until_ms;
};

struct target {
    char *peer; /* the name its endpoints must prove */
    struct endpoint *endpoints[BUS_MAX_ENDPOINTS];
    size_t count;
    size_t turn;   /* who is asked first among equally busy ones */
    size_t budget; /* of repeated calls, in parts (bus_balance.c) */
};

/* What came over the wires that are not drained. */
void client_receive(struct bus *bus);
void client_flush(struct bus *bus);
bool client_has_more(const struct bus *bus);
void client_close(struct bus *bus);
/* Whether a call may be put on the endpoint's batch; sends a full one. Outside of the turn too. */
bool client_has_room(struct bus *bus, struct endpoint *endpoint);

/* Makes a call at another endpoint that was not begun where it is; false where there is none. */
bool retry_move(struct bus *bus, struct pending *pending);
/* The same for one that may have been: false too where it is not repeatable, was repeated, or the budget is spent. */
bool retry_repeat(struct bus *bus, struct pending *pending);
/* Settles the calls of an endpoint whose connection is lost: nobody will answer them there. */
void retry_lost(struct bus *bus, struct endpoint *endpoint);
/* The same for those on its batch, which it did not take. */
void retry_unsent(struct bus *bus, struct endpoint *endpoint);
/* Looks after deadlines, and after calls that should have been answered. */
void retry_expire(struct bus *bus);

/* Whether the batch that the call is on has been sent. */
static inline bool pending_has_left(const struct pending *pending)
{
    return pending->batch != pending->endpoint->batch_number;
}

/* The handlers of discovery; context is the bus. */
enum error endpoint_come(void *context, unsigned target, const char *address);
void endpoint_go(void *context, unsigned target, const char *address);
/* Takes note of what its monitor tells, and begins anew what is due to be. */
void endpoint_look_after(struct bus *bus, struct endpoint *endpoint);
void endpoint_read_news(struct bus *bus, struct endpoint *endpoint);
/* When to look after connections; INT64_MAX = never. */
int64_t endpoint_renew_ms(const struct bus *bus);
/* Closes those that are gone and have no calls left. */
void endpoint_sweep(struct bus *bus);
/* Its calls must have ended. */
void endpoint_close(struct bus *bus, struct endpoint *endpoint);

/* Connected, and not about to stop. */
bool balance_takes_calls(const struct endpoint *endpoint, int64_t now_ms);
/* The endpoint to ask; NULL if none is connected. Never `except`, which may be NULL. */
struct endpoint *balance_choose(struct bus *bus, struct target *target, const struct endpoint *except);
/* What is known of an endpoint's health: it answered, or it should have and did not. */
void balance_succeed(struct endpoint *endpoint);
void balance_fail(struct bus *bus, struct endpoint *endpoint);
/* Each call earns a part of a repetition; false = there is none left to spend. */
void balance_earn(struct target *target);
bool balance_spend(struct target *target);

/* ---- answering ---- */

void server_receive(struct bus *bus);
void server_flush(struct bus *bus);
bool server_has_more(const struct bus *bus);
void server_close(struct bus *bus);

/* ---- the bus ---- */

struct bus {
    struct wire_keys *keys; /* NULL = none */
    int epoll;              /* one descriptor for all wires and discovery */
    size_t wire_count;
    struct discovery *discovery;
    bool has_discovered; /* discovery has news */
    struct target targets[BUS_MAX_TARGETS];
    struct endpoint *endpoints[BUS_MAX_ENDPOINTS]; /* of all targets, and those that are gone */
    size_t endpoint_count;
    struct pending_table pending;
    size_t limit;          /* of pending calls to one target */
    struct server *server; /* NULL = answers nobody */
    struct bus_stats stats;
    int64_t now_ms;
    bool is_now_known; /* now_ms is of this turn */
    bool is_turning, is_closing;
    int64_t complained_ms;
};

/* The clock, read once a turn. */
int64_t bus_now(struct bus *bus);
/* Adds to what bus_turn and the loop look at; and takes away, which a wire must be before it is closed. */
void bus_watch(struct bus *bus, struct wire *wire);
void bus_unwatch(struct bus *bus, struct wire *wire);
/* Counts what is none of the envelope's, and logs it at most once a second. from: words for the log. */
void bus_garbage(struct bus *bus, const char *from);
/* Whether to log what the other side can cause as often as it likes: once a second. */
bool bus_may_complain(struct bus *bus);

#endif
