/* A direct-mapped table, as principals.c: ids are dense, so that the low bits spread them best. */
#include "gateway/sessions.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/allocate.h"

enum { SLOTS = 8192 };

struct slot {
    int64_t session_id; /* 0 = free */
    int64_t user_id;
};

struct sessions {
    uint64_t epoch;
    struct slot slots[SLOTS];
};

struct sessions *sessions_new(void)
{
    return allocate(sizeof(struct sessions));
}

void sessions_destroy(struct sessions **sessions)
{
    free(*sessions);
    *sessions = NULL;
}

static size_t slot_of(int64_t session_id)
{
    return (uint64_t)session_id % SLOTS;
}

bool sessions_has(const struct sessions *sessions, int64_t session_id, int64_t user_id)
{
    const struct slot *slot = &sessions->slots[slot_of(session_id)];
    return session_id != 0 && slot->session_id == session_id && slot->user_id == user_id;
}

uint64_t sessions_epoch(const struct sessions *sessions)
{
    return sessions->epoch;
}

void sessions_remember(struct sessions *sessions, int64_t session_id, int64_t user_id, uint64_t asked_at_epoch)
{
    assert(asked_at_epoch <= sessions->epoch);
    if (asked_at_epoch == sessions->epoch)
        sessions->slots[slot_of(session_id)] = (struct slot){session_id, user_id};
}

void sessions_drop(struct sessions *sessions, int64_t session_id)
{
    struct slot *slot = &sessions->slots[slot_of(session_id)];
    sessions->epoch++;
    if (slot->session_id == session_id)
        *slot = (struct slot){0};
}

void sessions_drop_all(struct sessions *sessions)
{
    sessions->epoch++;
    memset(sessions->slots, 0, sizeof sessions->slots);
}
