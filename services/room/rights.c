/* Who may do what with a room: asked before a message is validated, and not what decides a race: that the functions of
 * the database do. */
#include "services/room/room.h"

/* The columns of room_rights. */
enum { MAY_SEE, MAY_MEET, MAY_MODERATE, MAY_OWN };

bool is_admin(const struct call *call)
{
    return str_equal(call->caller.role, STR("admin"));
}

static enum error check_right(struct call *call, const struct path_id *id, size_t right)
{
    struct db_result result;
    TRY(call_query(call, &sql_room_rights, &result, DB_INTEGER(id->value), DB_INTEGER(call->caller.id),
                   DB_BOOLEAN(is_admin(call))));
    if (result.rows == 0 || !db_boolean(&result, 0, MAY_SEE))
        return room_not_found(call, id);
    return db_boolean(&result, 0, right) ? OK : ERROR_FORBIDDEN;
}

enum error guard_room_member(struct call *call, const struct path_id *id)
{
    return check_right(call, id, MAY_MEET);
}

enum error guard_room_moderator(struct call *call, const struct path_id *id)
{
    return check_right(call, id, MAY_MODERATE);
}

enum error guard_room_owner(struct call *call, const struct path_id *id)
{
    return check_right(call, id, MAY_OWN);
}
