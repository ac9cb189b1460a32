/* Whose a room is, and who moderates it. */
#include "services/room/people.h"

enum error room_hand_over(struct call *call, const struct room_heir *in)
{
    const struct path_id heir = {arena_printf(call->arena, "%lld", (long long)in->user_id), in->user_id};
    struct db_result result;
    TRY(check_person(call, &heir));
    TRY(if_gone(call, &heir,
                call_query(call, &sql_room_hand_over, &result, DB_INTEGER(in->id.value), DB_INTEGER(heir.value),
                           DB_INTEGER(call->caller.id), DB_BOOLEAN(is_admin(call)))));
    return reply_outcome(call, &in->id, &result);
}

enum error room_moderator_add(struct call *call, const struct room_user *in)
{
    struct db_result result;
    TRY(check_person(call, &in->user_id));
    TRY(if_gone(call, &in->user_id,
                call_query(call, &sql_moderator_add, &result, DB_INTEGER(in->id.value), DB_INTEGER(in->user_id.value),
                           DB_INTEGER(call->caller.id), DB_BOOLEAN(is_admin(call)))));
    return check_outcome(call, &in->id, db_text(&result, 0, 0));
}

enum error room_moderator_remove(struct call *call, const struct room_user *in)
{
    struct db_result result;
    TRY(call_query(call, &sql_moderator_remove, &result, DB_INTEGER(in->id.value), DB_INTEGER(in->user_id.value),
                   DB_INTEGER(call->caller.id), DB_BOOLEAN(is_admin(call))));
    return check_outcome(call, &in->id, db_text(&result, 0, 0));
}
