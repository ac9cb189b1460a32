/* Calls that wait for their reply: slots, ids and deadlines. */
#include <assert.h>
#include <stdlib.h>

#include "common/allocate.h"
#include "common/bus_internal.h"
#include "common/envelope.h"

enum {
    EXPIRY_MS = 10,
    COPY_MAX = 128 * 1024,   /* bytes: a larger call is not kept */
    COPIES_MAX = 16 << 20,   /* … nor one more beyond this */
    COPY_MEMORY_KEPT = 1024, /* of a slot, for its next call */
};

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

static int64_t soonest(int64_t a_ms, int64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

static void look_at(struct pending_table *table, int64_t time_ms)
{
    if (time_ms < table->looked_ms + EXPIRY_MS)
        time_ms = table->looked_ms + EXPIRY_MS;
    table->look_ms = soonest(time_ms, table->look_ms);
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
    counter_set(&bus->stats.pending, ++table->used);
    endpoint->pending++;
    pending->id = ++table->last_number * BUS_MAX_PENDING + pending->slot;
    pending->deadline_ms = deadline_ms;
    pending->doubt_ms = INT64_MAX;
    pending->endpoint = endpoint;
    pending->batch = endpoint->batch_number;
    pending->is_repeatable = pending->is_repeated = false;
    pending->moves = 0;
    look_at(table, deadline_ms);
    return pending;
}

void pending_doubt(struct bus *bus, struct pending *pending, int64_t doubt_ms)
{
    pending->doubt_ms = doubt_ms;
    look_at(&bus->pending, doubt_ms);
}

void pending_keep(struct bus *bus, struct pending *pending, struct str call)
{
    struct pending_table *table = &bus->pending;
    if (call.len > COPY_MAX || table->copied + call.len > COPIES_MAX)
        return;
    buffer_append_str(&pending->copy, call);
    table->copied += call.len;
}

static void forget_copy(struct pending_table *table, struct pending *pending)
{
    table->copied -= pending->copy.len;
    if (pending->copy.capacity > COPY_MEMORY_KEPT)
        buffer_free(&pending->copy);
    else
        buffer_clear(&pending->copy);
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
    counter_set(&bus->stats.pending, --bus->pending.used);
    pending->endpoint->pending--;
    forget_copy(&bus->pending, pending);
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

void pending_fail(struct bus *bus, struct pending *pending, enum error error)
{
    const struct bus_reply reply = {.error = error, .body = ENVELOPE_NO_TEXT};
    pending_end(bus, pending, &reply);
}

/* Callbacks may add calls meanwhile: those have greater ids than the last one now. */
void pending_each(struct bus *bus, const struct endpoint *endpoint,
                  void (*visit)(struct bus *bus, struct pending *pending))
{
    struct pending_table *table = &bus->pending;
    uint64_t last_number = table->last_number;
    for (size_t slot = 0; slot < slot_count(table) && endpoint->pending > 0; slot++) {
        struct pending *pending = slot_at(table, slot);
        if (pending->id != 0 && pending->id / BUS_MAX_PENDING <= last_number && pending->endpoint == endpoint)
            visit(bus, pending);
    }
}

void pending_expire(struct bus *bus, void (*expire)(struct bus *bus, struct pending *pending),
                    void (*doubt)(struct bus *bus, struct pending *pending))
{
    struct pending_table *table = &bus->pending;
    int64_t now_ms = bus_now(bus), next_ms = INT64_MAX;
    if (table->used == 0 || now_ms < table->look_ms)
        return;
    table->look_ms = INT64_MAX;
    table->looked_ms = now_ms;
    for (size_t slot = 0; slot < slot_count(table); slot++) {
        struct pending *pending = slot_at(table, slot);
        if (pending->id == 0)
            continue;
        if (pending->deadline_ms <= now_ms) {
            expire(bus, pending);
            continue;
        }
        if (pending->doubt_ms <= now_ms) {
            pending->doubt_ms = INT64_MAX;
            doubt(bus, pending);
        }
        next_ms = soonest(next_ms, soonest(pending->deadline_ms, pending->doubt_ms));
    }
    look_at(table, next_ms);
}

void pending_free(struct pending_table *table)
{
    for (size_t slot = 0; slot < slot_count(table); slot++)
        buffer_free(&slot_at(table, slot)->copy);
    while (table->chunk_count > 0)
        free(table->chunks[--table->chunk_count]);
}
