/* Accounts: a person of the user service together with a credential of ours. There is no transaction over the two: the
 * person is the commit point. A credential is written before it, and taken away after it; one without a person is
 * inert. */
#include "common/log.h"
#include "services/auth/auth.h"

enum error guard_account(struct call *call, const struct path_id *id)
{
    bool is_self = call->caller.id != 0 && call->caller.id == id->value;
    return is_self || str_equal(call->caller.role, STR("admin")) ? OK : ERROR_FORBIDDEN;
}

/* In place of the user service's text: the id as it was sent. */
static enum error user_not_found(struct call *call, const struct path_id *id)
{
    return call_fail(call, ERROR_USER_NOT_FOUND, "User with ID %.*s not found", STR_ARGS(id->text));
}

enum error hash_password(struct call *call, struct str password, struct str *hash)
{
    const struct auth_config *config = service_config(call->service);
    return password_hash(service_loop(call->service), call->deadline_ms, call->arena, &config->password_cost, password,
                         hash);
}

enum error verify_password(struct call *call, struct str password, struct str hash, bool *matches, bool *outdated)
{
    const struct auth_config *config = service_config(call->service);
    return password_verify(service_loop(call->service), call->deadline_ms, &config->password_cost, password, hash,
                           matches, outdated);
}

static void delete_credential(struct call *call, int64_t user_id)
{
    struct db_result result;
    enum error error = call_query(call, &sql_credential_delete, &result, DB_INTEGER(user_id));
    if (error != OK)
        log_warn("a credential without a person stays", LOG_I("user_id", user_id),
                 LOG_Z("reason", error_message(error)), LOG_S("request_id", call->request_id));
}

/* ---- creating ---- */

/* The name is checked before its password is hashed, which is dear, and decided by user.create. Killed anywhere before
 * that, the name is free; after it, the account is whole. Where the outcome of user.create is unknown, the credential
 * stays. */
static enum error create(struct call *call, const struct account_create *in, struct user_view *user)
{
    TRY(check_new_password(call, in->password));
    TRY(throttle(call, THROTTLE_REGISTER, call->client.address));
    struct user_reserved reserved;
    const struct user_reserve reserve = {.username = in->username, .email = in->email};
    TRY(call_service(call, &user_reserve_method, &reserve, &reserved));
    struct str hash;
    TRY(hash_password(call, in->password, &hash));
    struct db_result result;
    TRY(call_query(call, &sql_credential_create, &result, DB_INTEGER(reserved.user_id), DB_TEXT(hash)));
    const struct user_create person = {.user_id = reserved.user_id, .username = in->username, .email = in->email};
    enum error error = call_service(call, &user_create_method, &person, user);
    if (error == ERROR_USER_EXISTS)
        delete_credential(call, reserved.user_id);
    TRY(error);
    user->rooms = STR("\x90"); /* an empty array in MessagePack: nobody new is in a room */
    user->has_rooms = true;
    audit(call, "registered", user->id);
    send_notice(call, MAIL_VERIFY_EMAIL, user->id, STR(""));
    return OK;
}

enum error account_register(struct call *call, const struct account_create *in)
{
    struct user_view user;
    const struct auth_config *config = service_config(call->service);
    TRY(create(call, in, &user));
    return config->require_verified_email ? reply_user(call, &user) : reply_session(call, &user);
}

enum error account_create(struct call *call, const struct account_create *in)
{
    struct user_view user;
    TRY(create(call, in, &user));
    return call_reply(call, &user);
}

/* ---- changing ---- */

static enum error read_user(struct call *call, const struct path_id *id, struct user_view *user)
{
    enum error error = call_service(call, &user_get_method, &(struct user_by_id){.id = *id}, user);
    return error == ERROR_USER_NOT_FOUND ? user_not_found(call, id) : error;
}

static enum error update_person(struct call *call, const struct account_update *in, struct user_view *user)
{
    const struct user_update update = {.user_id = in->id.value,
                                       .username = in->username,
                                       .has_username = in->has_username,
                                       .email = in->email,
                                       .has_email = in->has_email,
                                       .confirm = call->caller.id == in->id.value,
                                       .has_confirm = true,
                                       .role = in->role,
                                       .has_role = in->has_role,
                                       .disabled = in->disabled,
                                       .has_disabled = in->has_disabled};
    enum error error = call_service(call, &user_update_method, &update, user);
    return error == ERROR_USER_NOT_FOUND ? user_not_found(call, &in->id) : error;
}

static void tell_update(struct call *call, const struct account_update *in, bool is_new_email)
{
    if (in->has_username || in->has_email)
        audit(call, "account_changed", in->id.value);
    if (is_new_email)
        send_notice(call, MAIL_VERIFY_EMAIL, in->id.value, STR(""));
    if (in->has_password) {
        audit(call, "password_changed", in->id.value);
        send_notice(call, MAIL_PASSWORD_CHANGED, in->id.value, STR(""));
    }
    if (in->has_role)
        audit(call, str_equal(in->role, STR("admin")) ? "made_admin" : "made_user", in->id.value);
    if (in->has_disabled)
        audit(call, in->disabled ? "disabled" : "enabled", in->id.value);
}

/* The hash is made first, so that a full hashing queue refuses the whole change; it is stored last, so that a taken
 * name does. */
enum error account_update(struct call *call, const struct account_update *in)
{
    struct user_view user;
    struct str hash = {0};
    bool is_admin = str_equal(call->caller.role, STR("admin"));
    if ((in->has_role || in->has_disabled) && !is_admin)
        return ERROR_FORBIDDEN;
    if (in->has_password)
        TRY(check_new_password(call, in->password));
    TRY(read_user(call, &in->id, &user));
    bool was_disabled = user.disabled, is_new_email = in->has_email && !str_equal(in->email, user.email);
    if (is_new_email) /* whose mailbox a mail goes to then */
        TRY(throttle(call, THROTTLE_VERIFY, call->client.address));
    if (in->has_password)
        TRY(hash_password(call, in->password, &hash));
    if (in->has_username || in->has_email || in->has_role || in->has_disabled)
        TRY(update_person(call, in, &user));
    if (in->has_password) {
        bool is_self = call->caller.id == in->id.value;
        TRY(set_password(call, in->id.value, hash, is_self ? call->caller.session_id : 0));
    }
    /* Also of one that is enabled: what the end of its sessions missed when it was disabled does not come back to life.
     */
    if (in->has_disabled && (in->disabled || was_disabled))
        TRY(end_sessions(call, in->id.value, 0));
    tell_update(call, in, is_new_email);
    return call_reply(call, &user);
}

/* ---- deleting ---- */

enum error account_delete(struct call *call, const struct user_by_id *in)
{
    enum error error = call_service(call, &user_delete_method, &(struct user_ref){.user_id = in->id.value}, NULL);
    if (error == ERROR_USER_NOT_FOUND)
        return user_not_found(call, &in->id);
    TRY(error);
    delete_credential(call, in->id.value);
    audit(call, "deleted", in->id.value);
    return OK;
}
