/* What the files of the user service share. */
#ifndef SERVICES_USER_USER_H
#define SERVICES_USER_USER_H

#include "common/service.h"
#include "proto/proto.h"
#include "services/user/sql.h"

/* ---- the handlers: `enum error user_get(struct call *call, const struct user_by_id *in)` of each of our methods ----
 */
#define METHOD(name, service, wire, in_, ...) enum error name(struct call *call, const struct in_ *in);
#include "proto/methods/user.def"
#undef METHOD

#endif
