/* The answering side of the bus: calls that come from peers, and the batches of answers that go back to them. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/allocate.h"
#include "common/bus_internal.h"
#include "common/envelope.h"
#include "common/log.h"

enum {
    MAX_PEERS = 256,
    MAX_NAME = sizeof(((struct bus_origin *)0)->peer),
    DELAY_TOLERATED_MS = 500,
};

static const struct bus_reply REFUSAL = {.error = ERROR_UNAVAILABLE, .is_refused = true};

/* Who calls: a connection, by the name that libzmq gave it. Kept until a send finds it gone. */
struct peer {
    char name[MAX_NAME];
    size_t name_len; /* 0 = the slot is free */
    int64_t used_ms;
    bool is_listed; /* in server->answered */
    size_t batch_answers;
    struct buffer batch;
};

struct server {
    struct wire wire; /* a ROUTER */
    void (*on_call)(void *context, const struct bus_incoming *incoming);
    void *context;
    struct peer peers[MAX_PEERS];
    size_t peer_count;                /* slots that were ever used */
    struct peer *answered[MAX_PEERS]; /* those with something on their batch */
    size_t answered_count;
    bool is_retiring;
    int64_t drained_ms; /* when nothing waited to be received */
    int64_t waited_ms;  /* at most, what is received now */
};

enum error bus_bind(struct bus *bus, const char *endpoint,
                    void (*on_call)(void *context, const struct bus_incoming *incoming), void *context)
{
    assert(bus->server == NULL);
    struct server *server = allocate(sizeof *server);
    server->on_call = on_call;
    server->context = context;
    wire_open(&server->wire, ZMQ_ROUTER);
    enum error error = wire_bind(&server->wire, endpoint, bus->keys);
    if (error != OK) {
        wire_close(&server->wire);
        free(server);
        return error;
    }
    server->drained_ms = bus_now(bus);
    bus->server = server;
    bus_watch(bus, &server->wire);
    return OK;
}

/* ---- peers ---- */

static struct str name_of(const struct peer *peer)
{
    return (struct str){peer->name, peer->name_len};
}

static void send_batch(struct bus *bus, struct peer *peer)
{
    switch (wire_send(&bus->server->wire, name_of(peer), &peer->batch)) {
    case WIRE_SENT:
        counter_add(&bus->stats.batches_sent, 1);
        histogram_size(&bus->stats.sent_sizes, peer->batch_answers);
        break;
    case WIRE_NO_PEER:
        counter_add(&bus->stats.peer_gone, 1);
        peer->name_len = 0;
        buffer_free(&peer->batch);
        break;
    case WIRE_FULL:
        counter_add(&bus->stats.overloaded, 1);
        if (bus_may_complain(bus))
            log_warn("a caller does not take its answers", LOG_I("so_far", bus->stats.overloaded));
        break;
    }
    peer->batch_answers = 0;
}

/* A free slot, or the one unused for longest: its peer gets what it is owed, and a slot again when it needs one. */
static struct peer *take_slot(struct bus *bus)
{
    struct server *server = bus->server;
    if (server->peer_count < MAX_PEERS)
        return &server->peers[server->peer_count++];
    struct peer *oldest = &server->peers[0];
    for (struct peer *peer = server->peers; peer < server->peers + MAX_PEERS; peer++)
        if (peer->used_ms < oldest->used_ms)
            oldest = peer;
    if (oldest->batch.len > 0)
        send_batch(bus, oldest);
    return oldest;
}

static struct peer *peer_of(struct bus *bus, struct str name)
{
    struct server *server = bus->server;
    struct peer *free_slot = NULL, *end = server->peers + server->peer_count;
    for (struct peer *peer = server->peers; peer < end; peer++) {
        if (str_equal(name_of(peer), name)) {
            peer->used_ms = bus_now(bus);
            return peer;
        }
        if (peer->name_len == 0)
            free_slot = peer;
    }
    struct peer *peer = free_slot != NULL ? free_slot : take_slot(bus);
    memcpy(peer->name, name.ptr, name.len);
    peer->name_len = name.len;
    peer->used_ms = bus_now(bus);
    return peer;
}

static struct peer *peer_of_origin(struct bus *bus, const struct bus_origin *origin)
{
    struct str name = {(const char *)origin->peer, origin->peer_len};
    struct peer *hinted = &bus->server->peers[origin->slot];
    return str_equal(name_of(hinted), name) ? hinted : peer_of(bus, name);
}

static struct bus_origin origin_of(const struct server *server, const struct peer *peer)
{
    struct bus_origin origin = {.peer_len = (unsigned char)peer->name_len,
                                .slot = (unsigned char)(peer - server->peers)};
    memcpy(origin.peer, peer->name, peer->name_len);
    return origin;
}

/* The peer has something on its batch, which leaves at the turn's end. */
static void list(struct server *server, struct peer *peer)
{
    if (peer->is_listed)
        return;
    assert(server->answered_count < MAX_PEERS);
    peer->is_listed = true;
    server->answered[server->answered_count++] = peer;
}

/* ---- retiring ---- */

static void say_farewell(struct bus *bus, struct peer *peer)
{
    envelope_write_reply(&peer->batch, ENVELOPE_FAREWELL, &(struct bus_reply){.error = ERROR_UNAVAILABLE});
    list(bus->server, peer);
}

void bus_retire(struct bus *bus)
{
    struct server *server = bus->server;
    assert(server != NULL);
    server->is_retiring = true;
    for (size_t i = 0; i < server->peer_count; i++)
        if (server->peers[i].name_len > 0)
            say_farewell(bus, &server->peers[i]);
}

/* ---- calls ---- */

static void take_call(struct bus *bus, struct bus_incoming *incoming, int64_t left_ms)
{
    if (left_ms <= bus->server->waited_ms) {
        counter_add(&bus->stats.expired, 1);
        if (left_ms > 0)
            bus_answer(bus, &incoming->origin, &(struct bus_reply){.error = ERROR_OVERLOADED});
        return;
    }
    left_ms -= bus->server->waited_ms;
    incoming->deadline_ms = bus_now(bus) + left_ms;
    counter_add(&bus->stats.incoming, 1);
    bus->server->on_call(bus->server->context, incoming);
}

/* A batch without calls only tells that a caller is there. */
static void take_batch(struct bus *bus, struct str name, struct str sender, struct str batch)
{
    struct pack_reader reader;
    if (name.len == 0 || name.len > MAX_NAME || !envelope_open(batch, &reader)) {
        bus_garbage(bus, "a caller");
        return;
    }
    struct peer *peer = peer_of(bus, name);
    if (bus->server->is_retiring)
        say_farewell(bus, peer);
    counter_add(&bus->stats.batches_received, !pack_at_end(&reader));
    struct bus_incoming incoming = {.origin = origin_of(bus->server, peer), .peer = sender};
    size_t calls = 0;
    for (; !pack_at_end(&reader); calls++) {
        int64_t left_ms;
        if (!envelope_read_call(&reader, &incoming, &left_ms)) {
            bus_garbage(bus, "a caller");
            return;
        }
        take_call(bus, &incoming, left_ms);
    }
    if (calls > 0)
        histogram_size(&bus->stats.received_sizes, calls);
}

static struct str bytes_of(zmq_msg_t *frame)
{
    return (struct str){zmq_msg_data(frame), zmq_msg_size(frame)};
}

/* A process that was stopped, or is behind, finds calls that have waited for it: how long they do not tell, but no
 * longer than since it last had received all there was. Short of what turns of a loop and rests between them take, that
 * is taken off their deadlines: work that nobody waits for any more is not begun. Whoever still waits is told so. */
static void note_delay(struct bus *bus)
{
    struct server *server = bus->server;
    int64_t since_ms = bus_now(bus) - server->drained_ms;
    server->waited_ms = since_ms > DELAY_TOLERATED_MS ? since_ms : 0;
}

void server_receive(struct bus *bus)
{
    struct server *server = bus->server;
    if (server != NULL)
        note_delay(bus);
    for (size_t i = 0; server != NULL && i < RECEIVE_MAX && !server->wire.is_drained; i++) {
        zmq_msg_t frames[2]; /* who, and what */
        enum wire_received received = wire_receive(&server->wire, frames, 2);
        if (received == WIRE_GARBAGE)
            bus_garbage(bus, "a caller");
        if (received != WIRE_MESSAGE)
            continue;
        take_batch(bus, bytes_of(&frames[0]), wire_sender(&server->wire, &frames[1]), bytes_of(&frames[1]));
        wire_release(frames, 2);
    }
    if (server != NULL && server->wire.is_drained)
        server->drained_ms = bus_now(bus);
}

/* ---- answers ---- */

static void write_answer(struct peer *peer, uint64_t id, const struct bus_reply *reply)
{
    const struct bus_reply too_large = {.error = ERROR_INTERNAL};
    if (reply->body.len > BUS_MAX_BODY) {
        log_error("answer too large", LOG_I("bytes", reply->body.len));
        reply = &too_large;
    }
    envelope_write_reply(&peer->batch, id, reply);
}

void bus_answer(struct bus *bus, const struct bus_origin *origin, const struct bus_reply *reply)
{
    assert(bus->server != NULL && origin->peer_len > 0 && origin->peer_len <= MAX_NAME);
    struct peer *peer = peer_of_origin(bus, origin);
    if (peer->batch.len >= BATCH_FULL)
        send_batch(bus, peer);
    if (peer->name_len == 0) /* that send found it gone */
        return;
    write_answer(peer, origin->id, reply);
    peer->batch_answers++;
    counter_add(&bus->stats.answers, 1);
    list(bus->server, peer);
}

void bus_refuse(struct bus *bus, const struct bus_origin *origin)
{
    bus_answer(bus, origin, &REFUSAL);
}

void bus_forbid(struct bus *bus, const struct bus_incoming *incoming)
{
    counter_add(&bus->stats.forbidden, 1);
    if (bus_may_complain(bus))
        log_warn("a process calls what it may not", LOG_S("from", incoming->peer), LOG_S("method", incoming->method),
                 LOG_S("request_id", incoming->request_id), LOG_I("so_far", bus->stats.forbidden));
    bus_answer(bus, &incoming->origin, &(struct bus_reply){.error = ERROR_FORBIDDEN});
}

void server_flush(struct bus *bus)
{
    struct server *server = bus->server;
    for (size_t i = 0; server != NULL && i < server->answered_count; i++) {
        server->answered[i]->is_listed = false;
        if (server->answered[i]->batch.len > 0)
            send_batch(bus, server->answered[i]);
    }
    if (server != NULL)
        server->answered_count = 0;
}

bool server_has_more(const struct bus *bus)
{
    return bus->server != NULL && (!bus->server->wire.is_drained || bus->server->answered_count > 0);
}

void server_close(struct bus *bus)
{
    struct server *server = bus->server;
    if (server == NULL)
        return;
    server_flush(bus);
    for (size_t i = 0; i < server->peer_count; i++)
        buffer_free(&server->peers[i].batch);
    wire_close(&server->wire);
    free(server);
    bus->server = NULL;
}
