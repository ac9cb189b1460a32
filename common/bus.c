/* The bus itself: its turn, which looks at each wire when there is something to see, and what its sides share. */
#include "common/bus.h"

#include <assert.h>
#include <stdlib.h>

#include "common/allocate.h"
#include "common/bus_internal.h"
#include "common/clock.h"
#include "common/log.h"

enum { COMPLAIN_MS = 1000 };

struct bus *bus_new(void)
{
    struct bus *bus = allocate(sizeof *bus);
    bus->pending.look_ms = INT64_MAX;
    return bus;
}

void bus_destroy(struct bus **bus)
{
    if (*bus == NULL)
        return;
    assert(!(*bus)->is_turning);
    (*bus)->is_closing = true;
    client_close(*bus);
    server_close(*bus);
    assert((*bus)->pending.used == 0);
    pending_free(&(*bus)->pending);
    free(*bus);
    *bus = NULL;
}

void bus_watch(struct bus *bus, struct wire *wire)
{
    assert(bus->wire_count < BUS_MAX_DESCRIPTORS);
    bus->polled[bus->wire_count] = (struct pollfd){.fd = wire->fd, .events = POLLIN};
    bus->wires[bus->wire_count++] = wire;
}

size_t bus_descriptors(const struct bus *bus, int *fds, size_t max)
{
    for (size_t i = 0; i < bus->wire_count && i < max; i++)
        fds[i] = bus->wires[i]->fd;
    return bus->wire_count;
}

int64_t bus_now(struct bus *bus)
{
    if (!bus->is_now_known) {
        bus->now_ms = clock_now_ms();
        bus->is_now_known = true;
    }
    return bus->now_ms;
}

/* ---- the turn ---- */

/* One system call for all wires: asking each of them would be one each. */
static void find_news(struct bus *bus)
{
    int ready = poll(bus->polled, bus->wire_count, 0);
    for (size_t i = 0; ready != 0 && i < bus->wire_count; i++)
        if (ready < 0 || bus->polled[i].revents != 0)
            bus->wires[i]->is_drained = false;
}

static void receive(struct bus *bus)
{
    client_receive(bus);
    server_receive(bus);
}

bool bus_turn(struct bus *bus)
{
    assert(!bus->is_turning);
    bus->is_turning = true;
    bus->is_now_known = false;
    find_news(bus);
    receive(bus);
    pending_expire(bus);
    client_flush(bus);
    server_flush(bus);
    receive(bus); /* a wire that has sent is not drained */
    bus->is_now_known = false;
    bus->is_turning = false;
    return client_has_more(bus) || server_has_more(bus);
}

int64_t bus_wait_ms(const struct bus *bus)
{
    if (client_has_more(bus) || server_has_more(bus))
        return 0;
    int64_t renew_ms = client_renew_ms(bus), look_ms = bus->pending.used > 0 ? bus->pending.look_ms : INT64_MAX;
    int64_t next_ms = renew_ms < look_ms ? renew_ms : look_ms;
    if (next_ms == INT64_MAX)
        return -1;
    int64_t wait_ms = next_ms - clock_now_ms();
    return wait_ms > 0 ? wait_ms : 0;
}

/* ---- counters and complaints ---- */

bool bus_may_complain(struct bus *bus)
{
    int64_t now_ms = bus_now(bus);
    if (bus->complained_ms != 0 && now_ms - bus->complained_ms < COMPLAIN_MS)
        return false;
    bus->complained_ms = now_ms;
    return true;
}

void bus_garbage(struct bus *bus, const char *from)
{
    bus->stats.garbage++;
    if (bus_may_complain(bus))
        log_warn("garbage on the bus", LOG_Z("from", from), LOG_I("so_far", bus->stats.garbage));
}

struct bus_stats bus_stats(const struct bus *bus)
{
    struct bus_stats stats = bus->stats;
    stats.pending = bus->pending.used;
    return stats;
}
