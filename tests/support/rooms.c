/* What people do with rooms, in a call each, and what was told of it. */
#include "tests/support/rooms.h"

#include "tests/support/database.h"
#include "tests/support/scratch.h"

json_int_t make_room_of(const struct stack *stack, const struct user *owner, const char *fields)
{
    struct reply *reply = http_post(
        stack, owner->token, text("{\"name\":\"%s\"%s%s}", unique("room"), *fields ? "," : "", fields), "/rooms");
    assert_status(reply, 201);
    return reply_integer(reply, "id");
}

struct reply *get_room(const struct stack *stack, const struct user *user, json_int_t room)
{
    return http_get(stack, user->token, "/rooms/%lld", (long long)room);
}

struct reply *patch_room(const struct stack *stack, const struct user *user, json_int_t room, const char *json)
{
    return http_patch(stack, user->token, json, "/rooms/%lld", (long long)room);
}

struct reply *join_room_with(const struct stack *stack, const struct user *user, json_int_t room, const char *json)
{
    return http_post(stack, user->token, json, "/rooms/%lld/join", (long long)room);
}

struct reply *join_room(const struct stack *stack, const struct user *user, json_int_t room)
{
    return join_room_with(stack, user, room, NULL);
}

struct reply *leave_room(const struct stack *stack, const struct user *user, json_int_t room)
{
    return http_post(stack, user->token, NULL, "/rooms/%lld/leave", (long long)room);
}

struct reply *hand_over(const struct stack *stack, const struct user *user, json_int_t room, const struct user *whom)
{
    return http_post(stack, user->token, text("{\"userId\":%lld}", (long long)whom->id), "/rooms/%lld/owner",
                     (long long)room);
}

/* ---- of a person: PUT and DELETE of /rooms/:id/KIND/:userId ---- */

static struct reply *put(const struct stack *stack, const struct user *user, json_int_t room, const char *kind,
                         const struct user *whom)
{
    return http_put(stack, user->token, NULL, "/rooms/%lld/%s/%lld", (long long)room, kind, (long long)whom->id);
}

static struct reply *take(const struct stack *stack, const struct user *user, json_int_t room, const char *kind,
                          const struct user *whom)
{
    return http_delete(stack, user->token, "/rooms/%lld/%s/%lld", (long long)room, kind, (long long)whom->id);
}

struct reply *appoint(const struct stack *stack, const struct user *user, json_int_t room, const struct user *whom)
{
    return put(stack, user, room, "moderators", whom);
}

struct reply *dismiss(const struct stack *stack, const struct user *user, json_int_t room, const struct user *whom)
{
    return take(stack, user, room, "moderators", whom);
}

struct reply *kick(const struct stack *stack, const struct user *user, json_int_t room, const struct user *whom)
{
    return take(stack, user, room, "participants", whom);
}

struct reply *ban(const struct stack *stack, const struct user *user, json_int_t room, const struct user *whom)
{
    return put(stack, user, room, "bans", whom);
}

struct reply *unban(const struct stack *stack, const struct user *user, json_int_t room, const struct user *whom)
{
    return take(stack, user, room, "bans", whom);
}

struct reply *invite(const struct stack *stack, const struct user *user, json_int_t room, const struct user *whom)
{
    return put(stack, user, room, "invitations", whom);
}

struct reply *uninvite(const struct stack *stack, const struct user *user, json_int_t room, const struct user *whom)
{
    return take(stack, user, room, "invitations", whom);
}

struct reply *decide(const struct stack *stack, const struct user *user, json_int_t room, const struct user *whom,
                     const char *what)
{
    return http_post(stack, user->token, NULL, "/rooms/%lld/waiting/%lld/%s", (long long)room, (long long)whom->id,
                     what);
}

struct reply *admit_all(const struct stack *stack, const struct user *user, json_int_t room)
{
    return http_post(stack, user->token, NULL, "/rooms/%lld/waiting/admit", (long long)room);
}

struct reply *list_participants(const struct stack *stack, const struct user *user, json_int_t room, const char *query)
{
    return http_get(stack, user->token, "/rooms/%lld/participants%s", (long long)room, query);
}

struct reply *list_waiting(const struct stack *stack, const struct user *user, json_int_t room, const char *query)
{
    return http_get(stack, user->token, "/rooms/%lld/waiting%s", (long long)room, query);
}

void assert_waits(const struct reply *reply, json_int_t position)
{
    assert_status(reply, 202);
    assert_string_equal(object_keys(reply->json), "status,position");
    assert_string_equal(reply_string(reply, "status"), "waiting");
    assert_int_equal(reply_integer(reply, "position"), position);
}

/* ---- what was told ---- */

#define TOLD                                                                                                           \
    "SELECT string_agg(substr(name, 6) || coalesce(' ' || (body ->> 'reason'), ''), ', ' ORDER BY id) "                \
    "FROM rooms.outbox WHERE (body ->> 'roomId') = $1"

char *told_of_room(const struct stack *stack, json_int_t room)
{
    char *events = database_value(stack, TOLD, text("%lld", (long long)room));
    return events != NULL ? events : "";
}

char *told_of_user(const struct stack *stack, json_int_t room, const struct user *user)
{
    char *events = database_value(stack, TOLD " AND (body ->> 'userId') = $2", text("%lld", (long long)room),
                                  text("%lld", (long long)user->id));
    return events != NULL ? events : "";
}
