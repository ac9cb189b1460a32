/* What the files of the bus share. Private to common/bus*.c.
 *   bus.c          the turn: who is looked at when
 *   bus_client.c   calls: targets, their endpoints and batches
 *   bus_pending.c  calls that wait for their reply
 *   bus_server.c   answers: peers and their batches */
#ifndef COMMON_BUS_INTERNAL_H
#define COMMON_BUS_INTERNAL_H

#include <poll.h>

#include "common/buffer.h"
#include "common/bus.h"
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
    struct endpoint *endpoint;
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
    uint64_t last_number;
    int64_t look_ms; /* no deadline is to be looked after before */
    int64_t looked_ms;
};

/* Takes a slot; NULL if there is none left. */
struct pending *pending_add(struct bus *bus, struct endpoint *endpoint, int64_t deadline_ms);
/* NULL for a call that is not pending. */
struct pending *pending_find(const struct pending_table *table, bus_call_id id);
/* Frees the slot; pending_end then runs its on_reply, which may add and remove others. */
void pending_remove(struct bus *bus, struct pending *pending);
void pending_end(struct bus *bus, struct pending *pending, const struct bus_reply *reply);
/* Ends the calls of the endpoint that are there now and have this id or a later one. Returns how many. */
size_t pending_fail(struct bus *bus, const struct endpoint *endpoint, bus_call_id first, enum error error);
void pending_expire(struct bus *bus);
void pending_free(struct pending_table *table);

/* ---- calling ---- */

struct endpoint {
    char *address;
    struct wire wire;    /* a DEALER of its own: a shared one would deal calls out to the dead too */
    struct wire monitor; /* tells when its connection comes and goes */
    bool is_connected;
    bool is_lost;             /* its connection went: pending calls are to be failed once its wire is drained */
    int64_t retired_until_ms; /* until when it counts as about to stop, as it has said; 0 = it has not */
    int64_t renew_ms;         /* when to begin a lost connection anew; INT64_MAX = never */
    struct buffer batch;
    bus_call_id batch_first; /* the first call on the batch */
    size_t pending;
};

/* Endpoints first … first + count - 1 of the bus. */
struct target {
    size_t first, count;
    size_t turn; /* who is asked first among equally busy ones */
};

/* What came over the wires that are not drained. */
void client_receive(struct bus *bus);
void client_flush(struct bus *bus);
bool client_has_more(const struct bus *bus);
/* When to look after connections; INT64_MAX = never. */
int64_t client_renew_ms(const struct bus *bus);
void client_close(struct bus *bus);

/* ---- answering ---- */

void server_receive(struct bus *bus);
void server_flush(struct bus *bus);
bool server_has_more(const struct bus *bus);
void server_close(struct bus *bus);

/* ---- the bus ---- */

struct bus {
    struct wire *wires[BUS_MAX_DESCRIPTORS];
    struct pollfd polled[BUS_MAX_DESCRIPTORS];
    size_t wire_count;
    struct target targets[BUS_MAX_TARGETS];
    struct endpoint *endpoints[BUS_MAX_ENDPOINTS];
    size_t endpoint_count;
    struct pending_table pending;
    struct server *server; /* NULL = answers nobody */
    struct bus_stats stats;
    int64_t now_ms;
    bool is_now_known; /* now_ms is of this turn */
    bool is_turning, is_closing;
    int64_t complained_ms;
};

/* The clock, read once a turn. */
int64_t bus_now(struct bus *bus);
/* Adds to what bus_turn and the loop look at. */
void bus_watch(struct bus *bus, struct wire *wire);
/* Counts what is none of the envelope's, and logs it at most once a second. from: words for the log. */
void bus_garbage(struct bus *bus, const char *from);
/* Whether to log what the other side can cause as often as it likes: once a second. */
bool bus_may_complain(struct bus *bus);

#endif
