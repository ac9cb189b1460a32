/* The bus itself: its turn, which looks at each wire when there is something to see, and what its sides share. */
#include "common/bus.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/allocate.h"
#include "common/bus_internal.h"
#include "common/clock.h"
#include "common/log.h"

enum {
    COMPLAIN_MS = 1000,
    NEWS_MAX = 2 * BUS_MAX_ENDPOINTS + 2, /* each endpoint's wire and monitor, the answering wire, discovery */
};

/* ---- its life ---- */

static void watch(struct bus *bus, int fd, struct wire *wire)
{
    struct epoll_event interest = {.events = EPOLLIN, .data.ptr = wire};
    if (epoll_ctl(bus->epoll, EPOLL_CTL_ADD, fd, &interest) != 0) {
        log_error("cannot watch the bus", LOG_Z("reason", strerror(errno)));
        abort();
    }
}

struct bus *bus_new(struct wire_keys *keys)
{
    struct bus *bus = allocate(sizeof *bus);
    const struct discovery_handlers handlers = {endpoint_come, endpoint_go, bus};
    bus->keys = keys;
    bus->pending.look_ms = INT64_MAX;
    bus->limit = BUS_MAX_PENDING;
    bus->epoll = epoll_create1(EPOLL_CLOEXEC);
    bus->discovery = discovery_new(&handlers);
    watch(bus, discovery_descriptor(bus->discovery), NULL);
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
    discovery_destroy(&(*bus)->discovery);
    close((*bus)->epoll);
    free(*bus);
    *bus = NULL;
}

void bus_watch(struct bus *bus, struct wire *wire)
{
    watch(bus, wire->fd, wire);
    bus->wire_count++;
}

/* The descriptor would outlive its wire: libzmq closes it in its own time. */
void bus_unwatch(struct bus *bus, struct wire *wire)
{
    int result = epoll_ctl(bus->epoll, EPOLL_CTL_DEL, wire->fd, NULL);
    assert(result == 0);
    bus->wire_count--;
}

int bus_descriptor(const struct bus *bus)
{
    return bus->epoll;
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
    struct epoll_event events[NEWS_MAX];
    int ready;
    do {
        ready = epoll_wait(bus->epoll, events, NEWS_MAX, 0);
        for (int i = 0; i < ready; i++) {
            struct wire *wire = events[i].data.ptr;
            if (wire != NULL)
                wire->is_drained = false;
            else
                bus->has_discovered = true;
        }
    } while (ready == -1 && errno == EINTR);
}

static void discover(struct bus *bus)
{
    if (!bus->has_discovered)
        return;
    bus->has_discovered = false;
    discovery_turn(bus->discovery);
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
    discover(bus);
    receive(bus);
    retry_expire(bus);
    client_flush(bus);
    server_flush(bus);
    receive(bus); /* a wire that has sent is not drained */
    endpoint_sweep(bus);
    bus->is_now_known = false;
    bus->is_turning = false;
    return client_has_more(bus) || server_has_more(bus);
}

int64_t bus_wait_ms(const struct bus *bus)
{
    if (client_has_more(bus) || server_has_more(bus))
        return 0;
    int64_t renew_ms = endpoint_renew_ms(bus), look_ms = bus->pending.used > 0 ? bus->pending.look_ms : INT64_MAX;
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
    counter_add(&bus->stats.garbage, 1);
    if (bus_may_complain(bus))
        log_warn("garbage on the bus", LOG_Z("from", from), LOG_I("so_far", bus->stats.garbage));
}

const struct bus_stats *bus_stats(const struct bus *bus)
{
    return &bus->stats;
}
