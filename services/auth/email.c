/* Emails and what they are good for: showing that a mailbox is one's own, and a new password for a forgotten one. What
 * is asked for without a session is answered alike whether the address is known or not: it is looked up afterwards. */
#include "common/log.h"
#include "services/auth/auth.h"

static struct str hash_of(struct call *call, struct str token)
{
    return digest_hex(call->arena, token.ptr, token.len);
}

static enum error queue(struct call *call, enum mail_kind kind, int64_t user_id, struct str email)
{
    return mail_queue(call, ((struct auth *)service_state(call->service))->mailer, kind, user_id, email);
}

void send_notice(struct call *call, enum mail_kind kind, int64_t user_id, struct str email)
{
    enum error error = queue(call, kind, user_id, email);
    if (error != OK)
        log_warn("a mail is not in the outbox", LOG_Z("kind", mail_kind_name(kind)), LOG_I("user_id", user_id),
                 LOG_Z("reason", error_message(error)), LOG_S("request_id", call->request_id));
}

/* ---- whose mailbox it is ---- */

enum error verify_email_send(struct call *call, const struct verify_email_send *in)
{
    if (call->caller.id == 0 && !in->has_email)
        return ERROR_UNAUTHORIZED;
    TRY(throttle(call, THROTTLE_VERIFY, call->client.address));
    TRY(queue(call, MAIL_VERIFY_EMAIL, call->caller.id, call->caller.id != 0 ? STR("") : in->email));
    return call_reply(call, &(struct notice){.message = STR("If there is an email to confirm, a mail is on its way")});
}

/* Whoever had the email before is told where it was. */
static enum error confirm(struct call *call, int64_t user_id, struct str email)
{
    struct user_verified verified;
    const struct user_verify_email verify = {.user_id = user_id, .email = email};
    enum error error = call_service(call, &user_verify_email_method, &verify, &verified);
    if (error == ERROR_USER_NOT_FOUND)
        return ERROR_TOKEN_INVALID; /* the user or the email is another since it was mailed */
    TRY(error);
    if (!str_equal(verified.former_email, email))
        send_notice(call, MAIL_EMAIL_CHANGED, user_id, verified.former_email);
    audit(call, "email_verified", user_id);
    if (verified.made_admin)
        audit(call, "made_admin", user_id);
    return OK;
}

/* The token goes last: confirming twice does no harm, and nothing is lost when the user service is away. */
enum error verify_email(struct call *call, const struct verify_email *in)
{
    struct db_result result;
    struct db_value kind = DB_TEXT(str_from(mail_kind_name(MAIL_VERIFY_EMAIL)));
    struct str hash = hash_of(call, in->token);
    TRY(call_query(call, &sql_mail_token_get, &result, kind, DB_TEXT(hash)));
    if (result.rows == 0)
        return ERROR_TOKEN_INVALID;
    TRY(confirm(call, db_integer(&result, 0, 0), db_text(&result, 0, 1)));
    return call_query(call, &sql_mail_token_use, &result, kind, DB_TEXT(hash));
}

/* ---- a forgotten password ---- */

enum error password_forgot(struct call *call, const struct password_forgot *in)
{
    TRY(throttle(call, THROTTLE_FORGOT, call->client.address));
    TRY(queue(call, MAIL_PASSWORD_RESET, 0, in->email));
    return call_reply(call, &(struct notice){.message = STR("If the email is known, a mail is on its way")});
}

/* Looked up before the password is hashed, which is dear; used up with the hash, by one statement. Whoever has the mail
 * has the mailbox too. */
enum error password_reset(struct call *call, const struct password_reset *in)
{
    struct db_result token, result;
    struct str password_hash, hash = hash_of(call, in->token);
    TRY(check_new_password(call, in->password));
    TRY(call_query(call, &sql_mail_token_get, &token, DB_TEXT(str_from(mail_kind_name(MAIL_PASSWORD_RESET))),
                   DB_TEXT(hash)));
    if (token.rows == 0)
        return ERROR_TOKEN_INVALID;
    TRY(hash_password(call, in->password, &password_hash));
    TRY(call_query(call, &sql_password_reset, &result, DB_TEXT(hash), DB_TEXT(password_hash)));
    if (result.rows == 0)
        return ERROR_TOKEN_INVALID;
    int64_t user_id = db_integer(&result, 0, 1);
    if (!db_is_null(&result, 0, 0))
        announce_ends(call, user_id, &result);
    audit(call, "password_reset", user_id);
    enum error error = confirm(call, user_id, db_text(&token, 0, 1));
    if (error != OK)
        log_info("an email is not confirmed by a reset", LOG_I("user_id", user_id),
                 LOG_Z("reason", error_message(error)), LOG_S("request_id", call->request_id));
    send_notice(call, MAIL_PASSWORD_CHANGED, user_id, STR(""));
    return OK;
}
