/* A new access token: for a refresh token, which is exchanged for the next one, or for the access token of before, as
 * today's front end does. */
#include "common/log.h"
#include "services/auth/auth.h"

/* How long the token before the current one is good again: two tabs of one browser refresh at the same time. */
enum { GRACE_S = 10 };

struct str server_key(const struct auth_config *config)
{
    bool is_secret = config->tokens.algorithm == TOKEN_HS256;
    return str_from(is_secret ? config->tokens.secret : config->tokens.key);
}

/* The caller's own user; ERROR_UNAUTHORIZED where there is none any more, or it is disabled. */
static enum error read_caller(struct call *call, struct user_view *user)
{
    TRY(call_service(call, &user_profile_method, &(struct empty){0}, user));
    return user->disabled ? ERROR_UNAUTHORIZED : OK;
}

/* ---- by refresh token ---- */

/* Somebody has a token that was exchanged long ago: stolen then or now, the session is not its owner's alone. It has
 * ended; the gateways are told. */
static enum error refuse_replay(struct call *call, const struct refresh_token *token)
{
    const struct session_ref ref = {.session_id = token->session_id, .user_id = token->user_id};
    call_announce(call, EVENT_SESSION_ENDED, &session_ref_message, &ref);
    audit(call, "refresh_replayed", token->user_id);
    log_warn("an old refresh token was presented: its session ends", LOG_I("user_id", token->user_id),
             LOG_I("session_id", token->session_id), LOG_S("request_id", call->request_id));
    return ERROR_UNAUTHORIZED;
}

static enum error rotate(struct call *call, const struct refresh_token *presented, struct session *session)
{
    const struct auth_config *config = service_config(call->service);
    refresh_token_follow(server_key(config), presented, &session->token);
    struct db_result result;
    TRY(call_query(call, &sql_session_rotate, &result, DB_INTEGER(presented->session_id),
                   DB_TEXT(refresh_token_key_hash(call->arena, presented)),
                   DB_TEXT(refresh_token_hash(call->arena, presented)),
                   DB_TEXT(refresh_token_hash(call->arena, &session->token)), DB_INTEGER(GRACE_S),
                   DB_INTEGER(config->refresh_ttl_s), DB_INTEGER(config->session_ttl_s), DB_TEXT(call->client.address),
                   DB_TEXT(call->client.agent), DB_INTEGER(presented->user_id)));
    if (result.rows == 0)
        return ERROR_UNAUTHORIZED;
    bool is_good = db_boolean(&result, 0, 0), holds_next = db_boolean(&result, 0, 1);
    if (!is_good)
        return refuse_replay(call, presented);
    session->expires_at = db_integer(&result, 0, 2);
    return holds_next ? OK : ERROR_UNAUTHORIZED; /* the server's key changed between the two */
}

/* The token's user is asked for first: once the token is exchanged, nothing may fail that would keep the next one from
 * its owner. Whether the token is worth anything, rotate decides. */
static enum error refresh_by_token(struct call *call, struct str text)
{
    struct refresh_token presented;
    if (!refresh_token_read(text, &presented))
        return ERROR_UNAUTHORIZED;
    call->caller = (struct caller){.id = presented.user_id, .session_id = presented.session_id};
    struct user_view user;
    struct session session;
    TRY(read_caller(call, &user));
    TRY(rotate(call, &presented, &session));
    return reply_tokens(call, &user, &session);
}

/* ---- by access token ---- */

static enum error renew(struct call *call, struct session *session)
{
    const struct auth_config *config = service_config(call->service);
    struct refresh_token *token = &session->token;
    refresh_token_make(token);
    token->session_id = call->caller.session_id;
    token->user_id = call->caller.id;
    struct db_result result;
    TRY(call_query(call, &sql_session_renew, &result, DB_INTEGER(token->session_id), DB_INTEGER(token->user_id),
                   DB_TEXT(refresh_token_key_hash(call->arena, token)), DB_TEXT(refresh_token_hash(call->arena, token)),
                   DB_INTEGER(config->refresh_ttl_s), DB_INTEGER(config->session_ttl_s), DB_TEXT(call->client.address),
                   DB_TEXT(call->client.agent)));
    if (result.rows == 0)
        return ERROR_UNAUTHORIZED;
    session->expires_at = db_integer(&result, 0, 0);
    return OK;
}

/* A token of another holder of the secret has no session yet. */
static enum error refresh_by_access(struct call *call)
{
    struct user_view user;
    TRY(read_caller(call, &user));
    if (call->caller.session_id == 0)
        return reply_session(call, &user);
    struct session session;
    TRY(renew(call, &session));
    return reply_tokens(call, &user, &session);
}

enum error refresh(struct call *call, const struct refresh *in)
{
    TRY(throttle(call, THROTTLE_REFRESH, call->client.address));
    if (in->has_refresh_token)
        return refresh_by_token(call, in->refresh_token);
    return call->caller.id != 0 ? refresh_by_access(call) : ERROR_UNAUTHORIZED;
}
