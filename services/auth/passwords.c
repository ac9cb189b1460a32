/* Passwords: which may be somebody's, how they are kept, and changing one's own. */
#include "services/auth/auth.h"

#include <inttypes.h>

#include "common/log.h"
#include "services/auth/password_policy.h"

/* The contract's least length is the message's own rule; this one is the operator's. Lengths are JavaScript's, as
 * there.
 */
enum error check_new_password(struct call *call, struct str password)
{
    const struct auth_config *config = service_config(call->service);
    if ((int64_t)str_utf16_len(password) < config->password_min_length)
        return call_fail_validation(call, "password must be longer than or equal to %" PRId64 " characters",
                                    config->password_min_length);
    if (config->password_check_common && password_is_common(password))
        return call_fail_validation(call, "password is too common");
    return OK;
}

enum error read_credential(struct call *call, int64_t user_id, struct credential *credential)
{
    struct db_result result;
    TRY(call_query(call, &sql_credential_get, &result, DB_INTEGER(user_id)));
    *credential = result.rows > 0 ? (struct credential){db_text(&result, 0, 0), db_text(&result, 0, 1)}
                                  : (struct credential){STR(""), STR("")};
    return OK;
}

enum error set_password(struct call *call, int64_t user_id, struct str hash, int64_t except_session_id)
{
    struct db_result result;
    TRY(call_query(call, &sql_credential_set, &result, DB_INTEGER(user_id), DB_TEXT(hash),
                   DB_INTEGER(except_session_id)));
    announce_ends(call, user_id, &result);
    return OK;
}

/* Whoever has got hold of a session shall not find out the password by it. */
static enum error check_current(struct call *call, struct str password)
{
    struct credential credential;
    struct str user = arena_printf(call->arena, "%lld", (long long)call->caller.id);
    bool matches, outdated;
    TRY(throttle(call, THROTTLE_PASSWORD, user));
    TRY(read_credential(call, call->caller.id, &credential));
    TRY(verify_password(call, password, credential.hash, &matches, &outdated));
    if (!matches) {
        audit(call, "password_wrong", call->caller.id);
        return ERROR_PASSWORD_WRONG;
    }
    throttle_forgive(call, THROTTLE_PASSWORD, user);
    return OK;
}

/* Whoever else is logged in with the old password is out; the caller stays. */
enum error password_change(struct call *call, const struct password_change *in)
{
    struct str hash;
    TRY(check_new_password(call, in->password));
    TRY(check_current(call, in->current_password));
    TRY(hash_password(call, in->password, &hash));
    TRY(set_password(call, call->caller.id, hash, call->caller.session_id));
    audit(call, "password_changed", call->caller.id);
    send_notice(call, MAIL_PASSWORD_CHANGED, call->caller.id, STR(""));
    return OK;
}
