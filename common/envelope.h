/* The envelope: how calls, replies and events lie in their messages, byte by byte. proto/README.md describes it;
 * nothing else knows it.
 *
 *   batch  0x01, then calls or replies in a row; without any it only tells that a caller is there
 *   call   [id, method, deadline_ms_left, [caller_id, role, session_id] | nil,
 *           [request_id, traceparent | nil, address | nil, agent | nil], arguments | nil]
 *   reply  [id, code | nil, body | nil, next_after, [limit, remaining, reset_s] | nil, variant | nil, version,
 *           [service_us, database_us] | nil, is_for_all]
 *          The code "refused": the call was not begun, nor will be.
 *          The id 0, which no call has, with a code: whoever sent it is about to stop, and wants no more calls
 *   event  0x01, then [instance, number, name, body | nil]; a heartbeat has an empty name and the last number
 *   listener  0x02, then its id: what it subscribes to beside all events, and is known to be there by
 *   heard  0x02, then [listener, instance, number]: from a listener back to the publisher
 *
 * Arguments and body are MessagePack again, wrapped as one `bin` each: the bus passes them on unread, and what is wrong
 * inside one of them cannot spoil its neighbours in the batch. Arrays may end before session_id, address, agent and the
 * reply's last five elements, which are younger than the rest, and may go on after what is named here. */
#ifndef COMMON_ENVELOPE_H
#define COMMON_ENVELOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/bus.h"
#include "common/pack.h"

enum {
    ENVELOPE_VERSION = 1,
    ENVELOPE_LISTENER = 2,   /* what a listener says; 0 and 1 are ZeroMQ's own there */
    ENVELOPE_OVERHEAD = 768, /* at most, of a call or reply beyond its body */
    ENVELOPE_MAX_NAME = 64,  /* of an event */
    ENVELOPE_FAREWELL = 0,   /* the id of a reply that answers no call */
};

/* What stands for the body of an error that has no text of its own: nil. */
#define ENVELOPE_NO_TEXT STR("\xC0")

/* ---- writing ---- */

/* Appends a call or a reply; begins the batch where the buffer is empty. Ids are at most INT64_MAX; the texts of a call
 * must be within their bounds (bus.h). */
void envelope_write_call(struct buffer *batch, uint64_t id, int64_t left_ms, const struct bus_request *request);
void envelope_write_reply(struct buffer *batch, uint64_t id, const struct bus_reply *reply);
/* The call that was appended last, to a batch that had begin bytes before. Borrowed from the batch. */
struct str envelope_last(const struct buffer *batch, size_t begin);
/* Appends a call again, as envelope_last gave it, with the time that is left now. */
void envelope_write_again(struct buffer *batch, struct str call, int64_t left_ms);
/* A batch of nothing, into an empty buffer. */
void envelope_write_hello(struct buffer *batch);

struct envelope_event {
    int64_t instance, number; /* of the publisher's life; of the event in it */
    struct str name;          /* at most ENVELOPE_MAX_NAME bytes */
    struct str body;
};
void envelope_write_event(struct buffer *message, const struct envelope_event *event);

struct envelope_heard {
    int64_t listener, instance, number;
};
void envelope_write_listener(struct buffer *topic, int64_t listener);
void envelope_write_heard(struct buffer *message, const struct envelope_heard *heard);

/* ---- reading: false for anything that the writer would not write; what was read borrows from the batch ---- */

/* Opens a batch for reading its calls or replies until pack_at_end. */
bool envelope_open(struct str batch, struct pack_reader *reader);

/* Fills all of *incoming but the peer and the deadline. */
bool envelope_read_call(struct pack_reader *reader, struct bus_incoming *incoming, int64_t *left_ms);
bool envelope_read_reply(struct pack_reader *reader, uint64_t *id, struct bus_reply *reply);
/* A whole message. */
bool envelope_read_event(struct str message, struct envelope_event *event);
bool envelope_read_listener(struct str topic, int64_t *listener);
bool envelope_read_heard(struct str message, struct envelope_heard *heard);

#endif
