/* The calling side of the bus: targets, the batches of calls that go to their endpoints, and the replies that come. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/allocate.h"
#include "common/bus_internal.h"
#include "common/clock.h"
#include "common/envelope.h"
#include "common/log.h"

enum {
    DOUBT_PART = 3, /* of the time a call has: then its endpoint should have answered */
    RETIRED_MS = 15000,
    BUDGET_START = 500, /* parts: 100 repetitions before a call was made */
};

/* ---- targets ---- */

static void free_target(struct bus *bus, struct target *target)
{
    while (target->count > 0)
        endpoint_close(bus, target->endpoints[target->count - 1]);
    free(target->peer);
    target->peer = NULL;
}

enum error bus_connect(struct bus *bus, unsigned number, const char *peer, const char *endpoints)
{
    assert(number < BUS_MAX_TARGETS && bus->targets[number].peer == NULL);
    TRY(wire_check_trust(endpoints, &(struct wire_trust){bus->keys, peer, 0}));
    struct target *target = &bus->targets[number];
    target->peer = allocate_copy(peer);
    target->budget = BUDGET_START;
    enum error error = discovery_add(bus->discovery, number, endpoints);
    if (error != OK)
        free_target(bus, target);
    return error;
}

bool bus_is_connected(const struct bus *bus, unsigned number)
{
    assert(number < BUS_MAX_TARGETS);
    const struct target *target = &bus->targets[number];
    int64_t now_ms = clock_now_ms();
    for (size_t i = 0; i < target->count; i++)
        if (balance_takes_calls(target->endpoints[i], now_ms))
            return true;
    return false;
}

/* ---- sending ---- */

static enum wire_sent send_batch(struct bus *bus, struct endpoint *endpoint)
{
    enum wire_sent sent = wire_send(&endpoint->wire, STR(""), &endpoint->batch);
    if (sent == WIRE_SENT) {
        endpoint->batch_number++;
        endpoint->is_greeting = false;
        counter_add(&bus->stats.batches_sent, 1);
        histogram_size(&bus->stats.sent_sizes, endpoint->batch_calls);
    }
    endpoint->batch_calls = 0;
    return sent;
}

/* A batch of nothing: so that it knows whom to tell when it drains. */
static void greet(struct endpoint *endpoint)
{
    struct buffer hello = {0};
    envelope_write_hello(&hello);
    endpoint->is_greeting = wire_send(&endpoint->wire, STR(""), &hello) != WIRE_SENT;
    buffer_free(&hello);
}

/* A full batch leaves before the turn's end. on_reply must not run here, so what cannot be sent is settled later; nor
 * is anything sent while something is still to be settled, which would take it along. */
static void send_full(struct bus *bus, struct endpoint *endpoint)
{
    bool is_full = endpoint->batch.len >= BATCH_FULL || endpoint->batch_calls >= BUS_BATCH_CALLS;
    if (is_full && !endpoint->is_lost && wire_can_send(&endpoint->wire) && send_batch(bus, endpoint) != WIRE_SENT)
        endpoint->is_lost = true; /* its connection went this very moment */
}

bool client_has_room(struct bus *bus, struct endpoint *endpoint)
{
    send_full(bus, endpoint);
    return endpoint->batch.len < BATCH_FULL;
}

/* ---- replies ---- */

/* Its words may outlive it, where its end and its return are seen at once: so they hold for a time. */
static void retire(struct bus *bus, struct endpoint *endpoint)
{
    if (endpoint->retired_until_ms == 0)
        log_info("endpoint retires", LOG_Z("address", endpoint->address), LOG_I("pending", endpoint->pending));
    endpoint->retired_until_ms = bus_now(bus) + RETIRED_MS;
}

/* Who refuses calls stops. */
static void take_refusal(struct bus *bus, struct endpoint *endpoint, struct pending *pending)
{
    retire(bus, endpoint);
    if (!retry_move(bus, pending))
        pending_fail(bus, pending, ERROR_UNAVAILABLE);
}

static void take_reply(struct bus *bus, struct endpoint *endpoint, struct pending *pending,
                       const struct bus_reply *reply)
{
    bool is_unwell = reply->error == ERROR_UNAVAILABLE || reply->error == ERROR_TIMEOUT;
    counter_add(&bus->stats.replies, 1);
    if (is_unwell)
        balance_fail(bus, endpoint);
    else
        balance_succeed(endpoint);
    if (reply->error != ERROR_UNAVAILABLE || !retry_repeat(bus, pending))
        pending_end(bus, pending, reply);
}

static void take_batch(struct bus *bus, struct endpoint *endpoint, struct str batch)
{
    struct pack_reader reader;
    if (!envelope_open(batch, &reader)) {
        bus_garbage(bus, endpoint->address);
        return;
    }
    counter_add(&bus->stats.batches_received, 1);
    size_t replies = 0;
    for (; !pack_at_end(&reader); replies++) {
        uint64_t id;
        struct bus_reply reply;
        if (!envelope_read_reply(&reader, &id, &reply)) {
            bus_garbage(bus, endpoint->address);
            return;
        }
        if (id == ENVELOPE_FAREWELL) {
            retire(bus, endpoint);
            continue;
        }
        struct pending *pending = pending_find(&bus->pending, id);
        if (pending == NULL || pending->endpoint != endpoint)
            counter_add(&bus->stats.late_replies, 1);
        else if (reply.is_refused)
            take_refusal(bus, endpoint, pending);
        else
            take_reply(bus, endpoint, pending, &reply);
    }
    histogram_size(&bus->stats.received_sizes, replies);
}

static void receive(struct bus *bus, struct endpoint *endpoint)
{
    for (size_t i = 0; i < RECEIVE_MAX && !endpoint->wire.is_drained; i++) {
        zmq_msg_t frame;
        enum wire_received received = wire_receive(&endpoint->wire, &frame, 1);
        if (received == WIRE_GARBAGE)
            bus_garbage(bus, endpoint->address);
        if (received != WIRE_MESSAGE)
            continue;
        take_batch(bus, endpoint, (struct str){zmq_msg_data(&frame), zmq_msg_size(&frame)});
        wire_release(&frame, 1);
    }
}

void client_receive(struct bus *bus)
{
    for (size_t i = 0; i < bus->endpoint_count; i++) {
        struct endpoint *endpoint = bus->endpoints[i];
        endpoint_look_after(bus, endpoint);
        receive(bus, endpoint);
        if (endpoint->is_lost && endpoint->wire.is_drained)
            retry_lost(bus, endpoint);
    }
}

/* ---- calls ---- */

static enum error check_request(const struct bus_request *request)
{
    assert(request->method.len > 0);
    if (request->method.len > BUS_MAX_METHOD || request->caller.role.len > BUS_MAX_ROLE || request->caller.id < 0 ||
        request->request_id.len > BUS_MAX_REQUEST_ID || request->traceparent.len > BUS_MAX_TRACEPARENT ||
        request->client.address.len > BUS_MAX_ADDRESS || request->client.agent.len > BUS_MAX_AGENT)
        return ERROR_MALFORMED;
    return request->arguments.len > BUS_MAX_BODY ? ERROR_BODY_TOO_LARGE : OK;
}

static int64_t bounded_timeout(int64_t timeout_ms)
{
    if (timeout_ms < 0)
        return 0;
    return timeout_ms < BUS_MAX_TIMEOUT_MS ? timeout_ms : BUS_MAX_TIMEOUT_MS;
}

/* Where there is an elsewhere: what is needed to make the call there. */
static void prepare_moves(struct bus *bus, struct pending *pending, const struct bus_request *request, struct str call)
{
    if (pending->endpoint->target->count < 2)
        return;
    pending->is_repeatable = request->is_repeatable;
    pending_keep(bus, pending, call);
    if (request->is_repeatable)
        pending_doubt(bus, pending, bus_now(bus) + bounded_timeout(request->timeout_ms) / DOUBT_PART);
}

void bus_set_limit(struct bus *bus, size_t limit)
{
    bus->limit = limit;
}

static size_t count_pending(const struct target *target)
{
    size_t count = 0;
    for (size_t i = 0; i < target->count; i++)
        count += target->endpoints[i]->pending;
    return count;
}

enum error bus_call(struct bus *bus, unsigned number, const struct bus_request *request,
                    void (*on_reply)(void *context, const struct bus_reply *reply), void *context, bus_call_id *id)
{
    assert(number < BUS_MAX_TARGETS);
    enum error error = check_request(request);
    if (error != OK)
        return error;
    struct target *target = &bus->targets[number];
    struct endpoint *endpoint = bus->is_closing ? NULL : balance_choose(bus, target, NULL);
    if (endpoint == NULL)
        return ERROR_UNAVAILABLE;
    int64_t timeout_ms = bounded_timeout(request->timeout_ms);
    bool has_place = count_pending(target) < bus->limit && client_has_room(bus, endpoint);
    struct pending *pending = has_place ? pending_add(bus, endpoint, bus_now(bus) + timeout_ms) : NULL;
    if (pending == NULL) {
        counter_add(&bus->stats.overloaded, 1);
        return ERROR_OVERLOADED;
    }
    pending->on_reply = on_reply;
    pending->context = context;
    pending->begin = endpoint->batch.len;
    endpoint->batch_calls++;
    envelope_write_call(&endpoint->batch, pending->id, timeout_ms, request);
    pending->end = endpoint->batch.len;
    prepare_moves(bus, pending, request, envelope_last(&endpoint->batch, pending->begin));
    balance_earn(endpoint->target);
    counter_add(&bus->stats.calls, 1);
    if (id != NULL)
        *id = pending->id;
    send_full(bus, endpoint);
    return OK;
}

/* The last call on a batch that has not left is not made at all: who takes requests back as fast as they are made (by
 * HTTP/2's resets) costs the services nothing. */
static void take_back(struct pending *pending)
{
    struct endpoint *endpoint = pending->endpoint;
    if (pending_has_left(pending) || endpoint->batch.len != pending->end)
        return;
    endpoint->batch.len = pending->begin;
    endpoint->batch_calls--;
}

void bus_cancel(struct bus *bus, bus_call_id id)
{
    struct pending *pending = pending_find(&bus->pending, id);
    if (pending == NULL)
        return;
    take_back(pending);
    pending_remove(bus, pending);
}

/* ---- the turn's end ---- */

static void flush(struct bus *bus, struct endpoint *endpoint)
{
    if (send_batch(bus, endpoint) == WIRE_SENT)
        return;
    /* Told before libzmq lets go of the connection: so it is known here which of the two it is. */
    endpoint_read_news(bus, endpoint);
    if (endpoint->is_connected && bus_may_complain(bus))
        log_warn("endpoint does not keep up", LOG_Z("address", endpoint->address));
    retry_unsent(bus, endpoint);
}

void client_flush(struct bus *bus)
{
    for (size_t i = 0; i < bus->endpoint_count; i++) {
        struct endpoint *endpoint = bus->endpoints[i];
        if (endpoint->batch.len > 0)
            flush(bus, endpoint);
        else if (endpoint->is_greeting && endpoint->is_connected)
            greet(endpoint);
    }
}

bool client_has_more(const struct bus *bus)
{
    for (size_t i = 0; i < bus->endpoint_count; i++) {
        const struct endpoint *endpoint = bus->endpoints[i];
        if (!endpoint->wire.is_drained || endpoint->batch.len > 0 || endpoint->is_lost)
            return true;
    }
    return false;
}

static void fail(struct bus *bus, struct pending *pending)
{
    pending_fail(bus, pending, ERROR_UNAVAILABLE);
}

void client_close(struct bus *bus)
{
    client_flush(bus);
    for (size_t i = 0; i < bus->endpoint_count; i++)
        pending_each(bus, bus->endpoints[i], fail);
    while (bus->endpoint_count > 0)
        endpoint_close(bus, bus->endpoints[bus->endpoint_count - 1]);
    for (size_t i = 0; i < BUS_MAX_TARGETS; i++)
        free(bus->targets[i].peer);
}
