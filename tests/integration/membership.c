/* Joining and leaving rooms: passwords, seats, activity, and that the number of seats holds under any concurrency. */
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

enum { CROWD = 64, SEATS = 5 };

static struct reply *join(const struct stack *stack, const struct user *user, const struct room *room, const char *json)
{
    return http_post(stack, user->token, json, "/rooms/%lld/join", (long long)room->id);
}

static struct reply *leave(const struct stack *stack, const struct user *user, const struct room *room)
{
    return http_post(stack, user->token, NULL, "/rooms/%lld/leave", (long long)room->id);
}

static void assert_count(const struct stack *stack, const struct room *room, json_int_t expected)
{
    assert_int_equal(database_members(stack, room->id), expected);
    assert_int_equal(database_participant_count(stack, room->id), expected);
}

/* ---- one at a time ---- */

static void joins_and_leaves(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack);
    struct room room = make_room(stack, &owner, (struct room_options){0});
    assert_count(stack, &room, 0);
    struct reply *joined = join(stack, &guest, &room, NULL);
    assert_status(joined, 201);
    assert_int_equal(reply_integer(joined, "id"), room.id);
    assert_int_equal(reply_integer(joined, "participantCount"), 1);
    assert_status(join(stack, &owner, &room, "{}"), 201);
    assert_count(stack, &room, 2);
    struct reply *left = leave(stack, &guest, &room);
    assert_status(left, 201);
    assert_int_equal(reply_integer(left, "participantCount"), 1);
    assert_count(stack, &room, 1);
}

static void joining_twice_and_leaving_twice_change_nothing(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack);
    struct room room = make_room(stack, &owner, (struct room_options){.max_participants = 2});
    assert_int_equal(reply_integer(leave(stack, &guest, &room), "participantCount"), 0);
    struct reply *first = join(stack, &guest, &room, NULL);
    struct reply *again = join(stack, &guest, &room, NULL);
    assert_status(again, 201);
    assert_string_equal(again->body, first->body);
    assert_status(join(stack, &owner, &room, NULL), 201);
    assert_status(join(stack, &guest, &room, NULL), 201); /* a member again, though the room is full */
    assert_count(stack, &room, 2);
    assert_status(leave(stack, &guest, &room), 201);
    assert_int_equal(reply_integer(leave(stack, &guest, &room), "participantCount"), 1);
    assert_count(stack, &room, 1);
}

static void a_full_room_is_409(void **state)
{
    struct stack *stack = *state;
    struct user users[3];
    make_users(stack, users, 3);
    struct room room = make_room(stack, &users[0], (struct room_options){.max_participants = 2});
    assert_status(join(stack, &users[0], &room, NULL), 201);
    assert_status(join(stack, &users[1], &room, NULL), 201);
    struct reply *reply = join(stack, &users[2], &room, NULL);
    assert_error_text(reply, 409, "room_full", "Room is full");
    assert_string_equal(object_keys(reply->json), "message,error,statusCode,code,requestId");
    assert_status(leave(stack, &users[1], &room), 201);
    assert_status(join(stack, &users[2], &room, NULL), 201);
}

static void an_inactive_room_is_409(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    struct room room = make_room(stack, &owner, (struct room_options){.is_inactive = true});
    assert_error_text(join(stack, &owner, &room, NULL), 409, "room_not_active", "Room is not active");
    assert_status(http_patch(stack, owner.token, "{\"isActive\":true}", "/rooms/%lld", (long long)room.id), 200);
    assert_status(join(stack, &owner, &room, NULL), 201);
}

static void a_password_counts_whether_or_not_the_room_is_private(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack);
    for (int is_private = 0; is_private < 2; is_private++) {
        struct room room =
            make_room(stack, &owner, (struct room_options){.password = "sesame", .is_private = is_private});
        static const char *const wrong[] = {NULL,
                                            "{}",
                                            "{\"password\":null}",
                                            "{\"password\":\"\"}",
                                            "{\"password\":\"Sesame\"}",
                                            "{\"password\":\"sesame \"}"};
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
            assert_error_text(join(stack, &guest, &room, wrong[i]), 403, "room_password_invalid",
                              "Invalid room password");
        assert_count(stack, &room, 0);
        assert_status(join(stack, &guest, &room, "{\"password\":\"sesame\"}"), 201);
        assert_count(stack, &room, 1);
    }
}

static void a_private_room_without_a_password_is_open_to_who_knows_it(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack);
    struct room room = make_room(stack, &owner, (struct room_options){.is_private = true});
    assert_status(join(stack, &guest, &room, "{\"password\":\"not needed\"}"), 201);
}

static void a_join_is_validated(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    struct room room = make_room(stack, &owner, (struct room_options){0});
    assert_invalid(join(stack, &owner, &room, "{\"password\":5}"), "password must be a string");
    assert_invalid(join(stack, &owner, &room, "{\"user\":5}"), "property user should not exist");
    assert_count(stack, &room, 0);
}

/* ---- all at once ---- */

static void sixty_four_joins_into_five_seats_give_five_members(void **state)
{
    struct stack *stack = *state;
    struct user users[CROWD];
    make_users(stack, users, CROWD);
    struct room room = make_room(stack, &users[0], (struct room_options){.max_participants = SEATS});
    char *path = text("/rooms/%lld/join", (long long)room.id);
    struct request requests[CROWD];
    struct reply *replies[CROWD];
    for (size_t i = 0; i < CROWD; i++)
        requests[i] = (struct request){.verb = "POST", .path = path, .token = users[i].token};
    http_send_many(stack, requests, replies, CROWD);
    assert_int_equal(count_status(replies, CROWD, 201), SEATS);
    assert_int_equal(count_status(replies, CROWD, 409), CROWD - SEATS);
    for (size_t i = 0; i < CROWD; i++)
        if (replies[i]->status != 201)
            assert_error_text(replies[i], 409, "room_full", "Room is full");
    assert_count(stack, &room, SEATS);
}

static void sixty_four_registrations_of_one_name_give_one_user(void **state)
{
    struct stack *stack = *state;
    struct request requests[CROWD];
    struct reply *replies[CROWD];
    for (size_t i = 0; i < CROWD; i++)
        requests[i] =
            (struct request){.verb = "POST",
                             .path = "/auth/register",
                             .json = registration_json("wanted", text("wanted%zu@example.org", i), "secret1")};
    http_send_many(stack, requests, replies, CROWD);
    assert_int_equal(count_status(replies, CROWD, 201), 1);
    assert_int_equal(count_status(replies, CROWD, 409), CROWD - 1);
    assert_status(http_post(stack, NULL, login_json("wanted", "secret1"), "/auth/login"), 200);
}

static void a_storm_of_joins_and_leaves_keeps_the_count(void **state)
{
    enum { PEOPLE = 12, ROUNDS = 6, REQUESTS = PEOPLE * 4 };
    struct stack *stack = *state;
    struct user users[PEOPLE];
    make_users(stack, users, PEOPLE);
    struct room room = make_room(stack, &users[0], (struct room_options){.max_participants = SEATS});
    char *paths[] = {text("/rooms/%lld/join", (long long)room.id), text("/rooms/%lld/leave", (long long)room.id)};
    for (int round = 0; round < ROUNDS; round++) {
        struct request requests[REQUESTS];
        struct reply *replies[REQUESTS];
        for (size_t i = 0; i < REQUESTS; i++)
            requests[i] =
                (struct request){.verb = "POST", .path = paths[(i / PEOPLE) % 2], .token = users[i % PEOPLE].token};
        http_send_many(stack, requests, replies, REQUESTS);
        assert_int_equal(count_status(replies, REQUESTS, 201) + count_status(replies, REQUESTS, 409), REQUESTS);
        for (size_t i = 0; i < REQUESTS; i++)
            if (replies[i]->status == 201)
                assert_in_range(reply_integer(replies[i], "participantCount"), 0, SEATS);
        json_int_t members = database_members(stack, room.id);
        assert_in_range(members, 0, SEATS);
        assert_int_equal(database_participant_count(stack, room.id), members);
    }
}

static void one_user_joining_many_times_at_once_is_one_member(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct room room = make_room(stack, &user, (struct room_options){.max_participants = 2});
    struct request requests[16];
    struct reply *replies[16];
    for (size_t i = 0; i < 16; i++)
        requests[i] =
            (struct request){.verb = "POST", .path = text("/rooms/%lld/join", (long long)room.id), .token = user.token};
    http_send_many(stack, requests, replies, 16);
    assert_int_equal(count_status(replies, 16, 201), 16);
    assert_count(stack, &room, 1);
}

SUITE("membership", cmocka_unit_test(joins_and_leaves),
      cmocka_unit_test(joining_twice_and_leaving_twice_change_nothing), cmocka_unit_test(a_full_room_is_409),
      cmocka_unit_test(an_inactive_room_is_409), cmocka_unit_test(a_password_counts_whether_or_not_the_room_is_private),
      cmocka_unit_test(a_private_room_without_a_password_is_open_to_who_knows_it),
      cmocka_unit_test(a_join_is_validated), cmocka_unit_test(sixty_four_joins_into_five_seats_give_five_members),
      cmocka_unit_test(sixty_four_registrations_of_one_name_give_one_user),
      cmocka_unit_test(a_storm_of_joins_and_leaves_keeps_the_count),
      cmocka_unit_test(one_user_joining_many_times_at_once_is_one_member))
