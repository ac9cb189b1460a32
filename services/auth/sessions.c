/* Logging in, and what whoever has a new session or a new token is answered. */
#include <time.h>

#include "common/log.h"
#include "common/token.h"
#include "services/auth/auth.h"

/* ---- the reply ---- */

/* Good no longer than its session. */
static struct str sign_token(struct call *call, const struct user_view *user, const struct session *session,
                             int64_t *lifetime_s)
{
    const struct auth_config *config = service_config(call->service);
    int64_t now_s = time(NULL);
    int64_t session_s = session->expires_at - now_s;
    *lifetime_s = config->jwt_ttl_s < session_s ? config->jwt_ttl_s : session_s;
    const struct token_claims claims = {.sub = user->id,
                                        .username = user->username,
                                        .issued_at = now_s,
                                        .expires_at = now_s + *lifetime_s,
                                        .session_id = session->token.session_id,
                                        .role = user->role};
    return token_sign(config->keys, call->arena, &claims);
}

/* session NULL = none */
static enum error reply(struct call *call, const struct user_view *user, const struct session *session)
{
    struct buffer packed_user = {0};
    schema_encode(&user_view_message, user, &packed_user);
    struct session_view view = {.user = buffer_str(&packed_user)};
    if (session != NULL) {
        view.access_token = sign_token(call, user, session, &view.expires_in);
        view.refresh_token = refresh_token_write(call->arena, &session->token);
        view.token_type = STR("Bearer");
        view.has_access_token = view.has_refresh_token = view.has_expires_in = view.has_token_type = true;
    }
    enum error error = call_reply(call, &view);
    buffer_free(&packed_user);
    return error;
}

enum error reply_user(struct call *call, const struct user_view *user)
{
    return reply(call, user, NULL);
}

enum error reply_tokens(struct call *call, const struct user_view *user, const struct session *session)
{
    return reply(call, user, session);
}

enum error reply_session(struct call *call, const struct user_view *user)
{
    struct session session;
    TRY(begin_session(call, user->id, NULL, &session));
    return reply_tokens(call, user, &session);
}

/* ---- login ---- */

/* The user of a name, or one with id 0, for which nobody has a password: the steps are the same, and take as long. */
static enum error find_user(struct call *call, struct str username, struct user_view *user)
{
    *user = (struct user_view){0};
    enum error error = call_service(call, &user_find_method, &(struct user_by_username){.username = username}, user);
    return error == ERROR_USER_NOT_FOUND ? OK : error;
}

/* Makes the hash anew with today's cost. The login is good without it: a failure is told in the log, and the next login
 * tries again. */
static void rehash_password(struct call *call, int64_t user_id, struct str password, struct str old_hash)
{
    struct str hash;
    enum error error = hash_password(call, password, &hash);
    if (error == OK) {
        struct db_result result;
        error =
            call_query(call, &sql_credential_rehash, &result, DB_INTEGER(user_id), DB_TEXT(old_hash), DB_TEXT(hash));
    }
    if (error != OK)
        log_warn("an outdated password hash stays", LOG_I("user_id", user_id), LOG_Z("reason", error_message(error)),
                 LOG_S("request_id", call->request_id));
}

static enum error log_in(struct call *call, const struct login *in)
{
    struct user_view user;
    struct login_proof proof = {.username = in->username};
    bool matches, outdated;
    TRY(find_user(call, in->username, &user));
    TRY(read_credential(call, user.id, &proof.credential));
    TRY(verify_password(call, in->password, proof.credential.hash, &matches, &outdated));
    if (!matches) {
        audit(call, "login_failed", user.id);
        return ERROR_UNAUTHORIZED;
    }
    call->caller.id = user.id;
    if (outdated)
        rehash_password(call, user.id, in->password, proof.credential.hash);
    if (user.disabled) {
        audit(call, "login_refused", user.id);
        return ERROR_ACCOUNT_DISABLED;
    }
    const struct auth_config *config = service_config(call->service);
    if (config->require_verified_email && !user.email_verified) {
        audit(call, "login_refused", user.id);
        return ERROR_EMAIL_NOT_VERIFIED;
    }
    struct session session;
    TRY(begin_session(call, user.id, &proof, &session));
    return reply_tokens(call, &user, &session);
}

/* Throttled logins end before anything is looked up or hashed. */
enum error login(struct call *call, const struct login *in)
{
    int64_t failures;
    TRY(throttle_login(call, in->username, &failures));
    return throttle_login_end(call, in->username, failures, log_in(call, in));
}
