/* The waiting room: who waits, who need not, who lets them in, and that the seats hold. */
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/rooms.h"
#include "tests/support/scratch.h"

enum { CROWD = 24 };

/* ---- waiting ---- */

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

/* ---- being admitted ---- */

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

/* With what else the same PATCH sets: more seats, and a room that was shut. */
static void switching_it_off_goes_by_what_the_room_is_then(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guests[4];
    make_users(stack, guests, 4);
    json_int_t room = make_room_of(stack, &owner, "\"waitingRoom\":true,\"maxParticipants\":2");
    for (size_t i = 0; i < 4; i++)
        assert_waits(join_room(stack, &guests[i], room), (json_int_t)i + 1);
    assert_status(patch_room(stack, &owner, room, "{\"isActive\":false}"), 200);
    struct reply *shut = patch_room(stack, &owner, room, "{\"waitingRoom\":false}");
    assert_int_equal(reply_integer(shut, "participantCount"), 0); /* nobody is let into a room that is shut */
    assert_status(patch_room(stack, &owner, room, "{\"waitingRoom\":true}"), 200);
    struct reply *opened =
        patch_room(stack, &owner, room, "{\"waitingRoom\":false,\"isActive\":true,\"maxParticipants\":3}");
    assert_int_equal(reply_integer(opened, "participantCount"), 3);
    assert_string_equal(told_of_user(stack, room, &guests[2]), "waiting, admitted, joined");
    assert_string_equal(told_of_user(stack, room, &guests[3]), "waiting");
    assert_error(join_room(stack, &guests[3], room), 409, "room_full");
}

static void nobody_gets_in_by_arriving_early(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), early = make_user(stack), invited = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "\"waitingRoom\":true,\"startsAt\":\"2999-01-01T00:00:00Z\"");
    assert_error(join_room(stack, &early, room), 403, "room_not_started");
    assert_status(invite(stack, &owner, room, &invited), 204);
    assert_error(join_room(stack, &invited, room), 403, "room_not_started");
    assert_int_equal(json_array_size(list_waiting(stack, &owner, room, "")->json), 0); /* nor is there a queue */
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

/* In the moment between a deletion and its event, whoever would seat the deleted guest is asked to come again. */
static void who_was_deleted_is_not_admitted(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack);
    char *id = text("%lld", (long long)guest.id);
    json_int_t room = make_room_of(stack, &owner, "\"waitingRoom\":true");
    assert_waits(join_room(stack, &guest, room), 1);
    database_value(stack, "INSERT INTO rooms.gone_user (user_id) VALUES ($1::bigint)", id);
    struct reply *const replies[] = {decide(stack, &owner, room, &guest, "admit"), admit_all(stack, &owner, room),
                                     patch_room(stack, &owner, room, "{\"waitingRoom\":false}")};
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        assert_error(replies[i], 503, "unavailable");
        assert_non_null(reply_header(replies[i], "Retry-After"));
    }
    assert_error(join_room(stack, &guest, make_room_of(stack, &owner, "")), 401, "unauthorized");
    assert_non_null(database_value(stack, "SELECT rooms.forget_user($1::bigint, 100)", id));
    assert_int_equal(reply_integer(admit_all(stack, &owner, room), "participantCount"), 0);
    assert_true(reply_boolean(get_room(stack, &owner, room), "waitingRoom"));
}

/* ---- the queue ---- */

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

SUITE("room_waiting", cmocka_unit_test(who_joins_waits_and_keeps_the_place),
      cmocka_unit_test(owner_moderators_admins_and_the_invited_do_not_wait),
      cmocka_unit_test(moderators_admit_and_deny), cmocka_unit_test(admitting_all_fills_the_seats_in_order),
      cmocka_unit_test(switching_it_off_admits_up_to_the_seats),
      cmocka_unit_test(switching_it_off_goes_by_what_the_room_is_then),
      cmocka_unit_test(nobody_gets_in_by_arriving_early), cmocka_unit_test(nobody_is_admitted_to_a_room_that_is_shut),
      cmocka_unit_test(who_was_deleted_is_not_admitted), cmocka_unit_test(the_queue_comes_in_pages),
      cmocka_unit_test(a_queue_has_an_end), cmocka_unit_test(admitting_from_everywhere_at_once_keeps_the_seats))
