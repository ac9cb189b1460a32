/* What the files of the auth service share. */
#ifndef SERVICES_AUTH_AUTH_H
#define SERVICES_AUTH_AUTH_H

#include "common/password.h"
#include "common/service.h"
#include "common/token_keys.h"
#include "proto/proto.h"
#include "services/auth/sql.h"

struct auth_config {
    struct service_config service; /* first: the frame fills it */
    const char *user_endpoints;
    struct token_settings tokens;
    struct token_keys *keys; /* of those settings; ours */
    int64_t jwt_ttl_s;
    struct password_cost password_cost;
    int64_t hash_queue;
};

/* ---- the handlers: `enum error login(struct call *call, const struct login *in)` of each of our methods ---- */
#define METHOD(name, service, wire, in_, ...) enum error name(struct call *call, const struct in_ *in);
#include "proto/methods/auth.def"
#undef METHOD

/* Lets a person pass to their own account, and admins to any; else ERROR_FORBIDDEN. */
enum error guard_account(struct call *call, const struct path_id *id);

/* ---- what handlers share ---- */

/* password_hash and password_verify with the service's cost, within the call's deadline. */
enum error hash_password(struct call *call, struct str password, struct str *hash) MUST_USE;
enum error verify_password(struct call *call, struct str password, struct str hash, bool *matches,
                           bool *outdated) MUST_USE;

/* Answers with an access token for the user, and the user. */
enum error reply_session(struct call *call, const struct user_view *user);

#endif
