/* People as others see them: one, pages of many, and what a token's subject is now. */
#include "services/user/user.h"

enum { PAGE_LIMIT = 100 };

/* Emails, and what became of accounts, are shown to those they belong to, and to admins. */
static void hide_private(const struct call *call, struct user_view *user)
{
    bool is_self = call->caller.id == user->id;
    if (is_self || str_equal(call->caller.role, STR("admin")))
        return;
    user->has_email = false;
    user->has_email_verified = false;
    user->has_disabled = false;
    user->has_pending_email = false;
}

enum error user_profile(struct call *call, const struct empty *in)
{
    (void)in;
    struct db_result result;
    TRY(call_query(call, &sql_user_get, &result, DB_INTEGER(call->caller.id)));
    if (result.rows == 0)
        return ERROR_UNAUTHORIZED;
    struct user_view user;
    db_decode(&result, 0, &user_view_message, &user);
    return call_reply(call, &user);
}

enum error user_get(struct call *call, const struct user_by_id *in)
{
    struct db_result result;
    TRY(call_query(call, &sql_user_get, &result, DB_INTEGER(in->id.value)));
    if (result.rows == 0)
        return call_fail(call, ERROR_USER_NOT_FOUND, "User with ID %.*s not found", STR_ARGS(in->id.text));
    struct user_view user;
    db_decode(&result, 0, &user_view_message, &user);
    hide_private(call, &user);
    return call_reply(call, &user);
}

/* The statement is asked for one person more than the page holds: their presence says that another page follows. */
enum error user_list(struct call *call, const struct page *in)
{
    int64_t limit = in->has_limit ? in->limit : PAGE_LIMIT;
    struct db_result result;
    TRY(call_query(call, &sql_user_list, &result, DB_INTEGER(in->after), DB_INTEGER(limit + 1)));
    bool has_next = result.rows > (size_t)limit;
    size_t shown = has_next ? (size_t)limit : result.rows;
    struct user_view user = {0};
    call_list_open(call);
    for (size_t i = 0; i < shown; i++) {
        db_decode(&result, i, &user_view_message, &user);
        hide_private(call, &user);
        call_list_add(call, &user);
    }
    return call_list_end(call, has_next ? user.id : 0);
}

/* Ids of nobody are left out. */
enum error user_get_many(struct call *call, const struct user_ids *in)
{
    struct db_result result;
    TRY(call_query(call, &sql_user_get_many, &result, db_integers(call->arena, in->ids)));
    struct user_view user;
    call_list_open(call);
    for (size_t i = 0; i < result.rows; i++) {
        db_decode(&result, i, &user_view_message, &user);
        hide_private(call, &user);
        call_list_add(call, &user);
    }
    return call_list_end(call, 0);
}

enum error user_principal(struct call *call, const struct user_ref *in)
{
    struct db_result result;
    TRY(call_query(call, &sql_user_principal, &result, DB_INTEGER(in->user_id)));
    if (result.rows == 0)
        return ERROR_USER_NOT_FOUND;
    struct principal principal;
    db_decode(&result, 0, &principal_message, &principal);
    return call_reply(call, &principal);
}
