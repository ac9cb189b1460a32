/* What the files of the auth service share. */
#ifndef SERVICES_AUTH_AUTH_H
#define SERVICES_AUTH_AUTH_H

#include "common/password.h"
#include "common/service.h"
#include "common/token_keys.h"
#include "proto/proto.h"
#include "services/auth/digest.h"
#include "services/auth/mail.h"
#include "services/auth/refresh_token.h"
#include "services/auth/retention.h"
#include "services/auth/sql.h"
#include "services/auth/throttle.h"

struct auth_config {
    struct service_config service; /* first: the frame fills it */
    const char *user_endpoints, *user_feed_endpoints;
    struct token_settings tokens;
    struct token_keys *keys; /* of those settings; ours */
    int64_t jwt_ttl_s;
    int64_t refresh_ttl_s, session_ttl_s, sessions_per_user;
    struct password_cost password_cost;
    int64_t password_min_length;
    bool password_check_common;
    int64_t retention_interval_s, audit_retention_days;
    struct throttle_limits limits;
    int64_t hash_queue;
    struct mail_config mail;
    bool require_verified_email;
};

/* The service's state: what works without being asked. */
struct auth {
    struct mailer *mailer;
    struct retention *retention;
};

extern const struct subscription user_events;

/* ---- the handlers: `enum error login(struct call *call, const struct login *in)` of each of our methods ---- */
#define METHOD(name, service, wire, in_, ...) enum error name(struct call *call, const struct in_ *in);
#include "proto/methods/auth.def"
#undef METHOD

/* Lets a person pass to their own account, and admins to any; else ERROR_FORBIDDEN. */
enum error guard_account(struct call *call, const struct path_id *id);

/* ---- what handlers share ---- */

/* What only the auth services know: refresh tokens follow from it. */
struct str server_key(const struct auth_config *config);

/* password_hash and password_verify with the service's cost, within the call's deadline. */
enum error hash_password(struct call *call, struct str password, struct str *hash) MUST_USE;
enum error verify_password(struct call *call, struct str password, struct str hash, bool *matches,
                           bool *outdated) MUST_USE;

/* Whether it may be somebody's new password, by the settings: else ERROR_VALIDATION, in the words of validation. */
enum error check_new_password(struct call *call, struct str password) MUST_USE;

struct credential {
    struct str hash;   /* empty where there is none */
    struct str set_at; /* when the password was set, in the database's words */
};
enum error read_credential(struct call *call, int64_t user_id, struct credential *credential) MUST_USE;
/* Another hash, and the end of all the user's sessions but one (0 = all), at once. */
enum error set_password(struct call *call, int64_t user_id, struct str hash, int64_t except_session_id) MUST_USE;

/* mail_queue for whom the mail is no more than a courtesy: its failure is logged, and what was done stays done. */
void send_notice(struct call *call, enum mail_kind kind, int64_t user_id, struct str email);

/* Writes into the audit trail that something was done to the user's account (0 = nobody's), by the call's caller. What
 * was done stays done where that fails; the log has it then. */
void audit(struct call *call, const char *action, int64_t user_id);

/* ---- sessions ---- */

/* A session as its owner gets to know it. */
struct session {
    struct refresh_token token; /* the current one */
    int64_t expires_at;         /* seconds since the epoch */
};

/* What a login was let in by. */
struct login_proof {
    struct credential credential;
    struct str username;
};

/* Begins one; the oldest ends where the user has too many. Of a login (NULL: it is none), the audit trail has it, and
 * its tries are forgiven: there is none without the others. ERROR_UNAUTHORIZED where the password is another than the
 * login's by now, or the user is gone. */
enum error begin_session(struct call *call, int64_t user_id, const struct login_proof *login,
                         struct session *session) MUST_USE;
/* Ends one of the user's: ERROR_SESSION_NOT_FOUND where there is no such one. */
enum error end_session(struct call *call, int64_t user_id, int64_t session_id) MUST_USE;
/* Ends all of the user's but one; 0 = all. */
enum error end_sessions(struct call *call, int64_t user_id, int64_t except_session_id) MUST_USE;

/* Tells the gateways of sessions that a statement ended: a row each, whose first column is the id. */
void announce_ends(struct call *call, int64_t user_id, const struct db_result *ended);

/* Answers with an access token of the session, its refresh token, and the user. */
enum error reply_tokens(struct call *call, const struct user_view *user, const struct session *session);
/* Answers with the user alone: there is no session yet. */
enum error reply_user(struct call *call, const struct user_view *user);
/* Begins a session of the user, which the audit trail does not mention, and answers so. */
enum error reply_session(struct call *call, const struct user_view *user);

#endif
