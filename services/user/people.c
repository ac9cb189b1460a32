/* Finding, making, changing and deleting people: what the auth service asks for, which has decided who may. */
#include "services/user/user.h"

/* The first row, whole: whoever gets it is trusted with the email. */
static enum error reply_person(struct call *call, const struct db_result *result)
{
    struct user_view user;
    db_decode(result, 0, &user_view_message, &user);
    return call_reply(call, &user);
}

enum error user_find(struct call *call, const struct user_by_username *in)
{
    struct db_result result;
    TRY(call_query(call, &sql_user_find, &result, DB_TEXT(in->username)));
    if (result.rows == 0)
        return ERROR_USER_NOT_FOUND;
    return reply_person(call, &result);
}

/* Sets an id aside. Stores nothing: of two who reserve one name, user_create takes the first that comes. */
enum error user_reserve(struct call *call, const struct user_reserve *in)
{
    struct db_result result;
    TRY(call_query(call, &sql_user_reserve, &result, DB_TEXT(in->username), DB_TEXT(in->email)));
    if (result.rows == 0)
        return ERROR_USER_EXISTS;
    struct user_reserved reserved;
    db_decode(&result, 0, &user_reserved_message, &reserved);
    return call_reply(call, &reserved);
}

enum error user_create(struct call *call, const struct user_create *in)
{
    struct db_result result;
    enum error error =
        call_query(call, &sql_user_create, &result, DB_INTEGER(in->user_id), DB_TEXT(in->username), DB_TEXT(in->email));
    if (error == ERROR_CONFLICT)
        return ERROR_USER_EXISTS;
    TRY(error);
    return reply_person(call, &result);
}

static enum error user_not_found(struct call *call, int64_t user_id)
{
    return call_fail(call, ERROR_USER_NOT_FOUND, "User with ID %lld not found", (long long)user_id);
}

/* Whoever cached the principal asks again. */
static void tell_changed(struct call *call, int64_t user_id)
{
    service_announce(call->service, EVENT_USER_CHANGED, &user_ref_message, &(struct user_ref){.user_id = user_id});
}

/* Why a statement found nobody to change. */
static enum error explain_nobody(struct call *call, int64_t user_id)
{
    struct db_result result;
    TRY(call_query(call, &sql_user_principal, &result, DB_INTEGER(user_id)));
    return result.rows > 0 ? ERROR_LAST_ADMIN : user_not_found(call, user_id);
}

enum error user_update(struct call *call, const struct user_update *in)
{
    struct db_result result;
    enum error error = call_query(
        call, &sql_user_update, &result, DB_INTEGER(in->user_id), DB_OPTIONAL(in->has_username, DB_TEXT(in->username)),
        DB_OPTIONAL(in->has_email, DB_TEXT(in->email)), DB_OPTIONAL(in->has_role, DB_TEXT(in->role)),
        DB_OPTIONAL(in->has_disabled, DB_BOOLEAN(in->disabled)));
    if (error == ERROR_CONFLICT)
        return ERROR_USER_EXISTS;
    TRY(error);
    if (result.rows == 0)
        return explain_nobody(call, in->user_id);
    tell_changed(call, in->user_id);
    return reply_person(call, &result);
}

enum error user_delete(struct call *call, const struct user_ref *in)
{
    struct db_result result;
    TRY(call_query(call, &sql_user_delete, &result, DB_INTEGER(in->user_id)));
    if (result.rows == 0)
        return explain_nobody(call, in->user_id);
    tell_changed(call, in->user_id);
    return OK;
}
