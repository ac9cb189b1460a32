/* What becomes of passwords and sessions when the user service tells of people. */
#include "services/auth/auth.h"

static enum error on_created(struct call *call, const struct event *event)
{
    struct db_result result;
    return call_query(call, &sql_user_created, &result, DB_TEXT(event->body));
}

static enum error on_deleted(struct call *call, const struct event *event)
{
    struct db_result result;
    return call_query(call, &sql_user_deleted, &result, DB_TEXT(event->body));
}

static const struct event_handler handlers[] = {
    {"user.created", on_created},
    {"user.deleted", on_deleted},
};

const struct subscription user_events = {.publisher = "user",
                                         .target = SERVICE_user,
                                         .handlers = handlers,
                                         .handler_count = sizeof handlers / sizeof *handlers,
                                         .reconciliation = {&sql_user_known, &user_get_many_method, "user.deleted"}};
