/* The waiting room: who waits, and letting them in. What somebody gets who joins is membership.c's. */
#include "services/room/people.h"

enum error room_waiting_list(struct call *call, const struct room_page *in)
{
    return reply_people(call, in, &sql_waiting_list, &room_guest_message);
}

enum error room_waiting_admit(struct call *call, const struct room_user *in)
{
    struct db_result result;
    TRY(if_guest_gone(call_query(call, &sql_waiting_admit, &result, DB_INTEGER(in->id.value),
                                 DB_INTEGER(in->user_id.value), DB_INTEGER(call->caller.id))));
    return reply_outcome(call, &in->id, &result);
}

enum error room_waiting_admit_all(struct call *call, const struct room_by_id *in)
{
    struct db_result result;
    TRY(if_guest_gone(
        call_query(call, &sql_waiting_admit_all, &result, DB_INTEGER(in->id.value), DB_INTEGER(call->caller.id))));
    return reply_outcome(call, &in->id, &result);
}

enum error room_waiting_deny(struct call *call, const struct room_user *in)
{
    struct db_result result;
    TRY(call_query(call, &sql_waiting_deny, &result, DB_INTEGER(in->id.value), DB_INTEGER(in->user_id.value),
                   DB_INTEGER(call->caller.id)));
    return check_outcome(call, &in->id, db_text(&result, 0, 0));
}
