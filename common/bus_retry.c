/* Calls that meet no answer: those that were not begun are made elsewhere, those that may have been only where that
 * does no harm, and the rest end with an error. */
#include "common/bus_internal.h"
#include "common/envelope.h"

enum { MOVES_MAX = 4 /* endpoints that may refuse a call before it is given up */ };

static void put_on(struct bus *bus, struct pending *pending, struct endpoint *endpoint)
{
    int64_t left_ms = pending->deadline_ms - bus_now(bus);
    pending->endpoint->pending--;
    pending->endpoint = endpoint;
    endpoint->pending++;
    pending->batch = endpoint->batch_number;
    pending->doubt_ms = INT64_MAX;
    pending->moves++;
    endpoint->batch_calls++;
    pending->begin = endpoint->batch.len;
    envelope_write_again(&endpoint->batch, buffer_str(&pending->copy), left_ms > 0 ? left_ms : 0);
    pending->end = endpoint->batch.len;
}

static struct endpoint *find_other(struct bus *bus, const struct pending *pending)
{
    if (bus->is_closing || pending->copy.len == 0 || pending->moves == MOVES_MAX ||
        pending->deadline_ms <= bus_now(bus))
        return NULL;
    struct endpoint *endpoint = balance_choose(bus, pending->endpoint->target, pending->endpoint);
    return endpoint != NULL && client_has_room(bus, endpoint) ? endpoint : NULL;
}

bool retry_move(struct bus *bus, struct pending *pending)
{
    struct endpoint *endpoint = find_other(bus, pending);
    if (endpoint == NULL)
        return false;
    put_on(bus, pending, endpoint);
    counter_add(&bus->stats.moved, 1);
    return true;
}

bool retry_repeat(struct bus *bus, struct pending *pending)
{
    if (!pending->is_repeatable || pending->is_repeated)
        return false;
    struct endpoint *endpoint = find_other(bus, pending);
    if (endpoint == NULL || !balance_spend(endpoint->target))
        return false;
    put_on(bus, pending, endpoint);
    pending->is_repeated = true;
    counter_add(&bus->stats.repeated, 1);
    return true;
}

static void settle_lost(struct bus *bus, struct pending *pending)
{
    if (!(pending_has_left(pending) ? retry_repeat(bus, pending) : retry_move(bus, pending)))
        pending_fail(bus, pending, ERROR_UNAVAILABLE);
}

/* Nor may a call wait on the batch for a connection to come. */
void retry_lost(struct bus *bus, struct endpoint *endpoint)
{
    endpoint->is_lost = false;
    buffer_clear(&endpoint->batch);
    pending_each(bus, endpoint, settle_lost);
    endpoint->batch_number++;
}

static void settle_unsent(struct bus *bus, struct pending *pending)
{
    if (pending_has_left(pending) || retry_move(bus, pending))
        return;
    bool is_full = pending->endpoint->is_connected;
    counter_add(&bus->stats.overloaded, is_full);
    pending_fail(bus, pending, is_full ? ERROR_OVERLOADED : ERROR_UNAVAILABLE);
}

void retry_unsent(struct bus *bus, struct endpoint *endpoint)
{
    pending_each(bus, endpoint, settle_unsent);
    endpoint->batch_number++;
}

static void expire(struct bus *bus, struct pending *pending)
{
    counter_add(&bus->stats.timeouts, 1);
    balance_fail(bus, pending->endpoint);
    pending_fail(bus, pending, ERROR_TIMEOUT);
}

/* Who is not asked instead may still answer. */
static void doubt(struct bus *bus, struct pending *pending)
{
    balance_fail(bus, pending->endpoint);
    (void)retry_repeat(bus, pending);
}

void retry_expire(struct bus *bus)
{
    pending_expire(bus, expire, doubt);
}
