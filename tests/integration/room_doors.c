/* Who gets into a room, and who decides it: the order of the refusals, the waiting room, bans, invitations, and rooms
 * that are not listed. */
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/rooms.h"
#include "tests/support/scratch.h"

enum { CROWD = 24 };

static void assert_waits(const struct reply *reply, json_int_t position)
{
    assert_status(reply, 202);
    assert_string_equal(object_keys(reply->json), "status,position");
    assert_string_equal(reply_string(reply, "status"), "waiting");
    assert_int_equal(reply_integer(reply, "position"), position);
}

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

/* ---- the waiting room ---- */

static void who_joins_waits_and_keeps_the_place(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), first = make_user(stack), second = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "\"waitingRoom\":true");
    assert_waits(join_room(stack, &first, room), 1);
    assert_waits(join_room(stack, &second, room), 2);
    assert_waits(join_room(stack, &first, room), 1);
    assert_waits(join_room(stack, &second, room), 2);
    assert_int_equal(reply_integer(get_room(stack, &owner, room), "participantCount"), 0);
    struct reply *list = list_waiting(stack, &owner, room, "");
    assert_status(list, 200);
    assert_int_equal(json_array_size(list->json), 2);
    const json_t *guest = json_array_get(list->json, 1);
    assert_string_equal(object_keys(guest), "userId,username,position,waitingSince");
    assert_int_equal(object_integer(guest, "userId"), second.id);
    assert_string_equal(object_string(guest, "username"), second.username);
    assert_int_equal(object_integer(guest, "position"), 2);
    assert_int_equal(strlen(object_string(guest, "waitingSince")), strlen("2026-01-01T00:00:00.000Z"));
    /* Leaving takes one out of the queue, and the others move up. */
    assert_status(leave_room(stack, &first, room), 201);
    assert_waits(join_room(stack, &second, room), 1);
    assert_waits(join_room(stack, &first, room), 2);
    assert_string_equal(told_of_user(stack, room, &first), "waiting, left left_waiting, waiting");
}

static void owner_moderators_admins_and_the_invited_do_not_wait(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), moderator = make_user(stack), invited = make_user(stack);
    struct user admin = make_admin(stack);
    json_int_t room = make_room_of(stack, &owner, "\"waitingRoom\":true");
    assert_status(appoint(stack, &owner, room, &moderator), 204);
    assert_status(invite(stack, &moderator, room, &invited), 204);
    const struct user *const users[] = {&owner, &moderator, &invited, &admin};
    for (size_t i = 0; i < sizeof users / sizeof *users; i++)
        assert_status(join_room(stack, users[i], room), 201);
}

static void moderators_admit_and_deny(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), moderator = make_user(stack), first = make_user(stack),
                second = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "\"waitingRoom\":true");
    assert_status(appoint(stack, &owner, room, &moderator), 204);
    assert_waits(join_room(stack, &first, room), 1);
    assert_waits(join_room(stack, &second, room), 2);
    struct reply *admitted = decide(stack, &moderator, room, &second, "admit");
    assert_status(admitted, 200);
    assert_int_equal(reply_integer(admitted, "participantCount"), 1);
    assert_status(decide(stack, &moderator, room, &second, "admit"), 200); /* in it already */
    assert_status(join_room(stack, &second, room), 201);
    assert_status(decide(stack, &owner, room, &first, "deny"), 204);
    assert_error_text(decide(stack, &owner, room, &first, "deny"), 404, "not_waiting", "User is not waiting");
    assert_error(decide(stack, &owner, room, &first, "admit"), 404, "not_waiting");
    assert_int_equal(json_array_size(list_waiting(stack, &owner, room, "")->json), 0);
    assert_string_equal(told_of_user(stack, room, &second), "waiting, admitted, joined");
    assert_string_equal(told_of_user(stack, room, &first), "waiting, denied");
    assert_waits(join_room(stack, &first, room), 1); /* who was denied may ask again */
}

static void admitting_all_fills_the_seats_in_order(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guests[4];
    make_users(stack, guests, 4);
    json_int_t room = make_room_of(stack, &owner, "\"waitingRoom\":true,\"maxParticipants\":3");
    for (size_t i = 0; i < 4; i++)
        assert_waits(join_room(stack, &guests[i], room), (json_int_t)i + 1);
    struct reply *admitted = admit_all(stack, &owner, room);
    assert_status(admitted, 200);
    assert_int_equal(reply_integer(admitted, "participantCount"), 3);
    assert_int_equal(database_members(stack, room), 3);
    assert_waits(join_room(stack, &guests[3], room), 1);
    assert_error(decide(stack, &owner, room, &guests[3], "admit"), 409, "room_full");
    assert_status(leave_room(stack, &guests[1], room), 201);
    assert_waits(join_room(stack, &guests[1], room), 2); /* who left waits like everybody */
    assert_int_equal(reply_integer(admit_all(stack, &owner, room), "participantCount"), 3);
    assert_status(join_room(stack, &guests[3], room), 201);
}

static void switching_it_off_admits_up_to_the_seats(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guests[3];
    make_users(stack, guests, 3);
    json_int_t room = make_room_of(stack, &owner, "\"waitingRoom\":true,\"maxParticipants\":2");
    for (size_t i = 0; i < 3; i++)
        assert_waits(join_room(stack, &guests[i], room), (json_int_t)i + 1);
    struct reply *opened = patch_room(stack, &owner, room, "{\"waitingRoom\":false}");
    assert_status(opened, 200);
    assert_false(reply_boolean(opened, "waitingRoom"));
    assert_int_equal(reply_integer(opened, "participantCount"), 2);
    assert_status(join_room(stack, &guests[0], room), 201);
    assert_status(join_room(stack, &guests[1], room), 201);
    assert_error(join_room(stack, &guests[2], room), 409, "room_full");
    assert_status(leave_room(stack, &guests[0], room), 201);
    assert_status(join_room(stack, &guests[2], room), 201);
    assert_int_equal(json_array_size(list_waiting(stack, &owner, room, "")->json), 0);
}

static void nobody_gets_in_by_arriving_early(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), early = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "\"waitingRoom\":true,\"startsAt\":\"2999-01-01T00:00:00Z\"");
    assert_error(join_room(stack, &early, room), 403, "room_not_started");
    assert_error(decide(stack, &owner, room, &early, "admit"), 403, "room_not_started");
    assert_error(admit_all(stack, &owner, room), 403, "room_not_started");
    assert_status(join_room(stack, &owner, room), 201);
    assert_status(patch_room(stack, &owner, room, "{\"startsAt\":\"\"}"), 200);
    assert_waits(join_room(stack, &early, room), 1);
    /* What opens later lets nobody in who was not admitted: not another start, not a password. */
    assert_status(patch_room(stack, &owner, room, "{\"startsAt\":\"2999-01-01T00:00:00Z\",\"password\":\"x\"}"), 200);
    assert_error(admit_all(stack, &owner, room), 403, "room_not_started");
    assert_status(patch_room(stack, &owner, room, "{\"startsAt\":\"\"}"), 200);
    assert_waits(join_room(stack, &early, room), 1);
    assert_int_equal(database_members(stack, room), 1);
}

static void nobody_is_admitted_to_a_room_that_is_shut(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "\"waitingRoom\":true");
    assert_waits(join_room(stack, &guest, room), 1);
    assert_status(patch_room(stack, &owner, room, "{\"isActive\":false}"), 200);
    assert_error(decide(stack, &owner, room, &guest, "admit"), 409, "room_not_active");
    assert_error(admit_all(stack, &owner, room), 409, "room_not_active");
    assert_status(patch_room(stack, &owner, room, "{\"endsAt\":\"2020-01-01T00:00:00Z\"}"), 200);
    assert_error(decide(stack, &owner, room, &guest, "admit"), 403, "room_ended");
    assert_error(admit_all(stack, &owner, room), 403, "room_ended");
    assert_int_equal(json_array_size(list_waiting(stack, &owner, room, "")->json), 0);
}

static void the_queue_comes_in_pages(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guests[5];
    make_users(stack, guests, 5);
    json_int_t room = make_room_of(stack, &owner, "\"waitingRoom\":true");
    for (size_t i = 0; i < 5; i++)
        assert_waits(join_room(stack, &guests[i], room), (json_int_t)i + 1);
    size_t seen = 0;
    for (char *path = text("/rooms/%lld/waiting?limit=2", (long long)room); path != NULL;) {
        struct reply *page = http_get(stack, owner.token, "%s", path);
        assert_status(page, 200);
        for (size_t i = 0; i < json_array_size(page->json); i++, seen++) {
            assert_int_equal(object_integer(json_array_get(page->json, i), "userId"), guests[seen].id);
            assert_int_equal(object_integer(json_array_get(page->json, i), "position"), seen + 1);
        }
        char *link = reply_header(page, "Link");
        path = link != NULL ? text("%.*s", (int)strcspn(link + 1, ">"), link + 1) : NULL;
    }
    assert_int_equal(seen, 5);
    assert_invalid(list_waiting(stack, &owner, room, "?limit=0"), "limit must not be less than 1");
}

static void a_queue_has_an_end(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "\"waitingRoom\":true");
    database_value(stack,
                   "INSERT INTO rooms.waiting (room_id, user_id) SELECT $1::bigint, 1000000 + n "
                   "FROM generate_series(1, 1000) n",
                   text("%lld", (long long)room));
    assert_error(join_room(stack, &guest, room), 409, "room_full");
    assert_int_equal(json_array_size(list_waiting(stack, &owner, room, "")->json), 100);
}

/* Admitting one by one and all at once, while some leave: k seats still admit k. */
static void admitting_from_everywhere_at_once_keeps_the_seats(void **state)
{
    enum { SEATS = 5, REQUESTS = 3 * CROWD };
    struct stack *stack = *state;
    struct user owner = make_user(stack), guests[CROWD];
    make_users(stack, guests, CROWD);
    json_int_t room = make_room_of(stack, &owner, text("\"waitingRoom\":true,\"maxParticipants\":%d", SEATS));
    struct request requests[REQUESTS];
    struct reply *replies[REQUESTS];
    for (size_t i = 0; i < CROWD; i++) {
        requests[i] = (struct request){
            .verb = "POST", .path = text("/rooms/%lld/join", (long long)room), .token = guests[i].token};
        requests[CROWD + i] =
            (struct request){.verb = "POST",
                             .path = text("/rooms/%lld/waiting/%lld/admit", (long long)room, (long long)guests[i].id),
                             .token = owner.token};
        requests[2 * CROWD + i] =
            (struct request){.verb = "POST",
                             .path = i % 8 == 0 ? text("/rooms/%lld/waiting/admit", (long long)room)
                                                : text("/rooms/%lld/join", (long long)room),
                             .token = i % 8 == 0 ? owner.token : guests[i].token};
    }
    http_send_many(stack, requests, replies, REQUESTS);
    assert_status(admit_all(stack, &owner, room), 200);
    assert_int_equal(database_members(stack, room), SEATS);
    assert_int_equal(database_participant_count(stack, room), SEATS);
    assert_int_equal(json_array_size(list_waiting(stack, &owner, room, "")->json), CROWD - SEATS);
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

/* ---- unlisted rooms ---- */

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

/* As a room that is not there: also the words are the same. */
static void to_strangers_an_unlisted_room_is_not_there(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), stranger = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "\"unlisted\":true,\"password\":\"sesame\"");
    struct reply *const replies[] = {
        get_room(stack, &stranger, room),
        join_room_with(stack, &stranger, room, "{\"password\":\"sesame\"}"),
        leave_room(stack, &stranger, room),
        patch_room(stack, &stranger, room, "{\"name\":\"x\"}"),
        http_delete(stack, stranger.token, "/rooms/%lld", (long long)room),
        list_waiting(stack, &stranger, room, ""),
        decide(stack, &stranger, room, &owner, "admit"),
        decide(stack, &stranger, room, &owner, "deny"),
        admit_all(stack, &stranger, room),
        ban(stack, &stranger, room, &owner),
        unban(stack, &stranger, room, &owner),
        invite(stack, &stranger, room, &stranger),
        uninvite(stack, &stranger, room, &owner),
    };
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++)
        assert_error_text(replies[i], 404, "room_not_found", text("Room with ID %lld not found", (long long)room));
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
      cmocka_unit_test(a_wrong_password_is_no_way_around_a_ban), cmocka_unit_test(who_joins_waits_and_keeps_the_place),
      cmocka_unit_test(owner_moderators_admins_and_the_invited_do_not_wait),
      cmocka_unit_test(moderators_admit_and_deny), cmocka_unit_test(admitting_all_fills_the_seats_in_order),
      cmocka_unit_test(switching_it_off_admits_up_to_the_seats), cmocka_unit_test(nobody_gets_in_by_arriving_early),
      cmocka_unit_test(nobody_is_admitted_to_a_room_that_is_shut), cmocka_unit_test(the_queue_comes_in_pages),
      cmocka_unit_test(a_queue_has_an_end), cmocka_unit_test(admitting_from_everywhere_at_once_keeps_the_seats),
      cmocka_unit_test(a_ban_takes_everything_away), cmocka_unit_test(not_everybody_can_be_banned),
      cmocka_unit_test(an_invited_person_needs_no_password),
      cmocka_unit_test(the_right_password_stands_in_for_an_invitation),
      cmocka_unit_test(without_a_password_only_the_invited_get_in),
      cmocka_unit_test(moderators_see_who_is_banned_and_who_is_invited),
      cmocka_unit_test(only_people_who_exist_are_banned_or_invited),
      cmocka_unit_test(an_unlisted_room_is_shown_to_those_it_concerns),
      cmocka_unit_test(to_strangers_an_unlisted_room_is_not_there), cmocka_unit_test(only_moderators_decide),
      cmocka_unit_test(both_ids_must_be_numbers))
