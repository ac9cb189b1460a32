/* Wrong passwords of rooms: ten of a person for a room, then 429, exactly, over any number of copies of the room
 * service; and who is not asked for a password notices nothing. */
#include <stdlib.h>
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/rooms.h"
#include "tests/support/scratch.h"
#include "tests/support/second.h"

enum { CROWD = 64, LIMIT = 10, WINDOW_S = 900, PATIENCE_MS = 15000 };

#define WRONG "{\"password\":\"wrong\"}"
#define RIGHT "{\"password\":\"sesame\"}"

static json_int_t make_locked(const struct stack *stack, const struct user *owner, const char *more)
{
    return make_room_of(stack, owner, text("\"password\":\"sesame\"%s%s", *more ? "," : "", more));
}

/* Until no try is left. */
static void use_up(const struct stack *stack, const struct user *user, json_int_t room)
{
    for (int left = LIMIT - 1; left >= 0; left--) {
        struct reply *reply = join_room_with(stack, user, room, WRONG);
        assert_error_text(reply, 403, "room_password_invalid", "Invalid room password");
        assert_int_equal(reply_header_number(reply, "RateLimit-Limit"), LIMIT);
        assert_int_equal(reply_header_number(reply, "RateLimit-Remaining"), left);
        assert_in_range(reply_header_number(reply, "RateLimit-Reset"), 1, WINDOW_S);
    }
}

static char *who(json_int_t room, const struct user *user)
{
    return text("%lld %lld", (long long)room, (long long)user->id);
}

static void exactly_ten_of_64_wrong_passwords_are_tried_over_two_copies(void **state)
{
    struct stack *stack = *state;
    struct second *second = second_start(stack, STACK_ROOM);
    struct user owner = make_user(stack), guest = make_user(stack);
    json_int_t room = make_locked(stack, &owner, "");
    struct request requests[CROWD];
    struct reply *replies[CROWD];
    for (size_t i = 0; i < CROWD; i++)
        requests[i] = (struct request){.verb = "POST",
                                       .path = text("/rooms/%lld/join", (long long)room),
                                       .token = guest.token,
                                       .json = WRONG,
                                       .base = i % 2 == 0 ? stack->url : second->stack.url};
    http_send_many(stack, requests, replies, CROWD);
    assert_int_equal(count_status(replies, CROWD, 403), LIMIT);
    assert_int_equal(count_status(replies, CROWD, 429), CROWD - LIMIT);
    for (size_t i = 0; i < CROWD; i++)
        if (replies[i]->status == 429)
            assert_throttled(replies[i], LIMIT, WINDOW_S);
    assert_throttled(join_room_with(&second->stack, &guest, room, RIGHT), LIMIT, WINDOW_S);
    assert_throttled(join_room_with(stack, &guest, room, RIGHT), LIMIT, WINDOW_S);
    assert_int_equal(database_members(stack, room), 0);
    second_stop(second);
}

static void one_room_and_one_person_are_counted_alone(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack), other = make_user(stack);
    json_int_t room = make_locked(stack, &owner, ""), neighbour = make_locked(stack, &owner, "");
    use_up(stack, &guest, room);
    assert_throttled(join_room_with(stack, &guest, room, RIGHT), LIMIT, WINDOW_S);
    assert_status(join_room_with(stack, &guest, neighbour, RIGHT), 201);
    assert_status(join_room_with(stack, &other, room, RIGHT), 201);
}

/* Not even the owner's tries are free; but whoever is in, invited or waiting is not asked. */
static void who_is_not_asked_is_not_refused(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), member = make_user(stack), invited = make_user(stack),
                guest = make_user(stack);
    json_int_t room = make_locked(stack, &owner, "");
    use_up(stack, &owner, room);
    assert_throttled(join_room_with(stack, &owner, room, RIGHT), LIMIT, WINDOW_S);
    assert_status(get_room(stack, &owner, room), 200);
    assert_status(join_room_with(stack, &member, room, RIGHT), 201);
    for (int i = 0; i <= LIMIT; i++) {
        struct reply *again = join_room_with(stack, &member, room, WRONG);
        assert_status(again, 201);
        assert_null(reply_header(again, "RateLimit-Limit"));
    }
    use_up(stack, &invited, room);
    assert_status(invite(stack, &owner, room, &invited), 204);
    assert_status(join_room_with(stack, &invited, room, WRONG), 201);
    assert_status(patch_room(stack, &owner, room, "{\"waitingRoom\":true}"), 200);
    assert_status(join_room_with(stack, &guest, room, RIGHT), 202);
    for (int i = 0; i <= LIMIT; i++)
        assert_status(join_room_with(stack, &guest, room, WRONG), 202);
}

static void no_password_is_no_guess(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack);
    json_int_t room = make_locked(stack, &owner, "");
    static const char *const none[] = {NULL, "{}", "{\"password\":null}", "{\"password\":\"\"}"};
    for (size_t i = 0; i < 3 * (sizeof none / sizeof *none); i++) {
        struct reply *reply = join_room_with(stack, &guest, room, none[i % (sizeof none / sizeof *none)]);
        assert_error(reply, 403, "room_password_invalid");
        assert_null(reply_header(reply, "RateLimit-Limit"));
    }
    use_up(stack, &guest, room);
    assert_error(join_room(stack, &guest, room), 403, "room_password_invalid"); /* and so is said when none is left */
}

static void the_right_one_forgives_the_wrong_ones_before_it(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack);
    json_int_t room = make_locked(stack, &owner, "");
    for (int round = 0; round < 2; round++) {
        for (int i = 1; i < LIMIT; i++)
            assert_error(join_room_with(stack, &guest, room, WRONG), 403, "room_password_invalid");
        struct reply *joined = join_room_with(stack, &guest, room, RIGHT);
        assert_status(joined, 201);
        assert_int_equal(reply_header_number(joined, "RateLimit-Remaining"), LIMIT);
        assert_status(leave_room(stack, &guest, room), 201);
    }
}

static void a_window_that_is_over_begins_anew_and_leaves_nothing(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack), gone = make_user(stack);
    json_int_t room = make_locked(stack, &owner, "");
    const struct user *const users[] = {&guest, &gone};
    for (size_t i = 0; i < 2; i++) {
        use_up(stack, users[i], room);
        assert_non_null(database_value(stack,
                                       "UPDATE rooms.throttle SET ends_at = now() WHERE key = "
                                       "rooms.throttle_key('room_password', $1) RETURNING used",
                                       who(room, users[i])));
    }
    struct reply *reply = join_room_with(stack, &guest, room, WRONG);
    assert_error(reply, 403, "room_password_invalid");
    assert_int_equal(reply_header_number(reply, "RateLimit-Remaining"), LIMIT - 1);
    assert_status(join_room_with(stack, &guest, room, RIGHT), 201);
    static const char counted[] = "SELECT count(*) FROM rooms.throttle WHERE key = "
                                  "rooms.throttle_key('room_password', $1)";
    for (int64_t deadline = now_ms() + PATIENCE_MS; strcmp(database_value(stack, counted, who(room, &gone)), "0") != 0;
         sleep_ms(10))
        assert_true(now_ms() < deadline);
}

SUITE("room_throttle", cmocka_unit_test(exactly_ten_of_64_wrong_passwords_are_tried_over_two_copies),
      cmocka_unit_test(one_room_and_one_person_are_counted_alone), cmocka_unit_test(who_is_not_asked_is_not_refused),
      cmocka_unit_test(no_password_is_no_guess), cmocka_unit_test(the_right_one_forgives_the_wrong_ones_before_it),
      cmocka_unit_test(a_window_that_is_over_begins_anew_and_leaves_nothing))
