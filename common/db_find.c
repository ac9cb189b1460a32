/* Rows by key: what fibers look for in one turn of the loop goes to the server as one query. The first of them leads:
 * it asks for all, and wakes the others. */
#include <assert.h>
#include <stdlib.h>

#include "common/db_internal.h"
#include "common/fiber.h"

/* Who looks for a row; on its fiber's stack. */
struct seeker {
    int64_t key;
    struct fiber *fiber;
    enum error error;
    struct db_result found; /* OK: the row, or none */
    SLIST_ENTRY(seeker) link;
};

/* Those who look by one statement. It lives in its arena, with the result, until the last of them needs it no more. */
struct search {
    const struct statement *statement;
    struct arena *arena;
    struct fiber *leader;
    int64_t deadline_ms; /* the latest of theirs */
    SLIST_HEAD(, seeker) seekers;
    size_t count, holders;
    SLIST_ENTRY(search) link; /* in db->searches, until it is sent */
};

static struct search *search_by(struct db *db, const struct statement *statement)
{
    struct search *search;
    SLIST_FOREACH(search, &db->searches, link)
    if (search->statement == statement)
        return search;
    struct arena *arena = arena_new();
    search = arena_alloc(arena, sizeof *search);
    search->statement = statement;
    search->arena = arena;
    search->leader = fiber_current();
    SLIST_INSERT_HEAD(&db->searches, search, link);
    return search;
}

static void join(struct search *search, struct seeker *seeker, int64_t deadline_ms)
{
    SLIST_INSERT_HEAD(&search->seekers, seeker, link);
    search->count++;
    search->holders++;
    if (deadline_ms > search->deadline_ms)
        search->deadline_ms = deadline_ms;
}

static void release(void *memory)
{
    struct search *search = memory;
    struct arena *arena = search->arena;
    if (--search->holders == 0)
        arena_destroy(&arena);
}

/* ---- what is asked, and who gets which row ---- */

static int by_key(const void *left, const void *right)
{
    const struct seeker *const *a = left, *const *b = right;
    return ((*a)->key > (*b)->key) - ((*a)->key < (*b)->key);
}

static struct seeker **sort_seekers(const struct search *search)
{
    struct seeker **seekers = arena_alloc(search->arena, search->count * sizeof *seekers), *seeker;
    size_t count = 0;
    SLIST_FOREACH(seeker, &search->seekers, link)
    seekers[count++] = seeker;
    qsort(seekers, count, sizeof *seekers, by_key);
    return seekers;
}

/* Each once, in their order. */
static struct integers keys_of(const struct search *search, struct seeker *const *seekers)
{
    int64_t *keys = arena_alloc(search->arena, search->count * sizeof *keys);
    size_t count = 0;
    for (size_t i = 0; i < search->count; i++)
        if (count == 0 || keys[count - 1] != seekers[i]->key)
            keys[count++] = seekers[i]->key;
    return (struct integers){keys, count};
}

static void hand_out(const struct search *search, struct seeker *const *seekers, enum error error,
                     const struct db_result *all)
{
    size_t row = 0;
    for (size_t i = 0; i < search->count; i++) {
        struct seeker *seeker = seekers[i];
        seeker->error = error;
        if (error != OK)
            continue;
        while (row < all->rows && db_integer(all, row, 0) < seeker->key)
            row++;
        bool is_there = row < all->rows && db_integer(all, row, 0) == seeker->key;
        seeker->found = (struct db_result){.rows = is_there, .first = row, .pg = all->pg};
    }
}

/* In the leader's fiber, which goes on last: whoever is woken may be done with the search before the next one is. */
static void ask(struct db *db, struct search *search)
{
    struct seeker **seekers = sort_seekers(search);
    struct db_value keys = db_integers(search->arena, keys_of(search, seekers));
    struct db_result all = {0};
    enum error error = db_query(db, search->arena, search->deadline_ms, search->statement, &keys, 1, &all);
    hand_out(search, seekers, error, &all);
    for (size_t i = 0; i < search->count; i++)
        if (seekers[i]->fiber != search->leader)
            fiber_resume(seekers[i]->fiber);
}

/* ---- the searches of a turn ---- */

enum error db_find(struct db *db, struct arena *arena, int64_t deadline_ms, const struct statement *statement,
                   int64_t key, struct db_result *result)
{
    assert(!statement->writes);
    struct seeker seeker = {.key = key, .fiber = fiber_current()};
    struct search *search = search_by(db, statement);
    join(search, &seeker, deadline_ms);
    fiber_suspend();
    if (search->leader == seeker.fiber)
        ask(db, search);
    arena_defer(arena, release, search);
    if (seeker.error != OK)
        return seeker.error;
    *result = seeker.found;
    result->arena = arena;
    return OK;
}

void db_send_searches(struct db *db)
{
    struct search *search;
    while ((search = SLIST_FIRST(&db->searches)) != NULL) {
        SLIST_REMOVE_HEAD(&db->searches, link);
        fiber_resume(search->leader);
    }
}
