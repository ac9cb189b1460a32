/* The calling side of the bus: targets, their endpoints, the batches of calls that go to them and the replies that
 * come. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/allocate.h"
#include "common/bus_internal.h"
#include "common/clock.h"
#include "common/envelope.h"
#include "common/log.h"

enum { RETIRED_MS = 15000 };

/* ---- endpoints ---- */

static void endpoint_free(struct endpoint *endpoint)
{
    wire_unmonitor(&endpoint->wire, &endpoint->monitor);
    wire_close(&endpoint->wire);
    buffer_free(&endpoint->batch);
    free(endpoint->address);
    free(endpoint);
}

static enum error add_endpoint(void *context, const char *address)
{
    struct bus *bus = context;
    if (bus->endpoint_count == BUS_MAX_ENDPOINTS) {
        log_error("too many endpoints", LOG_Z("address", address), LOG_I("most", BUS_MAX_ENDPOINTS));
        return ERROR_MALFORMED;
    }
    struct endpoint *endpoint = allocate(sizeof *endpoint);
    endpoint->address = allocate(strlen(address) + 1);
    memcpy(endpoint->address, address, strlen(address));
    endpoint->renew_ms = INT64_MAX;
    wire_open(&endpoint->wire, ZMQ_DEALER);
    wire_monitor(&endpoint->wire, &endpoint->monitor);
    enum error error = wire_connect(&endpoint->wire, address);
    if (error != OK)
        endpoint_free(endpoint);
    else
        bus->endpoints[bus->endpoint_count++] = endpoint;
    return error;
}

enum error bus_connect(struct bus *bus, unsigned number, const char *endpoints)
{
    assert(number < BUS_MAX_TARGETS && bus->targets[number].count == 0);
    struct target target = {.first = bus->endpoint_count};
    enum error error = wire_each_address(endpoints, add_endpoint, bus);
    if (error != OK) {
        while (bus->endpoint_count > target.first)
            endpoint_free(bus->endpoints[--bus->endpoint_count]);
        return error;
    }
    target.count = bus->endpoint_count - target.first;
    bus->targets[number] = target;
    for (size_t i = target.first; i < bus->endpoint_count; i++) {
        bus_watch(bus, &bus->endpoints[i]->monitor);
        bus_watch(bus, &bus->endpoints[i]->wire);
    }
    return OK;
}

static bool is_retiring(const struct endpoint *endpoint)
{
    return endpoint->retired_until_ms != 0 && endpoint->retired_until_ms > clock_now_ms();
}

bool bus_is_connected(const struct bus *bus, unsigned number)
{
    assert(number < BUS_MAX_TARGETS);
    const struct target *target = &bus->targets[number];
    for (size_t i = 0; i < target->count; i++)
        if (bus->endpoints[target->first + i]->is_connected && !is_retiring(bus->endpoints[target->first + i]))
            return true;
    return false;
}

/* ---- connections: what the monitor tells ---- */

static void on_connected(struct endpoint *endpoint)
{
    endpoint->is_connected = true;
    endpoint->retired_until_ms = 0;
    endpoint->renew_ms = INT64_MAX;
    endpoint->wire.is_drained =
        false; /* receiving makes the socket take up its new connection, before a send needs it */
    log_info("endpoint connected", LOG_Z("address", endpoint->address));
}

static void on_disconnected(struct bus *bus, struct endpoint *endpoint)
{
    if (!endpoint->is_connected)
        return;
    endpoint->is_connected = false;
    endpoint->is_lost = true;
    endpoint->wire.is_drained = false; /* the last replies may lie there */
    endpoint->renew_ms = bus_now(bus) + WIRE_RENEW_MS;
    bus->stats.lost_endpoints++;
    log_warn("endpoint lost", LOG_Z("address", endpoint->address), LOG_I("pending", endpoint->pending));
}

static void read_news(struct bus *bus, struct endpoint *endpoint)
{
    enum wire_news news;
    while ((news = wire_next_news(&endpoint->monitor)) != WIRE_NO_NEWS) {
        if (news == WIRE_CONNECTED)
            on_connected(endpoint);
        else
            on_disconnected(bus, endpoint);
    }
}

static void look_after_connection(struct bus *bus, struct endpoint *endpoint)
{
    if (!endpoint->monitor.is_drained)
        read_news(bus, endpoint);
    if (bus_now(bus) < endpoint->renew_ms)
        return;
    endpoint->renew_ms = INT64_MAX;
    wire_renew(&endpoint->wire, endpoint->address);
}

int64_t client_renew_ms(const struct bus *bus)
{
    int64_t renew_ms = INT64_MAX;
    for (size_t i = 0; i < bus->endpoint_count; i++)
        if (bus->endpoints[i]->renew_ms < renew_ms)
            renew_ms = bus->endpoints[i]->renew_ms;
    return renew_ms;
}

/* Nobody will answer what the lost connection carried, nor may a call wait on the batch for a connection to come. */
static void settle_lost(struct bus *bus, struct endpoint *endpoint)
{
    endpoint->is_lost = false;
    buffer_clear(&endpoint->batch);
    pending_fail(bus, endpoint, 0, ERROR_UNAVAILABLE);
}

/* ---- replies ---- */

/* Its words may outlive it, where its end and its return are seen at once: so they hold for a time. */
static void retire(struct bus *bus, struct endpoint *endpoint)
{
    if (endpoint->retired_until_ms == 0)
        log_info("endpoint retires", LOG_Z("address", endpoint->address), LOG_I("pending", endpoint->pending));
    endpoint->retired_until_ms = bus_now(bus) + RETIRED_MS;
}

static void take_batch(struct bus *bus, struct endpoint *endpoint, struct str batch)
{
    struct pack_reader reader;
    if (!envelope_open(batch, &reader)) {
        bus_garbage(bus, endpoint->address);
        return;
    }
    bus->stats.batches_received++;
    while (!pack_at_end(&reader)) {
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
        if (pending == NULL || pending->endpoint != endpoint) {
            bus->stats.late_replies++;
            continue;
        }
        bus->stats.replies++;
        pending_end(bus, pending, &reply);
    }
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
        look_after_connection(bus, endpoint);
        receive(bus, endpoint);
        if (endpoint->is_lost && endpoint->wire.is_drained)
            settle_lost(bus, endpoint);
    }
}

/* ---- calls ---- */

/* Whether the endpoint is to be asked rather than the other: one that retires comes last, for as long as it still takes
 * calls. */
static bool is_better(const struct endpoint *endpoint, const struct endpoint *other)
{
    if (is_retiring(endpoint) != is_retiring(other))
        return is_retiring(other);
    return endpoint->pending < other->pending;
}

/* The connected endpoint with the fewest calls pending; they take turns at being asked first. NULL if none is
 * connected. */
static struct endpoint *choose(struct bus *bus, struct target *target)
{
    struct endpoint *best = NULL;
    size_t best_index = 0;
    for (size_t i = 0; i < target->count; i++) {
        size_t index = (target->turn + i) % target->count;
        struct endpoint *endpoint = bus->endpoints[target->first + index];
        if (endpoint->is_connected && (best == NULL || is_better(endpoint, best))) {
            best = endpoint;
            best_index = index;
        }
    }
    if (best != NULL)
        target->turn = best_index + 1;
    return best;
}

static enum wire_sent send_batch(struct bus *bus, struct endpoint *endpoint)
{
    enum wire_sent sent = wire_send(&endpoint->wire, STR(""), &endpoint->batch);
    if (sent == WIRE_SENT)
        bus->stats.batches_sent++;
    return sent;
}

/* Makes room on a full batch, outside of the turn: on_reply must not run here, so what cannot be sent is settled later.
 */
static bool has_room(struct bus *bus, struct endpoint *endpoint)
{
    if (endpoint->batch.len < BATCH_FULL)
        return true;
    if (!wire_can_send(&endpoint->wire))
        return false;
    endpoint->is_lost = send_batch(bus, endpoint) != WIRE_SENT; /* its connection went this very moment */
    return !endpoint->is_lost;
}

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

enum error bus_call(struct bus *bus, unsigned number, const struct bus_request *request,
                    void (*on_reply)(void *context, const struct bus_reply *reply), void *context, bus_call_id *id)
{
    assert(number < BUS_MAX_TARGETS);
    enum error error = check_request(request);
    if (error != OK)
        return error;
    struct endpoint *endpoint = bus->is_closing ? NULL : choose(bus, &bus->targets[number]);
    if (endpoint == NULL)
        return ERROR_UNAVAILABLE;
    int64_t timeout_ms = bounded_timeout(request->timeout_ms);
    struct pending *pending = has_room(bus, endpoint) ? pending_add(bus, endpoint, bus_now(bus) + timeout_ms) : NULL;
    if (pending == NULL) {
        bus->stats.overloaded++;
        return ERROR_OVERLOADED;
    }
    pending->on_reply = on_reply;
    pending->context = context;
    if (endpoint->batch.len == 0)
        endpoint->batch_first = pending->id;
    envelope_write_call(&endpoint->batch, pending->id, timeout_ms, request);
    bus->stats.calls++;
    if (id != NULL)
        *id = pending->id;
    return OK;
}

void bus_cancel(struct bus *bus, bus_call_id id)
{
    struct pending *pending = pending_find(&bus->pending, id);
    if (pending != NULL)
        pending_remove(bus, pending);
}

/* ---- sending ---- */

static void flush(struct bus *bus, struct endpoint *endpoint)
{
    bus_call_id first = endpoint->batch_first;
    if (send_batch(bus, endpoint) == WIRE_SENT)
        return;
    read_news(bus,
              endpoint); /* told before libzmq lets go of the connection: so it is known here which of the two it is */
    if (endpoint->is_connected && bus_may_complain(bus))
        log_warn("endpoint does not keep up", LOG_Z("address", endpoint->address));
    size_t failed = pending_fail(bus, endpoint, first, endpoint->is_connected ? ERROR_OVERLOADED : ERROR_UNAVAILABLE);
    bus->stats.overloaded += endpoint->is_connected ? failed : 0;
}

void client_flush(struct bus *bus)
{
    for (size_t i = 0; i < bus->endpoint_count; i++)
        if (bus->endpoints[i]->batch.len > 0)
            flush(bus, bus->endpoints[i]);
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

void client_close(struct bus *bus)
{
    client_flush(bus);
    for (size_t i = 0; i < bus->endpoint_count; i++)
        pending_fail(bus, bus->endpoints[i], 0, ERROR_UNAVAILABLE);
    for (size_t i = 0; i < bus->endpoint_count; i++)
        endpoint_free(bus->endpoints[i]);
    bus->endpoint_count = 0;
}
