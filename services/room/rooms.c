/* Rooms: creating, changing and deleting them. */
#include "services/room/people.h"

enum { DEFAULT_MAX_PARTICIPANTS = 10 };

/* Asked before a password is hashed, which is dear. It decides nothing: the constraint on the name does. */
static enum error check_name_free(struct call *call, struct str name, int64_t except_id)
{
    struct db_result result;
    TRY(call_query(call, &sql_room_name_taken, &result, DB_TEXT(name), DB_INTEGER(except_id)));
    return result.rows == 0 ? OK : ERROR_ROOM_EXISTS;
}

static enum error hash_password(struct call *call, struct str password, struct str *hash)
{
    const struct room_config *config = service_config(call->service);
    return password_hash(service_loop(call->service), call->deadline_ms, call->arena, &config->password_cost, password,
                         hash);
}

/* An empty password is none. */
enum error room_create(struct call *call, const struct room_create *in)
{
    if (call->caller.id == 0)
        return ERROR_UNAUTHORIZED;
    bool has_password = in->has_password && in->password.len > 0;
    struct str hash = {0};
    if (has_password) {
        TRY(check_name_free(call, in->name, 0));
        TRY(hash_password(call, in->password, &hash));
    }
    int64_t max_participants = in->has_max_participants ? in->max_participants : DEFAULT_MAX_PARTICIPANTS;
    bool is_active = in->has_is_active ? in->is_active : true;
    struct db_result result;
    enum error error = call_query(call, &sql_room_create, &result, DB_INTEGER(call->caller.id), DB_TEXT(in->name),
                                  DB_OPTIONAL(in->has_description, DB_TEXT(in->description)),
                                  DB_BOOLEAN(in->is_private), DB_TEXT(hash), DB_INTEGER(max_participants),
                                  DB_BOOLEAN(is_active), DB_BOOLEAN(in->invite_only), DB_BOOLEAN(in->unlisted),
                                  DB_BOOLEAN(in->waiting_room), DB_OPTIONAL(in->has_starts_at, DB_TEXT(in->starts_at)),
                                  DB_OPTIONAL(in->has_ends_at, DB_TEXT(in->ends_at)),
                                  DB_OPTIONAL(in->has_max_duration_minutes, DB_INTEGER(in->max_duration_minutes)));
    if (error == ERROR_CONFLICT)
        return ERROR_ROOM_EXISTS;
    TRY(if_caller_gone(error));
    return reply_outcome(call, NULL, &result);
}

static bool changes_anything(const struct room_update *in)
{
    return in->has_name || in->has_description || in->has_is_private || in->has_password || in->has_max_participants ||
           in->has_is_active || in->has_invite_only || in->has_unlisted || in->has_waiting_room || in->has_starts_at ||
           in->has_ends_at || in->has_max_duration_minutes;
}

static bool is_among(const struct integers *versions, int64_t version)
{
    for (size_t i = 0; i < versions->count; i++)
        if (versions->values[i] == version)
            return true;
    return false;
}

static enum error change_nothing(struct call *call, const struct room_update *in)
{
    TRY(room_get(call, &(struct room_by_id){.id = in->id}));
    return !in->has_versions || is_among(&in->versions, call->version) ? OK : ERROR_PRECONDITION_FAILED;
}

/* The versions that it may have, as the statement takes them. */
static struct db_value expected(struct call *call, bool has_versions, struct integers versions)
{
    return has_versions ? db_integers(call->arena, versions) : DB_NULL;
}

/* An empty password takes the room's away; the empty hash says so to the statement. */
enum error room_update(struct call *call, const struct room_update *in)
{
    if (!changes_anything(in))
        return change_nothing(call, in);
    struct str hash = {0};
    if (in->has_password && in->password.len > 0) {
        if (in->has_name)
            TRY(check_name_free(call, in->name, in->id.value));
        TRY(hash_password(call, in->password, &hash));
    }
    struct db_result result;
    enum error error = call_query(
        call, &sql_room_update, &result, DB_INTEGER(in->id.value), DB_INTEGER(call->caller.id),
        expected(call, in->has_versions, in->versions), DB_OPTIONAL(in->has_name, DB_TEXT(in->name)),
        DB_OPTIONAL(in->has_description, DB_TEXT(in->description)),
        DB_OPTIONAL(in->has_is_private, DB_BOOLEAN(in->is_private)), DB_OPTIONAL(in->has_password, DB_TEXT(hash)),
        DB_OPTIONAL(in->has_max_participants, DB_INTEGER(in->max_participants)),
        DB_OPTIONAL(in->has_is_active, DB_BOOLEAN(in->is_active)),
        DB_OPTIONAL(in->has_invite_only, DB_BOOLEAN(in->invite_only)),
        DB_OPTIONAL(in->has_unlisted, DB_BOOLEAN(in->unlisted)),
        DB_OPTIONAL(in->has_waiting_room, DB_BOOLEAN(in->waiting_room)),
        DB_OPTIONAL(in->has_starts_at, DB_TEXT(in->starts_at)), DB_OPTIONAL(in->has_ends_at, DB_TEXT(in->ends_at)),
        DB_OPTIONAL(in->has_max_duration_minutes, DB_INTEGER(in->max_duration_minutes)));
    if (error == ERROR_CONFLICT)
        return ERROR_ROOM_EXISTS;
    TRY(if_guest_gone(error)); /* whom switching the waiting room off admits */
    return reply_outcome(call, &in->id, &result);
}

enum error room_delete(struct call *call, const struct room_delete *in)
{
    struct db_result result;
    TRY(call_query(call, &sql_room_delete, &result, DB_INTEGER(in->id.value), DB_INTEGER(call->caller.id),
                   expected(call, in->has_versions, in->versions)));
    TRY(check_outcome(call, &in->id, db_text(&result, 0, 0)));
    return call_reply(call, &(struct notice){.message = STR("Room deleted successfully")});
}
