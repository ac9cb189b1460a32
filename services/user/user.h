/* What the files of the user service share. */
#ifndef SERVICES_USER_USER_H
#define SERVICES_USER_USER_H

#include "common/service.h"
#include "proto/proto.h"
#include "services/user/sql.h"

struct user_config {
    struct service_config service; /* first: the frame fills it */
    const char *admin_email;       /* "" = nobody's */
};

/* In a fiber of its own, at start: whoever has ADMIN_EMAIL, and has shown so, is an admin. */
void make_admin_of_email(struct call *call);

/* ---- the handlers: `enum error user_get(struct call *call, const struct user_by_id *in)` of each of our methods ----
 */
#define METHOD(name, service, wire, in_, ...) enum error name(struct call *call, const struct in_ *in);
#include "proto/methods/user.def"
#undef METHOD

#endif
