/* Rooms as clients see them: one, and pages of many. */
#include "services/room/room.h"

enum { PAGE_LIMIT = 100 };

enum error room_not_found(struct call *call, const struct path_id *id)
{
    return call_fail(call, ERROR_ROOM_NOT_FOUND, "Room with ID %.*s not found", STR_ARGS(id->text));
}

static enum error reply_decoded(struct call *call, const struct room_view *room, const struct db_result *result)
{
    TRY(call_reply(call, room));
    call_set_version(call, db_integer(result, 0, ROOM_VERSION));
    return OK;
}

enum error reply_room(struct call *call, const struct db_result *result)
{
    struct room_view room;
    db_decode(result, 0, &room_view_message, &room);
    return reply_decoded(call, &room, result);
}

/* Outcomes with a text of their own. */
static const struct outcome {
    struct str name;
    enum error error;
    const char *text;
} outcomes[] = {
    {STR("owner_banned"), ERROR_FORBIDDEN, "The owner cannot be banned"},
    {STR("moderator_banned"), ERROR_FORBIDDEN, "Only the owner may ban a moderator"},
    {STR("owner_kicked"), ERROR_FORBIDDEN, "The owner cannot be kicked"},
    {STR("moderator_kicked"), ERROR_FORBIDDEN, "Only the owner may kick a moderator"},
    {STR("moderator_dismissed"), ERROR_FORBIDDEN, "Only the owner may dismiss a moderator"},
    {STR("owner_appointed"), ERROR_CONFLICT, "User owns this room"},
    {STR("moderators_full"), ERROR_CONFLICT, "Room has as many moderators as it may have"},
    {STR("user_banned"), ERROR_CONFLICT, "User is banned from this room"},
};

enum error check_outcome(struct call *call, const struct path_id *id, struct str outcome)
{
    if (str_equal(outcome, STR("ends_before_start")))
        return call_fail_validation(call, "endsAt must be after startsAt");
    if (str_equal(outcome, STR("room_not_found")))
        return room_not_found(call, id);
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
        if (str_equal(outcome, outcomes[i].name))
            return call_fail(call, outcomes[i].error, "%s", outcomes[i].text);
    return error_from_code(outcome);
}

enum error reply_outcome(struct call *call, const struct path_id *id, const struct db_result *result)
{
    TRY(check_outcome(call, id, db_text(result, 0, ROOM_COLUMNS)));
    return reply_room(call, result);
}

static enum error check_known(struct call *call, const struct path_id *id)
{
    struct db_result result;
    TRY(call_query(call, &sql_room_known, &result, DB_INTEGER(id->value), DB_INTEGER(call->caller.id)));
    return result.rows > 0 && db_boolean(&result, 0, 0) ? OK : room_not_found(call, id);
}

/* What all see alike is read for all who ask in one turn at once (db_find); what is one's own, only where it matters.
 */
enum error room_get(struct call *call, const struct room_by_id *in)
{
    struct db_result result;
    struct room_view room;
    TRY(call_find(call, &sql_room_get, in->id.value, &result));
    if (result.rows == 0)
        return room_not_found(call, &in->id);
    db_decode(&result, 0, &room_view_message, &room);
    if (room.unlisted && !is_admin(call))
        TRY(check_known(call, &in->id));
    TRY(reply_decoded(call, &room, &result));
    if (!room.unlisted)
        call_set_for_all(call);
    return OK;
}

int64_t page_limit(bool is_given, int64_t given)
{
    return is_given ? given : PAGE_LIMIT;
}

enum error reply_rooms(struct call *call, const struct db_result *result, size_t rows, size_t limit, int64_t next_after)
{
    bool has_more = rows > limit;
    struct room_view room = {0};
    call_list_open(call);
    for (size_t i = 0; i < (has_more ? limit : rows); i++) {
        db_decode(result, i, &room_view_message, &room);
        call_list_add(call, &room);
    }
    return call_list_end(call, has_more ? room.id : next_after);
}

/* The statement is asked for one room more than the page holds: its presence says that another page follows. */
enum error reply_page(struct call *call, const struct page *page, const struct statement *statement)
{
    int64_t limit = page_limit(page->has_limit, page->limit);
    struct db_result result;
    TRY(call_query(call, statement, &result, DB_INTEGER(page->after), DB_INTEGER(limit + 1),
                   DB_INTEGER(call->caller.id), DB_BOOLEAN(is_admin(call))));
    return reply_rooms(call, &result, result.rows, (size_t)limit, 0);
}

enum error room_list_active(struct call *call, const struct page *in)
{
    return reply_page(call, in, &sql_room_list_active);
}
