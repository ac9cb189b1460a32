/* What the room service asks the user service: whether somebody exists, and the names of a page's people, in one call.
 */
#ifndef SERVICES_ROOM_PEOPLE_H
#define SERVICES_ROOM_PEOPLE_H

#include "services/room/room.h"

/* Answers with a page of the statement's rows: its parameters are room, cursor and limit; its columns are the message's
 * fields, of which the first two are userId and username (null: named here), and behind them the cursor of the page
 * that follows the row. Somebody who was deleted this moment has no name. */
enum error reply_people(struct call *call, const struct room_page *page, const struct statement *statement,
                        const struct message *message);

/* ERROR_USER_NOT_FOUND, and a text that quotes the id, where nobody has it: a number that is nobody's today will be
 * somebody's. */
enum error check_person(struct call *call, const struct path_id *user) MUST_USE;

/* The error of a statement that writes down somebody whom check_person found: ERROR_GONE says that they were deleted
 * since, and becomes what check_person says of it. */
enum error if_gone(struct call *call, const struct path_id *user, enum error error) MUST_USE;
/* The same of the caller, whose token is nobody's any more; */
enum error if_caller_gone(enum error error) MUST_USE;
/* and of somebody who waits, and who will be out of the queue in a moment. */
enum error if_guest_gone(enum error error) MUST_USE;

#endif
