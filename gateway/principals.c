/* A direct-mapped table: a user has one slot, and whoever came last has it. */
#include "gateway/principals.h"

#include <assert.h>
#include <string.h>

#include "common/allocate.h"

enum { SLOTS = 8192 };

struct slot {
    int64_t user_id; /* 0 = free: no user has it */
    struct principal_state state;
};

struct principals {
    uint64_t epoch;
    struct slot slots[SLOTS];
};

struct principals *principals_new(void)
{
    return allocate(sizeof(struct principals));
}

void principals_destroy(struct principals **principals)
{
    free(*principals);
    *principals = NULL;
}

/* Ids are dense, so that the low bits spread them best. */
static size_t slot_of(int64_t user_id)
{
    return (uint64_t)user_id % SLOTS;
}

const struct principal_state *principals_find(const struct principals *principals, int64_t user_id)
{
    const struct slot *slot = &principals->slots[slot_of(user_id)];
    return slot->user_id == user_id && user_id != 0 ? &slot->state : NULL;
}

uint64_t principals_epoch(const struct principals *principals)
{
    return principals->epoch;
}

void principals_remember(struct principals *principals, int64_t user_id, const struct principal_state *state,
                         uint64_t asked_at_epoch)
{
    assert(asked_at_epoch <= principals->epoch);
    if (asked_at_epoch == principals->epoch)
        principals->slots[slot_of(user_id)] = (struct slot){user_id, *state};
}

void principals_drop(struct principals *principals, int64_t user_id)
{
    struct slot *slot = &principals->slots[slot_of(user_id)];
    principals->epoch++;
    if (slot->user_id == user_id)
        *slot = (struct slot){0};
}

void principals_drop_all(struct principals *principals)
{
    principals->epoch++;
    memset(principals->slots, 0, sizeof principals->slots);
}
