/* Which endpoint is asked: the one with the fewest calls pending, of those that are well. One that fails several times
 * in a row is put aside for a while, each time longer, but never all of them. And how many calls may be made twice. */
#include "common/bus_internal.h"
#include "common/log.h"

enum {
    FAILURES_MAX = 5, /* in a row, before it is put aside */
    EJECT_MS = 500,   /* for so long; twice as long with each time, until */
    EJECT_MAX_MS = 30000,
    /* A repetition for every five calls, so that a service in trouble has at most a fifth more to do, and a store for
     * when an endpoint takes all its calls with it. */
    PARTS = 5,
    BUDGET_MAX = 1000 * PARTS,
};

/* ---- who is well ---- */

static bool is_ejected(struct bus *bus, const struct endpoint *endpoint)
{
    return endpoint->ejected_until_ms != 0 && bus_now(bus) < endpoint->ejected_until_ms;
}

bool balance_takes_calls(const struct endpoint *endpoint, int64_t now_ms)
{
    return endpoint->is_connected && (endpoint->retired_until_ms == 0 || endpoint->retired_until_ms <= now_ms);
}

/* 0 = not to be asked at all; better ones are asked as long as there are some. */
static unsigned fitness(struct bus *bus, const struct endpoint *endpoint)
{
    if (!endpoint->is_connected)
        return 0;
    if (!balance_takes_calls(endpoint, bus_now(bus)))
        return 1;
    return is_ejected(bus, endpoint) ? 2 : 3;
}

struct endpoint *balance_choose(struct bus *bus, struct target *target, const struct endpoint *except)
{
    struct endpoint *best = NULL;
    unsigned best_fitness = 0;
    size_t best_index = 0;
    for (size_t i = 0; i < target->count; i++) {
        size_t index = (target->turn + i) % target->count;
        struct endpoint *endpoint = target->endpoints[index];
        unsigned fit = endpoint != except ? fitness(bus, endpoint) : 0;
        if (fit > best_fitness || (fit > 0 && fit == best_fitness && endpoint->pending < best->pending)) {
            best = endpoint;
            best_fitness = fit;
            best_index = index;
        }
    }
    if (best != NULL)
        target->turn = best_index + 1;
    return best;
}

/* ---- what befalls them ---- */

void balance_succeed(struct endpoint *endpoint)
{
    endpoint->failures = 0;
    endpoint->ejections = 0;
}

static int64_t ejection_ms(unsigned ejections)
{
    int64_t ms = EJECT_MS;
    for (; ejections > 0 && ms < EJECT_MAX_MS; ejections--)
        ms *= 2;
    return ms < EJECT_MAX_MS ? ms : EJECT_MAX_MS;
}

/* Whether the others can do without it. */
static bool has_other(struct bus *bus, const struct endpoint *endpoint)
{
    const struct target *target = endpoint->target;
    for (size_t i = 0; i < target->count; i++)
        if (target->endpoints[i] != endpoint && fitness(bus, target->endpoints[i]) == 3)
            return true;
    return false;
}

/* When it is asked again, the first failure puts it aside again. */
void balance_fail(struct bus *bus, struct endpoint *endpoint)
{
    if (endpoint->failures < FAILURES_MAX)
        endpoint->failures++;
    if (endpoint->failures < FAILURES_MAX || is_ejected(bus, endpoint) || !has_other(bus, endpoint))
        return;
    int64_t ms = ejection_ms(endpoint->ejections++);
    endpoint->ejected_until_ms = bus_now(bus) + ms;
    counter_add(&bus->stats.ejections, 1);
    log_warn("endpoint put aside", LOG_Z("address", endpoint->address), LOG_I("for_ms", ms),
             LOG_I("pending", endpoint->pending));
}

/* ---- how many calls may be made twice ---- */

void balance_earn(struct target *target)
{
    if (target->budget < BUDGET_MAX)
        target->budget++;
}

bool balance_spend(struct target *target)
{
    if (target->budget < PARTS)
        return false;
    target->budget -= PARTS;
    return true;
}
