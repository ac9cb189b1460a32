/* The waiting room: who waits, and letting them in. What somebody gets who joins is membership.c's. */
#include "services/room/room.h"

/* The column of waiting_list behind the message's. */
enum { ORDINAL = 4 };

enum error room_waiting_list(struct call *call, const struct room_page *in)
{
    int64_t limit = page_limit(in->has_limit, in->limit);
    struct db_result result;
    TRY(call_query(call, &sql_waiting_list, &result, DB_INTEGER(in->id.value), DB_INTEGER(in->after),
                   DB_INTEGER(limit + 1)));
    bool has_next = result.rows > (size_t)limit;
    size_t shown = has_next ? (size_t)limit : result.rows;
    call_list_open(call);
    for (size_t i = 0; i < shown; i++) {
        struct room_guest guest;
        db_decode(&result, i, &room_guest_message, &guest);
        call_list_add(call, &guest);
    }
    return call_list_end(call, has_next ? db_integer(&result, shown - 1, ORDINAL) : 0);
}

/* Somebody who waits was deleted, and is not taken out of the queue yet: that takes a moment. */
static enum error soon(enum error error)
{
    return error == ERROR_GONE ? ERROR_UNAVAILABLE : error;
}

enum error room_waiting_admit(struct call *call, const struct room_user *in)
{
    struct db_result result;
    TRY(soon(call_query(call, &sql_waiting_admit, &result, DB_INTEGER(in->id.value), DB_INTEGER(in->user_id.value),
                        DB_INTEGER(call->caller.id))));
    return reply_outcome(call, &in->id, &result);
}

enum error room_waiting_admit_all(struct call *call, const struct room_by_id *in)
{
    struct db_result result;
    TRY(soon(call_query(call, &sql_waiting_admit_all, &result, DB_INTEGER(in->id.value), DB_INTEGER(call->caller.id))));
    return reply_outcome(call, &in->id, &result);
}

enum error room_waiting_deny(struct call *call, const struct room_user *in)
{
    struct db_result result;
    TRY(call_query(call, &sql_waiting_deny, &result, DB_INTEGER(in->id.value), DB_INTEGER(in->user_id.value),
                   DB_INTEGER(call->caller.id)));
    return check_outcome(call, &in->id, db_text(&result, 0, 0));
}
