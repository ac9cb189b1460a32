/* Calls that wait for their reply: slots, ids and deadlines. */
#include <assert.h>
#include <stdlib.h>

#include "common/allocate.h"
#include "common/bus_internal.h"
#include "common/envelope.h"

enum { EXPIRY_MS = 10 };

static size_t slot_of(bus_call_id id)
{
    return id % BUS_MAX_PENDING;
}

static struct pending *slot_at(const struct pending_table *table, size_t slot)
{
    return &table->chunks[slot / PENDING_CHUNK][slot % PENDING_CHUNK];
}

static size_t slot_count(const struct pending_table *table)
{
    return table->chunk_count * PENDING_CHUNK;
}

static void put_free(struct pending_table *table, struct pending *pending)
{
    pending->next_free = table->free;
    table->free = pending;
}

/* The lowest slots are taken first. */
static void add_chunk(struct pending_table *table)
{
    table->chunks[table->chunk_count++] = allocate(PENDING_CHUNK * sizeof(struct pending));
    for (size_t slot = slot_count(table); slot-- > slot_count(table) - PENDING_CHUNK;) {
        slot_at(table, slot)->slot = (uint32_t)slot;
        put_free(table, slot_at(table, slot));
    }
}

struct pending *pending_add(struct bus *bus, struct endpoint *endpoint, int64_t deadline_ms)
{
    struct pending_table *table = &bus->pending;
    if (table->free == NULL && table->chunk_count == PENDING_CHUNKS)
        return NULL;
    if (table->free == NULL)
        add_chunk(table);
    struct pending *pending = table->free;
    table->free = pending->next_free;
    table->used++;
    endpoint->pending++;
    pending->id = ++table->last_number * BUS_MAX_PENDING + pending->slot;
    pending->deadline_ms = deadline_ms;
    pending->endpoint = endpoint;
    int64_t look_ms = deadline_ms < table->looked_ms + EXPIRY_MS ? table->looked_ms + EXPIRY_MS : deadline_ms;
    if (look_ms < table->look_ms)
        table->look_ms = look_ms;
    return pending;
}

struct pending *pending_find(const struct pending_table *table, bus_call_id id)
{
    size_t slot = slot_of(id);
    if (id == 0 || slot >= slot_count(table))
        return NULL;
    struct pending *pending = slot_at(table, slot);
    return pending->id == id ? pending : NULL;
}

void pending_remove(struct bus *bus, struct pending *pending)
{
    assert(pending->id != 0 && bus->pending.used > 0 && pending->endpoint->pending > 0);
    bus->pending.used--;
    pending->endpoint->pending--;
    pending->id = 0;
    put_free(&bus->pending, pending);
}

void pending_end(struct bus *bus, struct pending *pending, const struct bus_reply *reply)
{
    void (*on_reply)(void *, const struct bus_reply *) = pending->on_reply;
    void *context = pending->context;
    pending_remove(bus, pending);
    on_reply(context, reply);
}

static void fail(struct bus *bus, struct pending *pending, enum error error)
{
    const struct bus_reply reply = {.error = error, .body = ENVELOPE_NO_TEXT};
    pending_end(bus, pending, &reply);
}

/* Callbacks may add calls meanwhile: those have greater ids than the last one now. */
size_t pending_fail(struct bus *bus, const struct endpoint *endpoint, bus_call_id first, enum error error)
{
    struct pending_table *table = &bus->pending;
    uint64_t last_number = table->last_number;
    size_t failed = 0;
    for (size_t slot = 0; slot < slot_count(table) && endpoint->pending > 0; slot++) {
        struct pending *pending = slot_at(table, slot);
        if (pending->id == 0 || pending->id < first || pending->id / BUS_MAX_PENDING > last_number ||
            pending->endpoint != endpoint)
            continue;
        fail(bus, pending, error);
        failed++;
    }
    return failed;
}

void pending_expire(struct bus *bus)
{
    struct pending_table *table = &bus->pending;
    int64_t now_ms = bus_now(bus);
    if (table->used == 0 || now_ms < table->look_ms)
        return;
    int64_t soonest_ms = INT64_MAX;
    table->look_ms = INT64_MAX;
    table->looked_ms = now_ms;
    for (size_t slot = 0; slot < slot_count(table); slot++) {
        struct pending *pending = slot_at(table, slot);
        if (pending->id != 0 && pending->deadline_ms <= now_ms) {
            bus->stats.timeouts++;
            fail(bus, pending, ERROR_TIMEOUT);
        } else if (pending->id != 0 && pending->deadline_ms < soonest_ms) {
            soonest_ms = pending->deadline_ms;
        }
    }
    if (soonest_ms < now_ms + EXPIRY_MS)
        soonest_ms = now_ms + EXPIRY_MS;
    if (soonest_ms < table->look_ms)
        table->look_ms = soonest_ms;
}

void pending_free(struct pending_table *table)
{
    while (table->chunk_count > 0)
        free(table->chunks[--table->chunk_count]);
}
