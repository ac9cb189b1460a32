/* Finding, making, changing and deleting people: what the auth service asks for, which has decided who may. */
#include "common/log.h"
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

enum error user_find_email(struct call *call, const struct user_by_email *in)
{
    struct db_result result;
    TRY(call_query(call, &sql_user_find_email, &result, DB_TEXT(in->email)));
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
    call_announce(call, EVENT_USER_CHANGED, &user_ref_message, &(struct user_ref){.user_id = user_id});
}

/* Why a statement found nobody to change. */
static enum error explain_nobody(struct call *call, int64_t user_id)
{
    struct db_result result;
    TRY(call_query(call, &sql_user_principal, &result, DB_INTEGER(user_id)));
    return result.rows > 0 ? ERROR_LAST_ADMIN : user_not_found(call, user_id);
}

/* Told early: an email that waits to be confirmed meets the constraint only then. */
static enum error check_email_free(struct call *call, struct str email, int64_t except_id)
{
    struct db_result result;
    TRY(call_query(call, &sql_user_email_taken, &result, DB_TEXT(email), DB_INTEGER(except_id)));
    return result.rows == 0 ? OK : ERROR_USER_EXISTS;
}

enum error user_update(struct call *call, const struct user_update *in)
{
    struct db_result result;
    if (in->has_email && in->confirm)
        TRY(check_email_free(call, in->email, in->user_id));
    enum error error = call_query(
        call, &sql_user_update, &result, DB_INTEGER(in->user_id), DB_OPTIONAL(in->has_username, DB_TEXT(in->username)),
        DB_OPTIONAL(in->has_email, DB_TEXT(in->email)), DB_OPTIONAL(in->has_role, DB_TEXT(in->role)),
        DB_OPTIONAL(in->has_disabled, DB_BOOLEAN(in->disabled)), DB_BOOLEAN(in->confirm));
    if (error == ERROR_CONFLICT)
        return ERROR_USER_EXISTS;
    TRY(error);
    if (result.rows == 0)
        return explain_nobody(call, in->user_id);
    tell_changed(call, in->user_id);
    return reply_person(call, &result);
}

/* ---- emails ---- */

enum error user_verify_email(struct call *call, const struct user_verify_email *in)
{
    const struct user_config *config = service_config(call->service);
    struct db_result result;
    enum error error = call_query(call, &sql_user_verify_email, &result, DB_INTEGER(in->user_id), DB_TEXT(in->email),
                                  DB_TEXT(str_from(config->admin_email)));
    if (error == ERROR_CONFLICT)
        return ERROR_USER_EXISTS;
    TRY(error);
    if (result.rows == 0)
        return ERROR_USER_NOT_FOUND;
    struct user_verified verified;
    db_decode(&result, 0, &user_verified_message, &verified);
    tell_changed(call, in->user_id);
    return call_reply(call, &verified);
}

void make_admin_of_email(struct call *call)
{
    const struct user_config *config = service_config(call->service);
    struct db_result result;
    enum error error = call_query(call, &sql_user_make_admin, &result, DB_TEXT(str_from(config->admin_email)));
    if (error != OK) {
        log_warn("ADMIN_EMAIL is not looked up; a restart of the service does", LOG_Z("reason", error_message(error)));
        return;
    }
    for (size_t i = 0; i < result.rows; i++) {
        int64_t id = db_integer(&result, i, 0);
        tell_changed(call, id);
        log_info("made an admin by ADMIN_EMAIL", LOG_I("user_id", id));
    }
}

/* ---- the end ---- */

enum error user_delete(struct call *call, const struct user_ref *in)
{
    struct db_result result;
    TRY(call_query(call, &sql_user_delete, &result, DB_INTEGER(in->user_id)));
    if (result.rows == 0)
        return explain_nobody(call, in->user_id);
    tell_changed(call, in->user_id);
    return OK;
}
