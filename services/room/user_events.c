/* What becomes of rooms when the user service tells that somebody was deleted. */
#include "services/room/room.h"

enum { ROOMS_AT_ONCE = 100 };

static enum error on_deleted(struct call *call, const struct event *event)
{
    struct db_result result;
    TRY(call_query(call, &sql_user_gone, &result, DB_TEXT(event->body)));
    do
        TRY(call_query(call, &sql_user_forget, &result, DB_TEXT(event->body), DB_INTEGER(ROOMS_AT_ONCE)));
    while (db_integer(&result, 0, 0) == ROOMS_AT_ONCE);
    return OK;
}

static const struct event_handler handlers[] = {{"user.deleted", on_deleted}};

const struct subscription user_events = {.publisher = "user",
                                         .target = SERVICE_user,
                                         .handlers = handlers,
                                         .handler_count = sizeof handlers / sizeof *handlers,
                                         .reconciliation = {&sql_user_known, &user_get_many_method, "user.deleted"}};
