/* Who gets into a room, and who decides it: the order of the refusals, bans, invitations and passwords. */
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/rooms.h"
#include "tests/support/scratch.h"

/* ---- the order of the refusals ---- */

/* So that a right password is refused too. */
static void use_up_tries(const struct stack *stack, const struct user *user, json_int_t room)
{
    struct reply *reply;
    do
        reply = join_room_with(stack, user, room, "{\"password\":\"wrong\"}");
    while (reply->status == 403);
    assert_error(reply, 429, "too_many_requests");
}

static void forget_tries(const struct stack *stack)
{
    assert_non_null(database_value(
        stack, "WITH over AS (UPDATE rooms.throttle SET ends_at = now() RETURNING 1) SELECT count(*) FROM over"));
}

static void take_seats(const struct stack *stack, const struct user *users, size_t count, json_int_t room)
{
    for (size_t i = 0; i < count; i++) {
        assert_status(invite(stack, &users[0], room, &users[i]), 204);
        assert_status(join_room(stack, &users[i], room), 201);
    }
}

/* At first all of them hold; each step takes the one away that has just won. Two exclude each other: a room without a
 * password has no wrong one, and a room with one asks for no invitation. */
static void refusals_win_in_their_order(void **state)
{
    struct stack *stack = *state;
    struct user members[2], guest = make_user(stack);
    make_users(stack, members, 2);
    const struct user *owner = &members[0];
    json_int_t room = make_room_of(stack, owner, "\"password\":\"sesame\",\"maxParticipants\":2");
    use_up_tries(stack, &guest, room);
    assert_status(ban(stack, owner, room, &guest), 204);
    assert_status(patch_room(stack, owner, room,
                             "{\"unlisted\":true,\"isActive\":false,\"inviteOnly\":true,\"waitingRoom\":true,"
                             "\"endsAt\":\"2020-01-01T00:00:00Z\"}"),
                  200);
    enum deed { CHANGE, LIFT_BAN, TAKE_SEATS, FORGET_TRIES };
    static const struct step {
        enum deed deed;
        const char *change, *sent; /* by PATCH; with the join */
        long status;
        const char *code; /* NULL = success */
    } steps[] = {
        {CHANGE, "{\"description\":\"all hold\"}", NULL, 404, "room_not_found"},
        {CHANGE, "{\"unlisted\":false}", NULL, 403, "room_banned"},
        {LIFT_BAN, NULL, NULL, 403, "room_ended"},
        {CHANGE, "{\"endsAt\":\"\",\"startsAt\":\"2999-01-01T00:00:00Z\"}", NULL, 403, "room_not_started"},
        {CHANGE, "{\"startsAt\":\"\"}", NULL, 409, "room_not_active"},
        {CHANGE, "{\"isActive\":true}", NULL, 403, "room_password_invalid"},
        {TAKE_SEATS, NULL, NULL, 403, "room_password_invalid"}, /* the end had put everyone out */
        {CHANGE, "{\"description\":\"one is given\"}", "{\"password\":\"wrong\"}", 429, "too_many_requests"},
        {FORGET_TRIES, NULL, "{\"password\":\"wrong\"}", 403, "room_password_invalid"},
        {CHANGE, "{\"password\":\"\"}", NULL, 403, "room_invitation_missing"},
        {CHANGE, "{\"inviteOnly\":false}", NULL, 202, NULL},
        {CHANGE, "{\"waitingRoom\":false}", NULL, 409, "room_full"},
        {CHANGE, "{\"maxParticipants\":3}", NULL, 201, NULL},
        /* A member again: whatever holds. */
        {CHANGE,
         "{\"unlisted\":true,\"password\":\"x\",\"inviteOnly\":true,\"waitingRoom\":true,\"isActive\":false,"
         "\"maxParticipants\":2}",
         "{\"password\":\"wrong\"}", 201, NULL},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const struct step *step = &steps[i];
        if (step->deed == CHANGE)
            assert_status(patch_room(stack, owner, room, step->change), 200);
        else if (step->deed == LIFT_BAN)
            assert_status(unban(stack, owner, room, &guest), 204);
        else if (step->deed == TAKE_SEATS)
            take_seats(stack, members, 2, room);
        else
            forget_tries(stack);
        assert_reply_at(join_room_with(stack, &guest, room, step->sent), step->status, step->code, NULL, __FILE__,
                        __LINE__);
        if (step->status == 202)
            assert_status(leave_room(stack, &guest, room), 201);
    }
}

static void a_wrong_password_is_no_way_around_a_ban(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "\"password\":\"sesame\"");
    assert_status(ban(stack, &owner, room, &guest), 204);
    assert_error_text(join_room_with(stack, &guest, room, "{\"password\":\"sesame\"}"), 403, "room_banned",
                      "You are banned from this room");
    assert_error(join_room_with(stack, &guest, room, "{\"password\":\"wrong\"}"), 403, "room_banned");
}

/* ---- bans ---- */

static void a_ban_takes_everything_away(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), member = make_user(stack), guest = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "\"waitingRoom\":true");
    assert_status(invite(stack, &owner, room, &member), 204);
    assert_status(join_room(stack, &member, room), 201);
    assert_status(appoint(stack, &owner, room, &member), 204);
    assert_waits(join_room(stack, &guest, room), 1);
    assert_status(ban(stack, &owner, room, &member), 204);
    assert_status(ban(stack, &owner, room, &member), 204);
    assert_status(ban(stack, &owner, room, &guest), 204);
    struct reply *after = get_room(stack, &owner, room);
    assert_int_equal(reply_integer(after, "participantCount"), 0);
    assert_int_equal(json_array_size(json_object_get(after->json, "moderators")), 0);
    assert_int_equal(json_array_size(list_waiting(stack, &owner, room, "")->json), 0);
    assert_error(join_room(stack, &member, room), 403, "room_banned");
    assert_error(list_waiting(stack, &member, room, ""), 403, "forbidden");
    assert_string_equal(told_of_user(stack, room, &member), "joined, banned, left banned");
    assert_string_equal(told_of_user(stack, room, &guest), "waiting, banned");
    assert_error_text(invite(stack, &owner, room, &member), 409, "conflict", "User is banned from this room");
    assert_status(unban(stack, &owner, room, &member), 204);
    assert_status(unban(stack, &owner, room, &member), 204);
    assert_waits(join_room(stack, &member, room), 1); /* the invitation went with the ban */
}

static void not_everybody_can_be_banned(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), one = make_user(stack), other = make_user(stack), guest = make_user(stack);
    struct user admin = make_admin(stack);
    json_int_t room = make_room_of(stack, &owner, "");
    assert_status(appoint(stack, &owner, room, &one), 204);
    assert_status(appoint(stack, &owner, room, &other), 204);
    assert_error_text(ban(stack, &one, room, &owner), 403, "forbidden", "The owner cannot be banned");
    assert_error_text(ban(stack, &admin, room, &owner), 403, "forbidden", "The owner cannot be banned");
    assert_error_text(ban(stack, &one, room, &other), 403, "forbidden", "Only the owner may ban a moderator");
    assert_status(ban(stack, &one, room, &guest), 204);
    assert_status(ban(stack, &owner, room, &other), 204);
    assert_status(ban(stack, &admin, room, &one), 204);
}

/* ---- invitations ---- */

static void an_invited_person_needs_no_password(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "\"password\":\"sesame\",\"inviteOnly\":true");
    assert_error(join_room(stack, &guest, room), 403, "room_password_invalid");
    assert_status(invite(stack, &owner, room, &guest), 204);
    assert_status(invite(stack, &owner, room, &guest), 204);
    assert_status(join_room(stack, &guest, room), 201);
    assert_status(leave_room(stack, &guest, room), 201);
    assert_status(join_room_with(stack, &guest, room, "{\"password\":\"wrong\"}"), 201); /* and may come back */
    assert_status(leave_room(stack, &guest, room), 201);
    assert_status(uninvite(stack, &owner, room, &guest), 204);
    assert_status(uninvite(stack, &owner, room, &guest), 204);
    assert_error(join_room(stack, &guest, room), 403, "room_password_invalid");
}

static void the_right_password_stands_in_for_an_invitation(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "\"password\":\"sesame\",\"inviteOnly\":true");
    assert_error(join_room_with(stack, &guest, room, "{\"password\":\"wrong\"}"), 403, "room_password_invalid");
    assert_status(join_room_with(stack, &guest, room, "{\"password\":\"sesame\"}"), 201);
}

static void without_a_password_only_the_invited_get_in(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack), moderator = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "\"inviteOnly\":true");
    assert_status(appoint(stack, &owner, room, &moderator), 204);
    assert_error_text(join_room(stack, &guest, room), 403, "room_invitation_missing",
                      "You are not invited to this room");
    assert_status(join_room(stack, &owner, room), 201);
    assert_status(join_room(stack, &moderator, room), 201);
    assert_status(invite(stack, &moderator, room, &guest), 204);
    assert_status(join_room(stack, &guest, room), 201);
}

/* What of room, invitation and password decides: all of them at once. */
static const char *outcome_of(bool has_password, bool is_invite_only, bool has_waiting_room, bool is_invited,
                              bool is_right)
{
    if (is_invited)
        return NULL;
    if (has_password && !is_right)
        return "room_password_invalid";
    if (!has_password && is_invite_only)
        return "room_invitation_missing";
    return has_waiting_room ? "waits" : NULL;
}

static void assert_outcome(const struct reply *reply, const char *expected)
{
    if (expected == NULL)
        assert_status(reply, 201);
    else if (strcmp(expected, "waits") == 0)
        assert_waits(reply, 1);
    else
        assert_error(reply, 403, expected);
}

static void passwords_and_invitations_go_together(void **state)
{
    enum { HAS_PASSWORD = 1, IS_INVITE_ONLY = 2, HAS_WAITING_ROOM = 4, IS_INVITED = 8, ALL = 16 };
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack);
    static const char *const sent[] = {NULL, "{\"password\":\"wrong\"}", "{\"password\":\"sesame\"}"};
    for (unsigned which = 0; which < ALL; which++) {
        json_int_t room = make_room_of(
            stack, &owner,
            text("\"password\":\"%s\",\"inviteOnly\":%s,\"waitingRoom\":%s", which & HAS_PASSWORD ? "sesame" : "",
                 which & IS_INVITE_ONLY ? "true" : "false", which & HAS_WAITING_ROOM ? "true" : "false"));
        if (which & IS_INVITED)
            assert_status(invite(stack, &owner, room, &guest), 204);
        for (size_t i = 0; i < sizeof sent / sizeof *sent; i++) {
            assert_outcome(join_room_with(stack, &guest, room, sent[i]),
                           outcome_of(which & HAS_PASSWORD, which & IS_INVITE_ONLY, which & HAS_WAITING_ROOM,
                                      which & IS_INVITED, i == 2));
            assert_status(leave_room(stack, &guest, room), 201);
        }
    }
}

static void only_people_who_exist_are_banned_or_invited(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "");
    static const char *const ids[] = {"999999", "-5", "99999999999999999999999"};
    static const char *const kinds[] = {"bans", "invitations"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        for (size_t j = 0; j < 2; j++) {
            assert_error_text(
                http_put(stack, owner.token, NULL, "/rooms/%lld/%s/%s", (long long)room, kinds[j], ids[i]), 404,
                "user_not_found", text("User with ID %s not found", ids[i]));
            assert_status(http_delete(stack, owner.token, "/rooms/%lld/%s/%s", (long long)room, kinds[j], ids[i]), 204);
        }
}

static struct reply *people(const struct stack *stack, const struct user *user, json_int_t room, const char *path)
{
    return http_get(stack, user->token, "/rooms/%lld/%s", (long long)room, path);
}

static void moderators_see_who_is_banned_and_who_is_invited(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guests[3];
    make_users(stack, guests, 3);
    json_int_t room = make_room_of(stack, &owner, "");
    assert_string_equal(people(stack, &owner, room, "bans")->body, "[]");
    assert_status(ban(stack, &owner, room, &guests[0]), 204);
    for (size_t i = 1; i < 3; i++)
        assert_status(invite(stack, &owner, room, &guests[i]), 204);
    struct reply *bans = people(stack, &owner, room, "bans");
    assert_status(bans, 200);
    assert_int_equal(json_array_size(bans->json), 1);
    const json_t *banned = json_array_get(bans->json, 0);
    assert_string_equal(object_keys(banned), "userId,username,bannedBy,bannedAt");
    assert_string_equal(object_string(banned, "username"), guests[0].username);
    assert_int_equal(object_integer(banned, "bannedBy"), owner.id);
    struct reply *invited = people(stack, &owner, room, "invitations?limit=1");
    assert_status(invited, 200);
    assert_int_equal(json_array_size(invited->json), 1);
    assert_string_equal(object_keys(json_array_get(invited->json, 0)), "userId,username,invitedBy,invitedAt");
    json_int_t first = object_integer(json_array_get(invited->json, 0), "userId");
    assert_string_equal(
        reply_header(invited, "Link"),
        text("</rooms/%lld/invitations?limit=1&after=%lld>; rel=\"next\"", (long long)room, (long long)first));
    struct reply *rest = people(stack, &owner, room, text("invitations?limit=1&after=%lld", (long long)first));
    assert_int_equal(json_array_size(rest->json), 1);
    assert_null(reply_header(rest, "Link"));
    static const char *const lists_of[] = {"bans", "invitations"};
    for (size_t i = 0; i < 2; i++) {
        assert_error(people(stack, &guests[1], room, lists_of[i]), 403, "forbidden");
        assert_error(http_get(stack, owner.token, "/rooms/999999/%s", lists_of[i]), 404, "room_not_found");
        assert_error(http_get(stack, owner.token, "/rooms/x/%s", lists_of[i]), 400, "id_not_numeric");
        assert_invalid(people(stack, &owner, room, text("%s?limit=101", lists_of[i])),
                       "limit must not be greater than 100");
    }
}

/* ---- who may ---- */

static void only_moderators_decide(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), member = make_user(stack), guest = make_user(stack);
    struct user admin = make_admin(stack);
    json_int_t room = make_room_of(stack, &owner, "");
    assert_status(join_room(stack, &member, room), 201);
    assert_status(patch_room(stack, &owner, room, "{\"waitingRoom\":true}"), 200);
    assert_waits(join_room(stack, &guest, room), 1);
    struct reply *const refused[] = {
        list_waiting(stack, &member, room, ""),
        decide(stack, &guest, room, &guest, "admit"),
        decide(stack, &member, room, &guest, "deny"),
        admit_all(stack, &member, room),
        ban(stack, &member, room, &guest),
        unban(stack, &member, room, &guest),
        invite(stack, &guest, room, &guest),
        uninvite(stack, &member, room, &guest),
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_error(refused[i], 403, "forbidden");
    assert_int_equal(json_array_size(list_waiting(stack, &admin, room, "")->json), 1);
    assert_status(decide(stack, &admin, room, &guest, "admit"), 200);
}

static void both_ids_must_be_numbers(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "");
    static const char *const paths[] = {"bans/%s", "invitations/%s", "waiting/%s/admit", "waiting/%s/deny"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        for (int wrong = 0; wrong < 2; wrong++) {
            char *tail =
                text("%.*s%s%s", (int)strcspn(paths[i], "%"), paths[i], wrong ? "x7" : "7", strchr(paths[i], '%') + 2);
            char *path = wrong ? text("/rooms/%lld/%s", (long long)room, tail) : text("/rooms/1e2/%s", tail);
            const char *verb = i < 2 ? "PUT" : "POST";
            assert_error(http_send(stack, &(struct request){.verb = verb, .path = path, .token = owner.token}), 400,
                         "id_not_numeric");
            if (i < 2)
                assert_error(http_delete(stack, owner.token, "%s", path), 400, "id_not_numeric");
        }
    assert_error(http_get(stack, owner.token, "/rooms/x/waiting"), 400, "id_not_numeric");
    assert_error(http_post(stack, owner.token, NULL, "/rooms/x/waiting/admit"), 400, "id_not_numeric");
}

SUITE("room_doors", cmocka_unit_test(refusals_win_in_their_order),
      cmocka_unit_test(a_wrong_password_is_no_way_around_a_ban), cmocka_unit_test(a_ban_takes_everything_away),
      cmocka_unit_test(not_everybody_can_be_banned), cmocka_unit_test(an_invited_person_needs_no_password),
      cmocka_unit_test(the_right_password_stands_in_for_an_invitation),
      cmocka_unit_test(without_a_password_only_the_invited_get_in),
      cmocka_unit_test(passwords_and_invitations_go_together),
      cmocka_unit_test(only_people_who_exist_are_banned_or_invited),
      cmocka_unit_test(moderators_see_who_is_banned_and_who_is_invited), cmocka_unit_test(only_moderators_decide),
      cmocka_unit_test(both_ids_must_be_numbers))
