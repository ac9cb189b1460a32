/* The bus: calls between processes, as MessagePack over ZeroMQ. Loop-agnostic: it has descriptors to watch and
 * bus_turn() to call. All calls of a turn to one endpoint, and all replies to one peer, leave as one message (a batch);
 * proto/README.md describes the bytes. One thread's own. Nothing here trusts what arrives: garbage is counted, logged
 * and dropped. */
#ifndef COMMON_BUS_H
#define COMMON_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/metrics.h"
#include "common/str.h"

enum {
    BUS_MAX_TARGETS = 8,
    BUS_MAX_ENDPOINTS = 64, /* of all targets together */
    BUS_MAX_PENDING = 16384,
    BUS_MAX_BODY = 16 << 20, /* bytes of arguments, or of a reply's body */
    BUS_MAX_TIMEOUT_MS = 600000,
    /* Calls: a batch that has them leaves before the turn's end, so that the service works on them while the caller
     * makes others. With 256 clients that gains 5 %; 24 to 96 were measured, and are much the same. */
    BUS_BATCH_CALLS = 64,
    /* Bytes of the texts of a call */
    BUS_MAX_METHOD = 64,
    BUS_MAX_VARIANT = 64,
    BUS_MAX_ROLE = 32,
    BUS_MAX_REQUEST_ID = 64,
    BUS_MAX_TRACEPARENT = 64,
    BUS_MAX_ADDRESS = 45, /* of an IPv6 address with an IPv4 one at its end */
    BUS_MAX_AGENT = 255,
};

struct bus;
struct wire_keys;

/* Returns owned. keys (common/wire_keys.h) are what tcp:// needs; NULL = none, and then there is only ipc://. They must
 * outlive the bus. */
struct bus *bus_new(struct wire_keys *keys);
/* Sends what is batched (waits at most a second for it), fails what is pending with ERROR_UNAVAILABLE, and closes. */
void bus_destroy(struct bus **bus);

/* ---- the loop's side ---- */

/* The descriptor to watch for reading, level-triggered: one for all that the bus is connected to, whatever comes and
 * goes. Call bus_turn whenever it is readable. */
int bus_descriptor(const struct bus *bus);

/* Receives all there is, runs callbacks, expires deadlines, sends the batches, and receives again (ZMQ_FD is
 * edge-triggered and a send can swallow the edge). To be called when the descriptor is readable, at the end of each
 * loop turn, and at least every bus_wait_ms. Returns true where more is waiting: call again before the loop waits. Not
 * from a callback of the bus. */
bool bus_turn(struct bus *bus);

/* How long the loop may wait before bus_turn has deadlines to look after: milliseconds, -1 = for ever. */
int64_t bus_wait_ms(const struct bus *bus);

/* ---- calling ---- */

/* At most so many calls may be pending to one target; default BUS_MAX_PENDING. So one that is slow leaves the caller
 * room for the others. */
void bus_set_limit(struct bus *bus, size_t limit);

/* Connects target (a small number the caller chose, < BUS_MAX_TARGETS) to its endpoints, a comma-separated list of
 * ipc://PATH and tcp://HOST:PORT. A host that has several addresses is several endpoints; addresses that come are
 * connected to, those that go are given no more calls, and left when theirs have ended. peer is the name that the
 * endpoints prove to have on tcp://. ERROR_MALFORMED for what is no endpoint, and for tcp:// without keys; logged. */
enum error bus_connect(struct bus *bus, unsigned target, const char *peer, const char *endpoints) MUST_USE;

/* Whether some endpoint of the target is connected now, and has not said that it retires. */
bool bus_is_connected(const struct bus *bus, unsigned target);

/* Who asks, as the services trust it. id 0 = nobody; with a role, an operator, who is no user of ours. */
struct caller {
    int64_t id;
    struct str role;    /* "user", "admin" */
    int64_t session_id; /* of the token; 0 = it names none, being signed by others */
};

/* Where the request came from. Empty = unknown. */
struct client {
    struct str address; /* text of an IP address */
    struct str agent;   /* User-Agent, UTF-8; told to the auth service only */
};

/* How much more of the same a client may ask for. */
struct rate {
    int64_t limit; /* 0 = there is none */
    int64_t remaining;
    int64_t reset_s; /* until the limit is whole again */
};

struct bus_request {
    struct str method;
    struct caller caller;
    struct client client;
    struct str request_id;
    struct str traceparent; /* empty = none */
    struct str arguments;   /* MessagePack, see schema_decode */
    int64_t timeout_ms;     /* at most BUS_MAX_TIMEOUT_MS; what has no time left ends with ERROR_TIMEOUT */
    bool is_repeatable;     /* handling it twice does no more than once: the bus may ask a second endpoint */
};

/* Where the time of a call went. Zeroes: nobody told. */
struct timing {
    int64_t service_us;  /* from its arrival to its answer */
    int64_t database_us; /* of those, waiting for Postgres, also where other services were asked for it */
};

struct bus_reply {
    enum error error;
    struct str body; /* OK: one MessagePack value, or empty. Else a string, an array of strings, or nil (never empty) */
    int64_t next_after; /* of a page: the cursor of the next one; 0 = none */
    struct rate rate;
    struct str variant; /* the name of the message that body is, where it is not the method's out; "" */
    int64_t version;    /* of what body shows, where it has one; 0 = it has none */
    struct timing timing;
    bool is_for_all; /* whoever makes the same call may be answered with it */
    bool is_refused; /* the call was not begun: between buses only (bus_refuse) */
};

/* A call's name while it is pending: slot and generation. 0 is none. */
typedef uint64_t bus_call_id;

/* Puts a call on the batch of the target's least busy endpoint; everything is copied. on_reply runs exactly once, from
 * bus_turn, unless the call is cancelled: with the reply (borrowed for the callback), or with ERROR_TIMEOUT at the
 * deadline, or with ERROR_UNAVAILABLE when the endpoint goes away.
 *
 * Where there is another endpoint, a call that was not begun (it never left, or was refused: bus_refuse) is made again
 * there. One that may have been handled is only if it is repeatable: once, when its endpoint is lost, says that it is
 * unavailable, or has not answered in a third of the time; and for at most a fifth of all calls, saved up to a
 * thousand.
 *
 *   ERROR_UNAVAILABLE  no endpoint of the target is connected
 *   ERROR_OVERLOADED   too many calls are pending (bus_set_limit), or the endpoint does not keep up
 *   ERROR_MALFORMED    a text is longer than its bound above
 *   ERROR_BODY_TOO_LARGE  the arguments are
 * On failure on_reply does not run and *id stays. id may be NULL. From inside callbacks too. */
enum error bus_call(struct bus *bus, unsigned target, const struct bus_request *request,
                    void (*on_reply)(void *context, const struct bus_reply *reply), void *context,
                    bus_call_id *id) MUST_USE;

/* Forgets a call: its on_reply will not run. Does nothing for one that has ended. */
void bus_cancel(struct bus *bus, bus_call_id id);

/* ---- answering ---- */

/* Where a call came from: keep a copy to answer later. */
struct bus_origin {
    unsigned char peer[16];
    unsigned char peer_len;
    unsigned char slot; /* where the bus last had this peer: a hint */
    uint64_t id;
};

/* A call that arrived; everything is borrowed for the callback. */
struct bus_incoming {
    struct bus_origin origin;
    struct str peer; /* the name of the process that calls, proved by its key; "" on ipc://, where nothing proves it */
    struct str method;
    struct caller caller;
    struct client client;
    struct str request_id;
    struct str traceparent;
    struct str arguments;
    int64_t deadline_ms; /* loop_now_ms's clock */
};

/* Binds the one address this process answers on. on_call runs from bus_turn; a call past its deadline is dropped
 * before. ERROR_MALFORMED for an address that ZeroMQ refuses or that is in use, and for tcp:// without keys; logged
 * with the reason. */
enum error bus_bind(struct bus *bus, const char *endpoint,
                    void (*on_call)(void *context, const struct bus_incoming *incoming), void *context) MUST_USE;

/* Puts a reply on the batch of the caller's peer; copied. A peer that has gone is counted. A body above BUS_MAX_BODY is
 * logged, and answered with ERROR_INTERNAL. */
void bus_answer(struct bus *bus, const struct bus_origin *origin, const struct bus_reply *reply);

/* Answers that the call was not begun, nor will be: the caller makes it again elsewhere. */
void bus_refuse(struct bus *bus, const struct bus_origin *origin);

/* Answers a call that its peer may not make with ERROR_FORBIDDEN, counts it, and logs it at most once a second. */
void bus_forbid(struct bus *bus, const struct bus_incoming *incoming);

/* Tells all callers that this process is about to stop, so that they send their next calls elsewhere: those that are
 * connected, now; others once they are. Calls still arrive and are to be answered. */
void bus_retire(struct bus *bus);

/* What it has counted since bus_new (common/metrics.def). Lives as long as the bus; any thread may read it. */
const struct bus_stats *bus_stats(const struct bus *bus);

#endif
