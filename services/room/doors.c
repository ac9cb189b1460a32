/* Who is let in without asking, and who never: invitations and bans. */
#include "services/room/people.h"

/* A number that is nobody's today will be somebody's. */
static enum error check_user(struct call *call, const struct path_id *user)
{
    struct user_view found;
    return call_service(call, &user_get_method, &(struct user_by_id){.id = *user}, &found);
}

/* The outcome of a statement about a user whom check_user found: who is gone since was deleted this very moment. */
static enum error conclude(struct call *call, const struct room_user *in, enum error error,
                           const struct db_result *result)
{
    if (error == ERROR_GONE)
        return call_fail(call, ERROR_USER_NOT_FOUND, "User with ID %.*s not found", STR_ARGS(in->user_id.text));
    TRY(error);
    return check_outcome(call, &in->id, db_text(result, 0, 0));
}

enum error room_ban_list(struct call *call, const struct room_page *in)
{
    return reply_people(call, in, &sql_ban_list, &room_banned_message);
}

enum error room_ban_add(struct call *call, const struct room_user *in)
{
    struct db_result result;
    TRY(check_user(call, &in->user_id));
    enum error error = call_query(call, &sql_ban_add, &result, DB_INTEGER(in->id.value), DB_INTEGER(in->user_id.value),
                                  DB_INTEGER(call->caller.id), DB_BOOLEAN(is_admin(call)));
    return conclude(call, in, error, &result);
}

enum error room_ban_remove(struct call *call, const struct room_user *in)
{
    struct db_result result;
    TRY(call_query(call, &sql_ban_remove, &result, DB_INTEGER(in->id.value), DB_INTEGER(in->user_id.value)));
    return conclude(call, in, OK, &result);
}

enum error room_invitation_list(struct call *call, const struct room_page *in)
{
    return reply_people(call, in, &sql_invitation_list, &room_invited_message);
}

enum error room_invitation_add(struct call *call, const struct room_user *in)
{
    struct db_result result;
    TRY(check_user(call, &in->user_id));
    enum error error = call_query(call, &sql_invitation_add, &result, DB_INTEGER(in->id.value),
                                  DB_INTEGER(in->user_id.value), DB_INTEGER(call->caller.id));
    return conclude(call, in, error, &result);
}

enum error room_invitation_remove(struct call *call, const struct room_user *in)
{
    struct db_result result;
    TRY(call_query(call, &sql_invitation_remove, &result, DB_INTEGER(in->id.value), DB_INTEGER(in->user_id.value)));
    return conclude(call, in, OK, &result);
}
