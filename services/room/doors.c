/* Who is let in without asking, and who never: invitations and bans. */
#include "services/room/people.h"

enum error room_ban_list(struct call *call, const struct room_page *in)
{
    return reply_people(call, in, &sql_ban_list, &room_banned_message);
}

enum error room_ban_add(struct call *call, const struct room_user *in)
{
    struct db_result result;
    TRY(check_person(call, &in->user_id));
    TRY(if_gone(call, &in->user_id,
                call_query(call, &sql_ban_add, &result, DB_INTEGER(in->id.value), DB_INTEGER(in->user_id.value),
                           DB_INTEGER(call->caller.id), DB_BOOLEAN(is_admin(call)))));
    return check_outcome(call, &in->id, db_text(&result, 0, 0));
}

enum error room_ban_remove(struct call *call, const struct room_user *in)
{
    struct db_result result;
    TRY(call_query(call, &sql_ban_remove, &result, DB_INTEGER(in->id.value), DB_INTEGER(in->user_id.value)));
    return check_outcome(call, &in->id, db_text(&result, 0, 0));
}

enum error room_invitation_list(struct call *call, const struct room_page *in)
{
    return reply_people(call, in, &sql_invitation_list, &room_invited_message);
}

enum error room_invitation_add(struct call *call, const struct room_user *in)
{
    struct db_result result;
    TRY(check_person(call, &in->user_id));
    TRY(if_gone(call, &in->user_id,
                call_query(call, &sql_invitation_add, &result, DB_INTEGER(in->id.value), DB_INTEGER(in->user_id.value),
                           DB_INTEGER(call->caller.id))));
    return check_outcome(call, &in->id, db_text(&result, 0, 0));
}

enum error room_invitation_remove(struct call *call, const struct room_user *in)
{
    struct db_result result;
    TRY(call_query(call, &sql_invitation_remove, &result, DB_INTEGER(in->id.value), DB_INTEGER(in->user_id.value)));
    return check_outcome(call, &in->id, db_text(&result, 0, 0));
}
