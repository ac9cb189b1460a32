/* What the files of the user service share. */
#ifndef SERVICES_USER_USER_H
#define SERVICES_USER_USER_H

#include "common/service.h"
#include "proto/proto.h"
#include "services/user/sql.h"

struct user_config {
    struct service_config service; /* first: the frame fills it */
    const char *feed_listen;
};

/* ---- the handlers: `enum error user_get(struct call *call, const struct user_by_id *in)` of each of our methods ----
 */
#define METHOD(name, service, wire, in_, ...) enum error name(struct call *call, const struct in_ *in);
#include "proto/methods/user.def"
#undef METHOD

/* ---- the feed: user.changed, for whoever caches principals ---- */

/* Binds it and keeps its heart beating; returns owned, NULL (and logged) where the address cannot be bound. */
struct user_feed *user_feed_new(struct service *service, const char *endpoint);
void user_feed_destroy(struct user_feed **feed);

/* Tells that a person's name or role is another, or that the person is gone. To be called once that is committed and
 * before the reply: who has the reply must not meet an old answer. */
void user_feed_tell_changed(struct user_feed *feed, int64_t user_id);

#endif
