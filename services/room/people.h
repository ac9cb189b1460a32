/* Pages of people who have to do with a room, with their names, which one call of the user service tells for a page. */
#ifndef SERVICES_ROOM_PEOPLE_H
#define SERVICES_ROOM_PEOPLE_H

#include "services/room/room.h"

/* Answers with a page of the statement's rows: its parameters are room, cursor and limit; its columns are the message's
 * fields, of which the first two are userId and username (null: named here), and behind them the cursor of the page
 * that follows the row. Somebody who was deleted this moment has no name. */
enum error reply_people(struct call *call, const struct room_page *page, const struct statement *statement,
                        const struct message *message);

#endif
