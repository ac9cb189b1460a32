/* Sessions: logging in, a new token for an old one, and what both answer. */
#include <time.h>

#include "common/log.h"
#include "common/token.h"
#include "services/auth/auth.h"

/* ---- the reply ---- */

static struct str sign_token(struct call *call, const struct user_view *user)
{
    const struct auth_config *config = service_config(call->service);
    int64_t now_s = time(NULL);
    const struct token_claims claims = {.sub = user->id,
                                        .username = user->username,
                                        .issued_at = now_s,
                                        .expires_at = now_s + config->jwt_ttl_s,
                                        .role = user->role};
    return token_sign(config->keys, call->arena, &claims);
}

enum error reply_session(struct call *call, const struct user_view *user)
{
    struct buffer packed_user = {0};
    schema_encode(&user_view_message, user, &packed_user);
    const struct session_view session = {.access_token = sign_token(call, user), .user = buffer_str(&packed_user)};
    enum error error = call_reply(call, &session);
    buffer_free(&packed_user);
    return error;
}

/* ---- login ---- */

/* The user of a name, or one with id 0, for which nobody has a password: the steps are the same, and take as long. */
static enum error find_user(struct call *call, struct str username, struct user_view *user)
{
    *user = (struct user_view){0};
    enum error error = call_service(call, &user_find_method, &(struct user_by_username){.username = username}, user);
    return error == ERROR_USER_NOT_FOUND ? OK : error;
}

/* An empty hash where there is none. */
static enum error read_hash(struct call *call, int64_t user_id, struct str *hash)
{
    struct db_result result;
    TRY(call_query(call, &sql_credential_get, &result, DB_INTEGER(user_id)));
    *hash = result.rows > 0 ? db_text(&result, 0, 0) : STR("");
    return OK;
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

enum error login(struct call *call, const struct login *in)
{
    struct user_view user;
    struct str hash;
    bool matches, outdated;
    TRY(find_user(call, in->username, &user));
    TRY(read_hash(call, user.id, &hash));
    TRY(verify_password(call, in->password, hash, &matches, &outdated));
    if (!matches)
        return ERROR_UNAUTHORIZED;
    if (outdated)
        rehash_password(call, user.id, in->password, hash);
    return reply_session(call, &user);
}

/* ---- refresh ---- */

/* ERROR_UNAUTHORIZED of a caller who does not exist any more comes from the user service. */
enum error refresh(struct call *call, const struct empty *in)
{
    (void)in;
    struct user_view user;
    TRY(call_service(call, &user_profile_method, &(struct empty){0}, &user));
    return reply_session(call, &user);
}
