/* Connections to endpoints. One is opened for each address that discovery knows; libzmq reconnects those that are lost,
 * and what it does not bring back in time is begun anew here, with the peer's next key. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/allocate.h"
#include "common/bus_internal.h"
#include "common/log.h"

enum {
    REFUSED_MAX_MS = 3000,  /* the longest that who was refused waits before it tries again */
    RENEW_AGAIN_MS = 30000, /* a connection that was begun anew in vain has long to come up by itself */
};

/* ---- sockets ---- */

static void close_wires(struct bus *bus, struct endpoint *endpoint)
{
    bus_unwatch(bus, &endpoint->monitor);
    bus_unwatch(bus, &endpoint->wire);
    wire_unmonitor(&endpoint->wire, &endpoint->monitor);
    wire_close(&endpoint->wire);
}

static enum error open_wires(struct bus *bus, struct endpoint *endpoint)
{
    const struct wire_trust trust = {bus->keys, endpoint->target->peer, endpoint->attempt};
    endpoint->renew_ms = INT64_MAX;
    wire_open(&endpoint->wire, ZMQ_DEALER);
    wire_monitor(&endpoint->wire, &endpoint->monitor);
    bus_watch(bus, &endpoint->monitor);
    bus_watch(bus, &endpoint->wire);
    enum error error = wire_connect(&endpoint->wire, endpoint->address, &trust);
    if (error != OK)
        close_wires(bus, endpoint);
    return error;
}

/* ---- coming ---- */

static struct endpoint *find(const struct bus *bus, const struct target *target, const char *address, bool is_gone)
{
    for (size_t i = 0; i < bus->endpoint_count; i++) {
        struct endpoint *endpoint = bus->endpoints[i];
        if (endpoint->target == target && endpoint->is_gone == is_gone && strcmp(endpoint->address, address) == 0)
            return endpoint;
    }
    return NULL;
}

static void join(struct endpoint *endpoint)
{
    endpoint->is_gone = false;
    endpoint->target->endpoints[endpoint->target->count++] = endpoint;
}

enum error endpoint_come(void *context, unsigned number, const char *address)
{
    struct bus *bus = context;
    struct target *target = &bus->targets[number];
    if (target->peer == NULL) /* another of its endpoints was refused, and with it all */
        return OK;
    struct endpoint *endpoint = find(bus, target, address, true);
    if (endpoint != NULL) {
        join(endpoint);
        return OK;
    }
    if (bus->endpoint_count == BUS_MAX_ENDPOINTS) {
        log_error("too many endpoints", LOG_Z("address", address), LOG_I("most", BUS_MAX_ENDPOINTS));
        return ERROR_MALFORMED;
    }
    endpoint = allocate(sizeof *endpoint);
    endpoint->target = target;
    endpoint->refused_wait_ms = WIRE_RECONNECT_MAX_MS;
    endpoint->address = allocate_copy(address);
    enum error error = open_wires(bus, endpoint);
    if (error != OK) {
        free(endpoint->address);
        free(endpoint);
        return error;
    }
    bus->endpoints[bus->endpoint_count++] = endpoint;
    join(endpoint);
    log_debug("endpoint", LOG_Z("address", address), LOG_Z("of", target->peer));
    return OK;
}

/* ---- going ---- */

static void leave(struct endpoint *endpoint)
{
    struct target *target = endpoint->target;
    size_t index = 0;
    while (target->endpoints[index] != endpoint)
        index++;
    target->count--;
    memmove(&target->endpoints[index], &target->endpoints[index + 1],
            (target->count - index) * sizeof *target->endpoints);
}

void endpoint_go(void *context, unsigned number, const char *address)
{
    struct bus *bus = context;
    struct endpoint *endpoint = find(bus, &bus->targets[number], address, false);
    if (endpoint == NULL) /* it could not be connected to */
        return;
    leave(endpoint);
    endpoint->is_gone = true;
    log_info("endpoint gone", LOG_Z("address", address), LOG_I("pending", endpoint->pending));
}

void endpoint_close(struct bus *bus, struct endpoint *endpoint)
{
    assert(endpoint->pending == 0);
    if (!endpoint->is_gone)
        leave(endpoint);
    size_t index = 0;
    while (bus->endpoints[index] != endpoint)
        index++;
    bus->endpoints[index] = bus->endpoints[--bus->endpoint_count];
    close_wires(bus, endpoint);
    buffer_free(&endpoint->batch);
    free(endpoint->address);
    free(endpoint);
}

void endpoint_sweep(struct bus *bus)
{
    for (size_t i = bus->endpoint_count; i > 0; i--)
        if (bus->endpoints[i - 1]->is_gone && bus->endpoints[i - 1]->pending == 0)
            endpoint_close(bus, bus->endpoints[i - 1]);
}

/* ---- what the monitor tells ---- */

static void on_connected(struct endpoint *endpoint)
{
    endpoint->is_connected = true;
    endpoint->retired_until_ms = 0;
    endpoint->is_greeting = true;
    endpoint->is_refused = false;
    endpoint->renew_ms = INT64_MAX;
    endpoint->refused_wait_ms = WIRE_RECONNECT_MAX_MS;
    endpoint->failures = 0;
    endpoint->ejected_until_ms = 0;
    endpoint->wire.is_drained =
        false; /* receiving makes the socket take up its new connection, before a send needs it */
    log_info("endpoint connected", LOG_Z("address", endpoint->address));
}

static void on_disconnected(struct bus *bus, struct endpoint *endpoint)
{
    discovery_hurry(bus->discovery);
    if (!endpoint->is_connected)
        return;
    endpoint->is_connected = false;
    endpoint->is_lost = true;
    endpoint->wire.is_drained = false; /* the last replies may lie there */
    endpoint->renew_ms = bus_now(bus) + WIRE_RENEW_MS;
    counter_add(&bus->stats.lost_endpoints, 1);
    LOG_LINE(endpoint->is_gone || endpoint->retired_until_ms != 0 ? LOG_INFO : LOG_WARN, "endpoint lost",
             LOG_Z("address", endpoint->address), LOG_I("pending", endpoint->pending));
}

/* One that is starting or ending refuses too: so it is told only once, and tried again soon. libzmq tries again too,
 * where it may, but always with the same key. */
static void on_refused(struct bus *bus, struct endpoint *endpoint)
{
    if (!endpoint->is_refused)
        log_warn("no agreement with an endpoint: one of us does not know the other's key, or it is something else",
                 LOG_Z("address", endpoint->address), LOG_Z("expected", endpoint->target->peer));
    endpoint->is_refused = true;
    int64_t renew_ms = bus_now(bus) + endpoint->refused_wait_ms;
    if (renew_ms < endpoint->renew_ms)
        endpoint->renew_ms = renew_ms;
}

void endpoint_read_news(struct bus *bus, struct endpoint *endpoint)
{
    for (;;) {
        switch (wire_next_news(&endpoint->monitor)) {
        case WIRE_NO_NEWS:
            return;
        case WIRE_CONNECTED:
            on_connected(endpoint);
            break;
        case WIRE_DISCONNECTED:
            on_disconnected(bus, endpoint);
            break;
        case WIRE_REFUSED:
            on_refused(bus, endpoint);
            break;
        }
    }
}

/* ---- beginning anew ---- */

static void renew(struct bus *bus, struct endpoint *endpoint)
{
    close_wires(bus, endpoint);
    endpoint->attempt++;
    if (endpoint->refused_wait_ms < REFUSED_MAX_MS)
        endpoint->refused_wait_ms *= 2;
    enum error error = open_wires(bus, endpoint);
    assert(error == OK); /* as the first time */
    endpoint->renew_ms = bus_now(bus) + RENEW_AGAIN_MS;
}

void endpoint_look_after(struct bus *bus, struct endpoint *endpoint)
{
    if (!endpoint->monitor.is_drained)
        endpoint_read_news(bus, endpoint);
    if (bus_now(bus) >= endpoint->renew_ms && !endpoint->is_lost && !endpoint->is_gone)
        renew(bus, endpoint);
}

int64_t endpoint_renew_ms(const struct bus *bus)
{
    int64_t renew_ms = INT64_MAX;
    for (size_t i = 0; i < bus->endpoint_count; i++)
        if (bus->endpoints[i]->renew_ms < renew_ms && !bus->endpoints[i]->is_gone)
            renew_ms = bus->endpoints[i]->renew_ms;
    return renew_ms;
}
