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
    int64_t hash_queue, sweep_interval_ms;
    int64_t password_failures, password_window_s; /* of a person for a room */
    const char *user_endpoints, *user_feed_endpoints;
};

extern const struct subscription user_events;

/* ---- the handlers: `enum error room_get(struct call *call, const struct room_by_id *in)` of each of our methods ----
 */
#define METHOD(name, service, wire, in_, ...) enum error name(struct call *call, const struct in_ *in);
#include "proto/methods/room.def"
#undef METHOD

/* ---- who may: ERROR_ROOM_NOT_FOUND, also where the room is unlisted and unknown to the caller, then ERROR_FORBIDDEN
 * ----
 */

/* Who is in it, and those who moderate it. */
enum error guard_room_member(struct call *call, const struct path_id *id);
/* The owner, moderators and admins. */
enum error guard_room_moderator(struct call *call, const struct path_id *id);
/* The owner and admins. */
enum error guard_room_owner(struct call *call, const struct path_id *id);

bool is_admin(const struct call *call);

/* ---- replies ---- */

/* The columns of a statement that returns a room: the message room_view's, and its version. More may stand behind them.
 */
enum { ROOM_VERSION = 19, ROOM_COLUMNS };

/* Answers with the first row of a statement that returns rooms, and the version of it. */
enum error reply_room(struct call *call, const struct db_result *result);

/* Answers with the row of a statement that changes a room and says its outcome in the column behind the room's: 'ok',
 * or the code of the error it fails with. */
enum error reply_outcome(struct call *call, const struct path_id *id, const struct db_result *result);

/* OK for 'ok', else the error of that code, with the text that it takes. */
enum error check_outcome(struct call *call, const struct path_id *id, struct str outcome);

/* Answers with a list: the first rows, at most limit. The next page follows the last of them where there are more, else
 * it follows next_after; 0 = there is none. */
enum error reply_rooms(struct call *call, const struct db_result *result, size_t rows, size_t limit,
                       int64_t next_after);

/* Answers with a page of what the statement lists: after $1, at most $2, as user $3 sees them ($4: an admin). */
enum error reply_page(struct call *call, const struct page *page, const struct statement *statement);

/* How many a page holds. */
int64_t page_limit(bool is_given, int64_t given);

/* Fails with ERROR_ROOM_NOT_FOUND and a text that quotes the id as it was sent. */
enum error room_not_found(struct call *call, const struct path_id *id);

#endif
