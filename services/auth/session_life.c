/* Sessions: how they begin, who sees them, how they end. Whoever ends one tells the gateways before it answers: the
 * next request with the session's access token is refused. */
#include "common/log.h"
#include "services/auth/auth.h"
#include "services/auth/throttle.h"

/* ---- beginning ---- */

static void announce_end(struct call *call, int64_t session_id, int64_t user_id)
{
    const struct session_ref ref = {.session_id = session_id, .user_id = user_id};
    call_announce(call, EVENT_SESSION_ENDED, &session_ref_message, &ref);
}

void announce_ends(struct call *call, int64_t user_id, const struct db_result *ended)
{
    for (size_t i = 0; i < ended->rows; i++)
        announce_end(call, db_integer(ended, i, 0), user_id);
}

enum error begin_session(struct call *call, int64_t user_id, const struct login_proof *login, struct session *session)
{
    const struct auth_config *config = service_config(call->service);
    struct refresh_token *token = &session->token;
    refresh_token_make(token);
    token->user_id = user_id;
    const struct login_counts counts =
        login != NULL ? throttle_login_counts(call, login->username) : (struct login_counts){DB_NULL, DB_NULL, DB_NULL};
    struct db_result result;
    TRY(call_query(call, &sql_session_create, &result, DB_INTEGER(user_id),
                   DB_TEXT(refresh_token_key_hash(call->arena, token)), DB_TEXT(refresh_token_hash(call->arena, token)),
                   DB_INTEGER(config->refresh_ttl_s), DB_INTEGER(config->session_ttl_s), DB_TEXT(call->client.address),
                   DB_TEXT(call->client.agent), DB_INTEGER(config->sessions_per_user),
                   DB_OPTIONAL(login != NULL, DB_TEXT(login->credential.set_at)),
                   DB_OPTIONAL(login != NULL, DB_TEXT(STR("login"))), DB_TEXT(call->request_id), counts.address,
                   counts.address_limit, counts.account));
    if (result.rows == 0)
        return ERROR_UNAUTHORIZED;
    for (size_t i = 0; i < result.rows; i++) {
        int64_t id = db_integer(&result, i, 0);
        bool is_new = db_boolean(&result, i, 1);
        if (is_new) {
            token->session_id = id;
            session->expires_at = db_integer(&result, i, 2);
        } else {
            announce_end(call, id, user_id);
        }
    }
    return OK;
}

/* ---- looking ---- */

enum error session_get(struct call *call, const struct session_query *in)
{
    struct db_result result;
    TRY(call_query(call, &sql_session_get, &result, DB_INTEGER(in->session_id)));
    if (result.rows == 0)
        return ERROR_SESSION_NOT_FOUND;
    struct session_ref ref;
    db_decode(&result, 0, &session_ref_message, &ref);
    return call_reply(call, &ref);
}

enum error session_list(struct call *call, const struct empty *in)
{
    (void)in;
    struct db_result result;
    TRY(call_query(call, &sql_session_list, &result, DB_INTEGER(call->caller.id), DB_INTEGER(call->caller.session_id)));
    call_list_open(call);
    for (size_t i = 0; i < result.rows; i++) {
        struct session_info info;
        db_decode(&result, i, &session_info_message, &info);
        call_list_add(call, &info);
    }
    return call_list_end(call, 0);
}

/* ---- ending ---- */

enum error end_session(struct call *call, int64_t user_id, int64_t session_id)
{
    struct db_result result;
    TRY(call_query(call, &sql_session_end, &result, DB_INTEGER(session_id), DB_INTEGER(user_id)));
    if (result.rows == 0)
        return ERROR_SESSION_NOT_FOUND;
    announce_end(call, session_id, user_id);
    return OK;
}

enum error end_sessions(struct call *call, int64_t user_id, int64_t except_session_id)
{
    struct db_result result;
    TRY(call_query(call, &sql_session_end_all, &result, DB_INTEGER(user_id), DB_INTEGER(except_session_id)));
    announce_ends(call, user_id, &result);
    return OK;
}

/* A token that another holder of the secret signed has no session: there is nothing of ours to end. */
static enum error end_own(struct call *call)
{
    enum error error = end_session(call, call->caller.id, call->caller.session_id);
    return error == ERROR_SESSION_NOT_FOUND ? OK : error;
}

enum error logout(struct call *call, const struct logout *in)
{
    enum error error;
    if (in->has_scope && str_equal(in->scope, STR("all")))
        error = end_sessions(call, call->caller.id, 0);
    else if (in->has_scope && str_equal(in->scope, STR("others")))
        error = end_sessions(call, call->caller.id, call->caller.session_id);
    else
        error = end_own(call);
    TRY(error);
    audit(call, "logout", call->caller.id);
    return OK;
}

enum error session_delete(struct call *call, const struct session_by_id *in)
{
    enum error error = end_session(call, call->caller.id, in->id.value);
    if (error == ERROR_SESSION_NOT_FOUND)
        return call_fail(call, error, "Session with ID %.*s not found", STR_ARGS(in->id.text));
    TRY(error);
    audit(call, "session_ended", call->caller.id);
    return OK;
}
