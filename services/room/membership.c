/* Who is in a room: joining and leaving. */
#include "services/room/room.h"

/* How often a join looks again after others changed the room between its look and its step. */
enum { ADMIT_ATTEMPTS = 3 };

/* What decides whether somebody may enter; as it was at one moment. */
struct door {
    bool is_active;
    bool is_full;
    struct str password_hash; /* empty: no password is asked for */
    bool is_member;
};

static enum error look_at_door(struct call *call, const struct path_id *id, struct door *door)
{
    struct db_result result;
    TRY(call_query(call, &sql_room_door, &result, DB_INTEGER(id->value), DB_INTEGER(call->caller.id)));
    if (result.rows == 0)
        return room_not_found(call, id);
    *door = (struct door){.is_active = db_boolean(&result, 0, 0),
                          .is_full = db_boolean(&result, 0, 1),
                          .password_hash = db_text(&result, 0, 2),
                          .is_member = db_boolean(&result, 0, 3)};
    return OK;
}

static enum error check_password(struct call *call, struct str password, struct str hash)
{
    const struct room_config *config = service_config(call->service);
    bool matches, outdated;
    TRY(password_verify(service_loop(call->service), call->deadline_ms, &config->password_cost, password, hash,
                        &matches, &outdated));
    return matches ? OK : ERROR_ROOM_PASSWORD_INVALID;
}

/* The refusals, in the order in which they win. *verified is the hash that the password was good for when this was
 * asked before: to check it once more would only cost. */
static enum error check_door(struct call *call, const struct door *door, struct str password, struct str *verified)
{
    if (!door->is_active)
        return ERROR_ROOM_NOT_ACTIVE;
    if (door->password_hash.len > 0 && !str_equal(door->password_hash, *verified)) {
        if (password.len == 0)
            return ERROR_ROOM_PASSWORD_INVALID;
        TRY(check_password(call, password, door->password_hash));
        *verified = door->password_hash;
    }
    return door->is_full ? ERROR_ROOM_FULL : OK;
}

/* A look explains a refusal, but only the statement admits: between the two, others may take the seat, or the same user
 * may come in by another call (ERROR_CONFLICT). Then the next look tells what is. */
enum error room_join(struct call *call, const struct room_join *in)
{
    if (call->caller.id == 0)
        return ERROR_UNAUTHORIZED;
    struct str verified = {0};
    for (int attempt = 0; attempt < ADMIT_ATTEMPTS; attempt++) {
        struct door door = {0};
        TRY(look_at_door(call, &in->id, &door));
        if (door.is_member)
            return room_get(call, &(struct room_by_id){.id = in->id});
        TRY(check_door(call, &door, in->password, &verified));
        struct db_result result;
        enum error error = call_query(call, &sql_room_admit, &result, DB_INTEGER(in->id.value),
                                      DB_INTEGER(call->caller.id), DB_TEXT(door.password_hash));
        if (error == OK && result.rows > 0)
            return reply_room(call, &result);
        if (error != OK && error != ERROR_CONFLICT)
            return error;
    }
    return ERROR_ROOM_FULL; /* each time a seat seemed free, somebody was faster */
}

enum error room_leave(struct call *call, const struct room_by_id *in)
{
    if (call->caller.id == 0)
        return ERROR_UNAUTHORIZED;
    struct db_result result;
    TRY(call_query(call, &sql_room_release, &result, DB_INTEGER(in->id.value), DB_INTEGER(call->caller.id)));
    if (result.rows == 0)
        return room_get(call, in);
    return reply_room(call, &result);
}
