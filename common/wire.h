/* A wire: one ZeroMQ socket as the bus and the feed use it. Made with every option that matters set (linger, limits,
 * heartbeats, reconnecting), and read one whole message at a time.
 *
 * The descriptor (ZMQ_FD) is edge-triggered: it tells of what comes after the last receive that found nothing, and a
 * send can swallow that news. So a wire remembers whether it is drained. While it is, the descriptor can be relied on;
 * while it is not, only receiving tells. */
#ifndef COMMON_WIRE_H
#define COMMON_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <zmq.h>

#include "common/buffer.h"
#include "common/error.h"
#include "common/wire_keys.h"

enum {
    WIRE_MAX_MESSAGE = 17 << 20, /* bytes of a frame: the largest body, behind a batch that was nearly full */
    WIRE_RECONNECT_MS = 50,      /* … and with each failure twice as long, until */
    WIRE_RECONNECT_MAX_MS = 500,
    /* A connection that is not there by then is begun anew, with a socket of its own: libzmq reconnects by itself, but
     * not where the other side broke the protocol, be it by a frame above the limit, or has another key than expected.
     */
    WIRE_RENEW_MS = 3000,
};

struct wire {
    void *socket; /* zsock_t; NULL = closed */
    void *handle; /* the same, as libzmq's functions take it */
    int fd;
    bool is_drained;
    bool has_names;   /* it answers with keys: its frames tell who sent them */
    bool is_skipping; /* within a message of more frames than it may have */
};

/* type: ZMQ_DEALER and its like. */
void wire_open(struct wire *wire, int type);
/* What was sent goes on its way for at most a second. Does nothing where it is closed. */
void wire_close(struct wire *wire);

/* Whom a connecting wire means to reach. */
struct wire_trust {
    const struct wire_keys *keys; /* NULL = none: then only ipc:// */
    const char *peer;             /* its name in them */
    size_t attempt;               /* which of the peer's keys it is thought to have: another one with each attempt */
};

/* ipc:// and tcp:// only, the latter only with keys. ERROR_MALFORMED for an address that ZeroMQ refuses, that lacks
 * keys or, where binding, that is in use; logged. keys may be NULL, and must outlive the wire. */
enum error wire_connect(struct wire *wire, const char *address, const struct wire_trust *trust) MUST_USE;
enum error wire_bind(struct wire *wire, const char *address, struct wire_keys *keys) MUST_USE;
/* Whether wire_connect has the keys it needs for these endpoints, as settings list them: ERROR_MALFORMED, logged, else.
 */
enum error wire_check_trust(const char *endpoints, const struct wire_trust *trust) MUST_USE;

/* Receives one message of exactly count frames into frames; wire_release them after use. */
enum wire_received {
    WIRE_EMPTY,   /* there is none */
    WIRE_MESSAGE, /* there is */
    WIRE_GARBAGE, /* there was one with another number of frames: dropped */
    WIRE_SKIPPED, /* one more frame of such a message: dropped */
};
enum wire_received wire_receive(struct wire *wire, zmq_msg_t *frames, size_t count);
void wire_release(zmq_msg_t *frames, size_t count);

/* Who sent a frame, by the key of the connection it came over; empty on ipc://. Borrowed from the frame. */
struct str wire_sender(const struct wire *wire, zmq_msg_t *frame);

/* Sends the buffer's bytes as one frame, to `peer` where the wire is a ROUTER (empty else), and empties the buffer,
 * sent or not. Never waits. */
enum wire_sent {
    WIRE_SENT,
    WIRE_FULL,    /* the other side does not keep up, or is not there */
    WIRE_NO_PEER, /* a ROUTER's peer has gone */
};
enum wire_sent wire_send(struct wire *wire, struct str peer, struct buffer *buffer);

/* Whether a send to somebody would be taken now. */
bool wire_can_send(struct wire *wire);

/* ---- the state of a connecting wire's connection ---- */

/* Opens *monitor, where the connection of `wire` tells what becomes of it; before wire_connect. */
void wire_monitor(struct wire *wire, struct wire *monitor);
enum wire_news {
    WIRE_NO_NEWS,
    WIRE_CONNECTED,
    WIRE_DISCONNECTED,
    WIRE_REFUSED, /* there was no agreement: one of the two does not know the other's key, or speaks something else */
};
/* What came next: one piece of news at a time. */
enum wire_news wire_next_news(struct wire *monitor);
void wire_unmonitor(struct wire *wire, struct wire *monitor);

#endif
