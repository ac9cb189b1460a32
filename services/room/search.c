/* Lists of rooms that match. However many rooms there are and however few match, a page costs no more than looking at
 * so many: it walks on from where the last one ended, and asks an index only where that finds too little. So a page may
 * hold fewer rooms than its limit, or none, and still not be the last. */
#include "services/room/room.h"

enum {
    WALKED = 1000,  /* rooms that a page looks at, one after the other */
    FOUND = 5000,   /* rooms that it looks at where an index names them */
    LOOKED_TO = 19, /* the column behind the message's */
};

static int64_t owner_id(const struct call *call, struct str owner)
{
    int64_t id = 0; /* nobody's */
    if (str_equal(owner, STR("me")))
        return call->caller.id;
    (void)str_to_int64(owner, &id);
    return id;
}

static bool has_name(const struct room_query *in)
{
    return in->has_q && in->q.len > 0;
}

static enum error look(struct call *call, const struct room_query *in, const struct statement *statement, int64_t most,
                       int64_t limit, struct db_result *result)
{
    return call_query(call, statement, result, DB_INTEGER(in->after), DB_INTEGER(most), DB_INTEGER(call->caller.id),
                      DB_BOOLEAN(is_admin(call)), DB_OPTIONAL(in->has_owner, DB_INTEGER(owner_id(call, in->owner))),
                      DB_OPTIONAL(in->has_status, DB_TEXT(in->status)), DB_OPTIONAL(has_name(in), DB_TEXT(in->q)),
                      DB_OPTIONAL(in->has_from, DB_TEXT(in->from)), DB_OPTIONAL(in->has_to, DB_TEXT(in->to)),
                      DB_INTEGER(limit + 1));
}

/* Where nothing matches there is a row all the same, without a room. */
static size_t matches(const struct db_result *result)
{
    return db_is_null(result, 0, 0) ? 0 : result->rows;
}

static bool has_seen_all(const struct db_result *result)
{
    return db_is_null(result, 0, LOOKED_TO);
}

static const struct statement *walk_of(const struct room_query *in)
{
    if (in->has_owner)
        return &sql_room_walk_owner;
    return in->has_status ? &sql_room_walk_status : &sql_room_walk;
}

/* The index that may know what the walk did not find; NULL = none does. */
static const struct statement *index_of(const struct room_query *in)
{
    if (has_name(in))
        return &sql_room_find_name;
    return in->has_from || in->has_to ? &sql_room_find_time : NULL;
}

static enum error search(struct call *call, const struct room_query *in, int64_t limit)
{
    struct db_result result, found;
    const struct statement *index = index_of(in);
    TRY(look(call, in, walk_of(in), WALKED, limit, &result));
    if (index != NULL && !has_seen_all(&result) && matches(&result) <= (size_t)limit) {
        TRY(look(call, in, index, FOUND, limit, &found));
        if (has_seen_all(&found))
            result = found;
    }
    int64_t next_after = has_seen_all(&result) ? 0 : db_integer(&result, 0, LOOKED_TO);
    return reply_rooms(call, &result, matches(&result), (size_t)limit, next_after);
}

static enum error check_window(struct call *call, const struct room_query *in)
{
    struct db_result result;
    if (!in->has_from || !in->has_to)
        return OK;
    TRY(call_query(call, &sql_room_window, &result, DB_TEXT(in->from), DB_TEXT(in->to)));
    return db_boolean(&result, 0, 0) ? OK : call_fail_validation(call, "to must be after from");
}

enum error room_list(struct call *call, const struct room_query *in)
{
    const struct page page = {
        .limit = in->limit, .has_limit = in->has_limit, .after = in->after, .has_after = in->has_after};
    if (!in->has_owner && !in->has_status && !has_name(in) && !in->has_from && !in->has_to)
        return reply_page(call, &page, &sql_room_list);
    TRY(check_window(call, in));
    return search(call, in, page_limit(in->has_limit, in->limit));
}
