/* Whose a room is, who moderates it, who is in it, and who is put out. */
#include <stdlib.h>
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/rooms.h"
#include "tests/support/scratch.h"

enum { PATIENCE_MS = 15000 };

/* "7 9": the moderators a client is shown. */
static char *moderators_of(const struct reply *reply)
{
    const json_t *moderators = json_object_get(reply->json, "moderators");
    assert_true(json_is_array(moderators));
    char *ids = text("%s", "");
    for (size_t i = 0; i < json_array_size(moderators); i++)
        ids = text("%s%s%lld", ids, i > 0 ? " " : "", (long long)json_integer_value(json_array_get(moderators, i)));
    return ids;
}

static char *id_of(const struct user *user)
{
    return text("%lld", (long long)user->id);
}

/* ---- the owner ---- */

static void the_owner_hands_over(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), heir = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "");
    assert_status(join_room(stack, &owner, room), 201);
    struct reply *reply = hand_over(stack, &owner, room, &heir);
    assert_status(reply, 200);
    assert_int_equal(reply_integer(reply, "ownerId"), heir.id);
    assert_string_equal(get_room(stack, &owner, room)->body, reply->body);
    assert_string_equal(hand_over(stack, &heir, room, &heir)->body, reply->body); /* it is theirs already */
    assert_string_equal(told_of_room(stack, room), "created, joined, updated");
    /* Who was the owner keeps the seat, and nothing else. */
    assert_int_equal(reply_integer(reply, "participantCount"), 1);
    assert_string_equal(moderators_of(reply), "");
    assert_error(patch_room(stack, &owner, room, "{\"description\":\"mine\"}"), 403, "forbidden");
    assert_error(hand_over(stack, &owner, room, &owner), 403, "forbidden");
    assert_status(kick(stack, &heir, room, &owner), 204);
    assert_status(patch_room(stack, &heir, room, "{\"description\":\"mine\"}"), 200);
}

static void a_moderator_who_gets_the_room_is_no_moderator_any_more(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), one = make_user(stack), other = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "");
    assert_status(appoint(stack, &owner, room, &one), 204);
    assert_status(appoint(stack, &owner, room, &other), 204);
    struct reply *reply = hand_over(stack, &owner, room, &one);
    assert_int_equal(reply_integer(reply, "ownerId"), one.id);
    assert_string_equal(moderators_of(reply), id_of(&other));
}

static void a_room_goes_to_people_who_exist_and_are_not_banned(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), banned = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "");
    char *path = text("/rooms/%lld/owner", (long long)room);
    assert_status(ban(stack, &owner, room, &banned), 204);
    assert_error_text(hand_over(stack, &owner, room, &banned), 409, "conflict", "User is banned from this room");
    static const char *const nobody[] = {"999999", "0", "-5"};
    for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++)
        assert_error_text(http_post(stack, owner.token, text("{\"userId\":%s}", nobody[i]), "%s", path), 404,
                          "user_not_found", text("User with ID %s not found", nobody[i]));
    assert_invalid(http_post(stack, owner.token, "{\"userId\":1,\"name\":\"x\"}", "%s", path),
                   "property name should not exist");
    static const char *const none[] = {NULL, "{}", "{\"userId\":null}", "{\"userId\":\"1\"}", "{\"userId\":1.5}"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_invalid(http_post(stack, owner.token, none[i], "%s", path),
                       "userId must be a number conforming to the specified constraints");
    assert_int_equal(reply_integer(get_room(stack, &owner, room), "ownerId"), owner.id);
}

/* Whoever is no owner any more when their turn comes is refused, though they were when they asked. */
static void a_room_is_handed_over_once(void **state)
{
    enum { HEIRS = 12 };
    struct stack *stack = *state;
    struct user owner = make_user(stack), heirs[HEIRS];
    make_users(stack, heirs, HEIRS);
    json_int_t room = make_room_of(stack, &owner, "");
    struct request requests[HEIRS];
    struct reply *replies[HEIRS];
    for (size_t i = 0; i < HEIRS; i++)
        requests[i] = (struct request){.verb = "POST",
                                       .path = text("/rooms/%lld/owner", (long long)room),
                                       .token = owner.token,
                                       .json = text("{\"userId\":%lld}", (long long)heirs[i].id)};
    http_send_many(stack, requests, replies, HEIRS);
    assert_int_equal(count_status(replies, HEIRS, 200), 1);
    assert_int_equal(count_status(replies, HEIRS, 403), HEIRS - 1);
    for (size_t i = 0; i < HEIRS; i++)
        if (replies[i]->status == 200)
            assert_int_equal(reply_integer(get_room(stack, &owner, room), "ownerId"), heirs[i].id);
}

/* ---- moderators ---- */

static void moderators_are_appointed_and_dismissed(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), one = make_user(stack), other = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "");
    assert_status(appoint(stack, &owner, room, &other), 204);
    assert_status(appoint(stack, &owner, room, &one), 204);
    struct reply *both = get_room(stack, &one, room);
    assert_string_equal(moderators_of(both), text("%s %s", id_of(&other), id_of(&one)));
    assert_status(appoint(stack, &owner, room, &one), 204);
    assert_string_equal(get_room(stack, &one, room)->body, both->body);
    assert_status(ban(stack, &one, room, &(struct user){.id = make_user(stack).id}), 204);
    assert_status(dismiss(stack, &owner, room, &one), 204);
    assert_status(dismiss(stack, &owner, room, &one), 204);
    assert_error(list_waiting(stack, &one, room, ""), 403, "forbidden");
    assert_status(dismiss(stack, &other, room, &other), 204); /* gives it up */
    assert_string_equal(moderators_of(get_room(stack, &owner, room)), "");
    assert_string_equal(told_of_room(stack, room), "created, updated, updated, banned, updated, updated");
}

static void not_everybody_can_be_a_moderator(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), banned = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "");
    assert_status(ban(stack, &owner, room, &banned), 204);
    assert_error_text(appoint(stack, &owner, room, &banned), 409, "conflict", "User is banned from this room");
    assert_error_text(appoint(stack, &owner, room, &owner), 409, "conflict", "User owns this room");
    assert_error_text(appoint(stack, &owner, room, &(struct user){.id = 999999}), 404, "user_not_found",
                      "User with ID 999999 not found");
    assert_status(dismiss(stack, &owner, room, &(struct user){.id = 999999}), 204);
    assert_string_equal(moderators_of(get_room(stack, &owner, room)), "");
}

static void a_room_has_fifty_moderators_at_most(void **state)
{
    enum { PLACES = 2, CANDIDATES = 8 };
    struct stack *stack = *state;
    struct user owner = make_user(stack), users[CANDIDATES];
    make_users(stack, users, CANDIDATES);
    json_int_t room = make_room_of(stack, &owner, "");
    database_value(stack,
                   "INSERT INTO rooms.moderator (room_id, user_id) SELECT $1::bigint, 1000000 + n "
                   "FROM generate_series(1, 50 - $2::int) n",
                   text("%lld", (long long)room), text("%d", PLACES));
    struct request requests[CANDIDATES];
    struct reply *replies[CANDIDATES];
    for (size_t i = 0; i < CANDIDATES; i++)
        requests[i] =
            (struct request){.verb = "PUT",
                             .path = text("/rooms/%lld/moderators/%lld", (long long)room, (long long)users[i].id),
                             .token = owner.token};
    http_send_many(stack, requests, replies, CANDIDATES);
    assert_int_equal(count_status(replies, CANDIDATES, 204), PLACES);
    for (size_t i = 0; i < CANDIDATES; i++) {
        if (replies[i]->status == 204)
            assert_status(appoint(stack, &owner, room, &users[i]), 204); /* is one already */
        else
            assert_error_text(replies[i], 409, "conflict", "Room has as many moderators as it may have");
    }
    assert_int_equal(json_array_size(json_object_get(get_room(stack, &owner, room)->json, "moderators")), 50);
}

/* ---- who may ---- */

static void only_the_owner_and_admins_give_roles(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), moderator = make_user(stack), member = make_user(stack);
    struct user admin = make_admin(stack);
    json_int_t room = make_room_of(stack, &owner, "");
    assert_status(appoint(stack, &owner, room, &moderator), 204);
    assert_status(join_room(stack, &member, room), 201);
    struct reply *const refused[] = {
        hand_over(stack, &moderator, room, &moderator), hand_over(stack, &member, room, &member),
        appoint(stack, &moderator, room, &member),      appoint(stack, &member, room, &member),
        dismiss(stack, &member, room, &moderator),
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_error(refused[i], 403, "forbidden");
    assert_status(appoint(stack, &admin, room, &member), 204);
    assert_error_text(dismiss(stack, &moderator, room, &member), 403, "forbidden",
                      "Only the owner may dismiss a moderator");
    assert_status(dismiss(stack, &admin, room, &member), 204);
    assert_int_equal(reply_integer(hand_over(stack, &admin, room, &member), "ownerId"), member.id);
}

static void where_there_is_no_room_there_is_nothing(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct reply *const replies[] = {
        hand_over(stack, &user, 999999, &user),      appoint(stack, &user, 999999, &user),
        dismiss(stack, &user, 999999, &user),        kick(stack, &user, 999999, &user),
        list_participants(stack, &user, 999999, ""),
    };
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++)
        assert_error_text(replies[i], 404, "room_not_found", "Room with ID 999999 not found");
}

static void ids_must_be_numbers(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "");
    char *const paths[] = {text("/rooms/%lld/moderators/x7", (long long)room), "/rooms/x7/moderators/7",
                           text("/rooms/%lld/participants/x7", (long long)room), "/rooms/x7/participants/7"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_error(http_delete(stack, owner.token, "%s", paths[i]), 400, "id_not_numeric");
    for (size_t i = 0; i < 2; i++)
        assert_error(http_put(stack, owner.token, NULL, "%s", paths[i]), 400, "id_not_numeric");
    assert_error(http_post(stack, owner.token, "{\"userId\":1}", "/rooms/x7/owner"), 400, "id_not_numeric");
    assert_error(http_get(stack, owner.token, "/rooms/x7/participants"), 400, "id_not_numeric");
}

/* ---- who is in it ---- */

static void participants_are_shown_with_their_names_and_roles(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), moderator = make_user(stack), member = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "");
    assert_string_equal(list_participants(stack, &owner, room, "")->body, "[]");
    assert_status(appoint(stack, &owner, room, &moderator), 204);
    const struct user *const users[] = {&owner, &moderator, &member};
    static const char *const roles[] = {"owner", "moderator", "participant"};
    for (size_t i = 3; i-- > 0;)
        assert_status(join_room(stack, users[i], room), 201);
    struct reply *list = list_participants(stack, &member, room, "");
    assert_status(list, 200);
    assert_int_equal(json_array_size(list->json), 3);
    for (size_t i = 0; i < 3; i++) {
        const json_t *participant = json_array_get(list->json, i);
        assert_string_equal(object_keys(participant), "userId,username,role,joinedAt");
        assert_int_equal(object_integer(participant, "userId"), users[i]->id);
        assert_string_equal(object_string(participant, "username"), users[i]->username);
        assert_string_equal(object_string(participant, "role"), roles[i]);
        assert_int_equal(strlen(object_string(participant, "joinedAt")), strlen("2026-01-01T00:00:00.000Z"));
    }
}

/* By the calls that the user service logs for the request. */
static void a_page_asks_for_its_names_once(void **state)
{
    struct stack *stack = *state;
    struct user users[5];
    make_users(stack, users, 5);
    json_int_t room = make_room_of(stack, &users[0], "");
    for (size_t i = 0; i < 5; i++)
        assert_status(join_room(stack, &users[i], room), 201);
    const char *id = unique("page-of-participants-");
    const struct request request = {.path = text("/rooms/%lld/participants", (long long)room),
                                    .token = users[0].token,
                                    .headers = {text("X-Request-Id: %s", id)}};
    assert_int_equal(json_array_size(http_send(stack, &request)->json), 5);
    char *calls = shell("grep -F 'request_id=%s' %s/user.log | grep -o 'method=user.get[a-z_]*'", id, stack->folder);
    assert_string_equal(calls, "method=user.get_many");
}

static void participants_come_in_pages(void **state)
{
    struct stack *stack = *state;
    struct user users[5];
    make_users(stack, users, 5);
    json_int_t room = make_room_of(stack, &users[0], ""), last = 0;
    for (size_t i = 0; i < 5; i++)
        assert_status(join_room(stack, &users[i], room), 201);
    size_t seen = 0, pages = 0;
    for (char *path = text("/rooms/%lld/participants?limit=2", (long long)room); path != NULL; pages++) {
        struct reply *page = http_get(stack, users[0].token, "%s", path);
        assert_status(page, 200);
        for (size_t i = 0; i < json_array_size(page->json); i++, seen++) {
            json_int_t id = object_integer(json_array_get(page->json, i), "userId");
            assert_true(id > last);
            last = id;
        }
        char *link = reply_header(page, "Link");
        path = link != NULL ? text("%.*s", (int)strcspn(link + 1, ">"), link + 1) : NULL;
    }
    assert_int_equal(seen, 5);
    assert_int_equal(pages, 3);
    assert_invalid(list_participants(stack, &users[0], room, "?limit=0"), "limit must not be less than 1");
}

static void who_is_in_it_is_shown_to_members_and_admins(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), moderator = make_user(stack), member = make_user(stack);
    struct user invited = make_user(stack), guest = make_user(stack), admin = make_admin(stack);
    json_int_t room = make_room_of(stack, &owner, "");
    assert_status(join_room(stack, &member, room), 201);
    assert_status(appoint(stack, &owner, room, &moderator), 204);
    assert_status(invite(stack, &owner, room, &invited), 204);
    assert_status(patch_room(stack, &owner, room, "{\"waitingRoom\":true}"), 200);
    assert_status(join_room(stack, &guest, room), 202);
    const struct user *const shown[] = {&owner, &moderator, &member, &admin};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        assert_int_equal(json_array_size(list_participants(stack, shown[i], room, "")->json), 1);
    assert_error(list_participants(stack, &invited, room, ""), 403, "forbidden");
    assert_error(list_participants(stack, &guest, room, ""), 403, "forbidden");
    assert_status(leave_room(stack, &member, room), 201);
    assert_error(list_participants(stack, &member, room, ""), 403, "forbidden");
}

/* Before anybody has put them out: the clock decides. */
static void after_the_end_nobody_is_in_it(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), member = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "");
    assert_status(join_room(stack, &member, room), 201);
    database_value(stack, "UPDATE rooms.room SET ends_at = now() WHERE id = $1::bigint", text("%lld", (long long)room));
    assert_string_equal(list_participants(stack, &owner, room, "")->body, "[]");
    assert_error(list_participants(stack, &member, room, ""), 403, "forbidden");
}

/* ---- being put out ---- */

static void who_is_kicked_is_out_and_may_come_back(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), moderator = make_user(stack), member = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "");
    assert_status(appoint(stack, &owner, room, &moderator), 204);
    assert_status(join_room(stack, &member, room), 201);
    assert_status(kick(stack, &moderator, room, &member), 204);
    assert_int_equal(reply_integer(get_room(stack, &owner, room), "participantCount"), 0);
    assert_int_equal(database_members(stack, room), 0);
    assert_status(kick(stack, &moderator, room, &member), 204);
    assert_string_equal(told_of_user(stack, room, &member), "joined, kicked, left kicked");
    assert_string_equal(
        database_value(
            stack, "SELECT body ->> 'actorId' FROM rooms.outbox WHERE name = 'room.kicked' AND body ->> 'roomId' = $1",
            text("%lld", (long long)room)),
        id_of(&moderator));
    assert_status(join_room(stack, &member, room), 201);
}

static void not_everybody_can_be_kicked(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), one = make_user(stack), other = make_user(stack), member = make_user(stack);
    struct user admin = make_admin(stack);
    json_int_t room = make_room_of(stack, &owner, "");
    assert_status(appoint(stack, &owner, room, &one), 204);
    assert_status(appoint(stack, &owner, room, &other), 204);
    const struct user *const users[] = {&owner, &one, &other, &member};
    for (size_t i = 0; i < sizeof users / sizeof *users; i++)
        assert_status(join_room(stack, users[i], room), 201);
    assert_error(kick(stack, &member, room, &member), 403, "forbidden");
    assert_error_text(kick(stack, &one, room, &owner), 403, "forbidden", "The owner cannot be kicked");
    assert_error_text(kick(stack, &admin, room, &owner), 403, "forbidden", "The owner cannot be kicked");
    assert_error_text(kick(stack, &one, room, &other), 403, "forbidden", "Only the owner may kick a moderator");
    assert_int_equal(database_members(stack, room), 4);
    assert_status(kick(stack, &owner, room, &one), 204);
    assert_status(kick(stack, &admin, room, &other), 204);
    assert_status(kick(stack, &one, room, &member), 204); /* out, and a moderator still */
    assert_int_equal(database_members(stack, room), 1);
}

/* ---- what becomes of a room whose owner is deleted ---- */

/* Until a client sees it so; 0 = that the room is not there. */
static void await_owner(const struct stack *stack, const struct user *user, json_int_t room, json_int_t owner)
{
    for (int64_t deadline = now_ms() + PATIENCE_MS;; sleep_ms(5)) {
        struct reply *reply = get_room(stack, user, room);
        json_int_t seen = reply->status == 404 ? 0 : reply_integer(reply, "ownerId");
        if (seen == owner)
            return;
        if (now_ms() > deadline)
            fail_msg("room %lld is owned by %lld", (long long)room, (long long)seen);
    }
}

static void a_room_whose_owner_is_deleted_has_an_heir_within_a_second(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), younger = make_user(stack), older = make_user(stack);
    json_int_t moderated = make_room_of(stack, &owner, ""), visited = make_room_of(stack, &owner, ""),
               empty = make_room_of(stack, &owner, "");
    assert_status(join_room(stack, &younger, moderated), 201);
    assert_status(appoint(stack, &owner, moderated, &older), 204);
    assert_status(appoint(stack, &owner, moderated, &younger), 204);
    assert_status(join_room(stack, &owner, visited), 201);
    assert_status(join_room(stack, &older, visited), 201);
    assert_status(join_room(stack, &younger, visited), 201);
    assert_status(invite(stack, &owner, empty, &younger), 204);
    int64_t begun_ms = now_ms();
    assert_status(http_delete(stack, owner.token, "/users/%lld", (long long)owner.id), 204);
    await_owner(stack, &younger, moderated, older.id);
    await_owner(stack, &younger, visited, older.id);
    await_owner(stack, &younger, empty, 0);
    int64_t took_ms = now_ms() - begun_ms;
    if (!stack_is_sanitized() && took_ms > 1000)
        fail_msg("it took %lld ms", (long long)took_ms);
    assert_string_equal(moderators_of(get_room(stack, &older, moderated)), id_of(&younger));
    assert_int_equal(reply_integer(get_room(stack, &older, visited), "participantCount"), 2);
    assert_string_equal(told_of_room(stack, visited), "created, joined, joined, joined, left user_deleted, updated");
    assert_status(patch_room(stack, &older, visited, "{\"description\":\"inherited\"}"), 200);
}

SUITE("room_people", cmocka_unit_test(the_owner_hands_over),
      cmocka_unit_test(a_moderator_who_gets_the_room_is_no_moderator_any_more),
      cmocka_unit_test(a_room_goes_to_people_who_exist_and_are_not_banned),
      cmocka_unit_test(a_room_is_handed_over_once), cmocka_unit_test(moderators_are_appointed_and_dismissed),
      cmocka_unit_test(not_everybody_can_be_a_moderator), cmocka_unit_test(a_room_has_fifty_moderators_at_most),
      cmocka_unit_test(only_the_owner_and_admins_give_roles), cmocka_unit_test(where_there_is_no_room_there_is_nothing),
      cmocka_unit_test(ids_must_be_numbers), cmocka_unit_test(participants_are_shown_with_their_names_and_roles),
      cmocka_unit_test(a_page_asks_for_its_names_once), cmocka_unit_test(participants_come_in_pages),
      cmocka_unit_test(who_is_in_it_is_shown_to_members_and_admins), cmocka_unit_test(after_the_end_nobody_is_in_it),
      cmocka_unit_test(who_is_kicked_is_out_and_may_come_back), cmocka_unit_test(not_everybody_can_be_kicked),
      cmocka_unit_test(a_room_whose_owner_is_deleted_has_an_heir_within_a_second))
