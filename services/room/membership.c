/* Who is in a room: joining, leaving, and being put out. */
#include "common/tries.h"
#include "services/room/people.h"

/* How often a join asks again after the room's password changed while one was checked. */
enum { JOIN_ATTEMPTS = 3 };

/* The columns of room_join behind the reply's. */
enum { OUTCOME = ROOM_COLUMNS, WANTED_HASH, PLACE };

static enum error verify_password(struct call *call, struct str password, struct str hash)
{
    const struct room_config *config = service_config(call->service);
    bool matches, outdated;
    TRY(password_verify(service_loop(call->service), call->deadline_ms, &config->password_cost, password, hash,
                        &matches, &outdated));
    return matches ? OK : ERROR_ROOM_PASSWORD_INVALID;
}

/* None is no guess, and is not counted. Any other is counted as wrong before it is looked at. */
static enum error check_password(struct call *call, const struct room_join *in, struct str hash)
{
    const struct room_config *config = service_config(call->service);
    const struct tries_rule rule = {"room_password", config->password_failures, config->password_window_s};
    struct str who = arena_printf(call->arena, "%lld %lld", (long long)in->id.value, (long long)call->caller.id);
    int64_t used;
    if (in->password.len == 0)
        return ERROR_ROOM_PASSWORD_INVALID;
    TRY(tries_count(call, &rule, who, &used));
    enum error error = verify_password(call, in->password, hash);
    if (error == OK)
        tries_forgive(call, &rule, who);
    else if (error != ERROR_ROOM_PASSWORD_INVALID) /* which says nothing about the password */
        tries_uncount(call, &rule, who);
    return error;
}

static enum error reply_place(struct call *call, int64_t position)
{
    return call_reply_variant(call, &room_place_message,
                              &(struct room_place){.status = STR("waiting"), .position = position});
}

/* rooms.join decides all at once, and asks for the password by its hash where one is wanted. */
enum error room_join(struct call *call, const struct room_join *in)
{
    if (call->caller.id == 0)
        return ERROR_UNAUTHORIZED;
    struct str verified = STR("");
    for (int attempt = 0; attempt < JOIN_ATTEMPTS; attempt++) {
        struct db_result result;
        TRY(if_caller_gone(call_query(call, &sql_room_join, &result, DB_INTEGER(in->id.value),
                                      DB_INTEGER(call->caller.id), DB_BOOLEAN(is_admin(call)), DB_TEXT(verified))));
        if (str_equal(db_text(&result, 0, OUTCOME), STR("waiting")))
            return reply_place(call, db_integer(&result, 0, PLACE));
        if (db_is_null(&result, 0, WANTED_HASH))
            return reply_outcome(call, &in->id, &result);
        verified = db_text(&result, 0, WANTED_HASH);
        TRY(check_password(call, in, verified));
    }
    return ERROR_ROOM_PASSWORD_INVALID; /* each time it was right, it was changed */
}

enum error room_leave(struct call *call, const struct room_by_id *in)
{
    if (call->caller.id == 0)
        return ERROR_UNAUTHORIZED;
    struct db_result result;
    TRY(call_query(call, &sql_room_leave, &result, DB_INTEGER(in->id.value), DB_INTEGER(call->caller.id),
                   DB_BOOLEAN(is_admin(call))));
    return reply_outcome(call, &in->id, &result);
}

enum error room_participant_list(struct call *call, const struct room_page *in)
{
    return reply_people(call, in, &sql_participant_list, &room_member_message);
}

enum error room_participant_kick(struct call *call, const struct room_user *in)
{
    struct db_result result;
    TRY(call_query(call, &sql_participant_kick, &result, DB_INTEGER(in->id.value), DB_INTEGER(in->user_id.value),
                   DB_INTEGER(call->caller.id), DB_BOOLEAN(is_admin(call))));
    return check_outcome(call, &in->id, db_text(&result, 0, 0));
}
