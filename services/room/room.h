/* What the files of the room service share. */
#ifndef SERVICES_ROOM_ROOM_H
#define SERVICES_ROOM_ROOM_H

#include "common/password.h"
#include "common/service.h"
#include "proto/proto.h"
#include "services/room/sql.h"

struct room_config {
    struct service_config service; /* first: the frame fills it */
    struct password_cost password_cost;
    int64_t hash_queue;
};

/* ---- the handlers: `enum error room_get(struct call *call, const struct room_by_id *in)` of each of our methods ----
 */
#define METHOD(name, service, wire, in_, ...) enum error name(struct call *call, const struct in_ *in);
#include "proto/methods/room.def"
#undef METHOD

/* Lets the room's owner and admins pass: ERROR_ROOM_NOT_FOUND, then ERROR_FORBIDDEN. */
enum error guard_room_owner(struct call *call, const struct path_id *id);

/* ---- replies ---- */

/* Answers with the first row of a statement that returns rooms. */
enum error reply_room(struct call *call, const struct db_result *result);

/* Fails with ERROR_ROOM_NOT_FOUND and a text that quotes the id as it was sent. */
enum error room_not_found(struct call *call, const struct path_id *id);

#endif
