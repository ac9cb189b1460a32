/* Whom a room is shown to: unlisted ones only to those it concerns, all others, private ones too, to everybody. */
#include <string.h>

#include "proto/proto.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/rooms.h"
#include "tests/support/scratch.h"

static bool lists(const struct stack *stack, const struct user *user, const char *path, json_int_t room)
{
    struct reply *reply = http_get(stack, user->token, "%s?after=%lld&limit=1", path, (long long)room - 1);
    assert_status(reply, 200);
    return json_array_size(reply->json) > 0 && object_integer(json_array_get(reply->json, 0), "id") == room;
}

static void assert_seen(const struct stack *stack, const struct user *user, json_int_t room, bool is_seen)
{
    assert_status(get_room(stack, user, room), is_seen ? 200 : 404);
    assert_int_equal(lists(stack, user, "/rooms", room), is_seen);
    assert_int_equal(lists(stack, user, "/rooms/active", room), is_seen);
}

static void an_unlisted_room_is_shown_to_those_it_concerns(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), member = make_user(stack), invited = make_user(stack),
                moderator = make_user(stack), stranger = make_user(stack), admin = make_admin(stack);
    json_int_t room = make_room_of(stack, &owner, "\"waitingRoom\":true");
    struct user guest = make_user(stack);
    assert_waits(join_room(stack, &guest, room), 1);
    assert_status(patch_room(stack, &owner, room, "{\"waitingRoom\":false,\"maxParticipants\":2}"), 200);
    assert_status(join_room(stack, &member, room), 201);
    assert_status(patch_room(stack, &owner, room, "{\"unlisted\":true}"), 200);
    assert_status(invite(stack, &owner, room, &invited), 204);
    assert_status(appoint(stack, &owner, room, &moderator), 204);
    const struct user *const concerned[] = {&owner, &member, &invited, &moderator, &guest, &admin};
    for (size_t i = 0; i < sizeof concerned / sizeof *concerned; i++)
        assert_seen(stack, concerned[i], room, true);
    assert_seen(stack, &stranger, room, false);
    assert_status(leave_room(stack, &member, room), 201);
    assert_seen(stack, &member, room, false);
    assert_status(uninvite(stack, &owner, room, &invited), 204);
    assert_seen(stack, &invited, room, false);
}

/* The route's path with this room and this user in it. */
static char *path_of(const struct route *route, json_int_t room, json_int_t user)
{
    const char *rest = route->path + strlen("/rooms/:id"), *id = strstr(rest, ":userId");
    if (id == NULL)
        return text("/rooms/%lld%s", (long long)room, rest);
    return text("/rooms/%lld%.*s%lld%s", (long long)room, (int)(id - rest), rest, (long long)user,
                id + strlen(":userId"));
}

static void assert_not_there(const struct reply *reply, json_int_t room)
{
    assert_error_text(reply, 404, "room_not_found", text("Room with ID %lld not found", (long long)room));
}

/* By every route that there is: as a room that is not there, also the words are the same. */
static void to_strangers_an_unlisted_room_is_not_there(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), stranger = make_user(stack), banned = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "\"unlisted\":true,\"password\":\"sesame\"");
    assert_status(ban(stack, &owner, room, &banned), 204);
    const struct user *const strangers[] = {&stranger, &banned};
    size_t asked = 0;
    for (size_t i = 0; i < proto_route_count; i++) {
        const struct route *route = &proto_routes[i];
        if (strncmp(route->path, "/rooms/:id", strlen("/rooms/:id")) != 0)
            continue;
        for (size_t j = 0; j < 2; j++, asked++) {
            const struct request request = {.verb = proto_verb_name(route->verb),
                                            .path = path_of(route, room, owner.id),
                                            .token = strangers[j]->token};
            assert_not_there(http_send(stack, &request), room);
        }
    }
    assert_true(asked > 30);
    assert_not_there(join_room_with(stack, &stranger, room, "{\"password\":\"sesame\"}"), room);
    assert_not_there(patch_room(stack, &stranger, room, "{\"name\":5}"), room);
    assert_not_there(hand_over(stack, &stranger, room, &stranger), room);
    assert_status(get_room(stack, &owner, room), 200);
}

/* It is a label: what today's clients know by it is that the room asks for a password, where it has one. */
static void a_private_room_is_listed(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), stranger = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "\"isPrivate\":true,\"password\":\"sesame\"");
    assert_seen(stack, &stranger, room, true);
    assert_status(join_room_with(stack, &stranger, room, "{\"password\":\"sesame\"}"), 201);
}

SUITE("room_unlisted", cmocka_unit_test(an_unlisted_room_is_shown_to_those_it_concerns),
      cmocka_unit_test(to_strangers_an_unlisted_room_is_not_there), cmocka_unit_test(a_private_room_is_listed))
