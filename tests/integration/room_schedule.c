/* When rooms are open: start, end and duration in any offset, by the database's clock; and what is told of it. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/database.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/rooms.h"
#include "tests/support/scratch.h"

/* So many seconds from now, in UTC. */
static char *in_seconds(int seconds)
{
    time_t then = time(NULL) + seconds;
    struct tm parts;
    char written[32];
    assert_non_null(gmtime_r(&then, &parts));
    strftime(written, sizeof written, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text("%s", written);
}

/* A room of these fields beside its name. */
static struct reply *create(const struct stack *stack, const struct user *owner, const char *fields)
{
    struct reply *reply =
        http_post(stack, owner->token, text("{\"name\":\"%s\",%s}", unique("scheduled"), fields), "/rooms");
    assert_status(reply, 201);
    return reply;
}

/* ---- what is set ---- */

static void times_of_any_offset_are_answered_in_utc(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    struct reply *reply = create(stack, &owner,
                                 "\"startsAt\":\"2999-05-01T00:30:00.1239+02:00\","
                                 "\"endsAt\":\"2999-04-30t20:30:00-05:30\",\"maxDurationMinutes\":90");
    assert_string_equal(reply_string(reply, "startsAt"), "2999-04-30T22:30:00.123Z");
    assert_string_equal(reply_string(reply, "endsAt"), "2999-05-01T02:00:00.000Z");
    assert_int_equal(reply_integer(reply, "maxDurationMinutes"), 90);
    assert_string_equal(reply_string(reply, "status"), "scheduled");
    assert_string_equal(get_room(stack, &owner, reply_integer(reply, "id"))->body, reply->body);
}

static void what_is_no_time_is_said_in_words(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    static const char *const bad[] = {
        "\"tomorrow\"", "5", "true", "\"2026-02-30T00:00:00Z\"", "\"2026-05-01\"", "\"2026-05-01T10:00:00\""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *json = text("{\"name\":\"x\",\"startsAt\":%s,\"endsAt\":%s}", bad[i], bad[i]);
        assert_invalid(http_post(stack, owner.token, json, "/rooms"),
                       "startsAt must be a valid ISO 8601 date string|endsAt must be a valid ISO 8601 date string");
    }
    assert_invalid(http_post(stack, owner.token, "{\"name\":\"x\",\"maxDurationMinutes\":-1}", "/rooms"),
                   "maxDurationMinutes must not be less than 0");
    assert_invalid(http_post(stack, owner.token, "{\"name\":\"x\",\"maxDurationMinutes\":43201}", "/rooms"),
                   "maxDurationMinutes must not be greater than 43200");
}

static void the_end_must_come_after_the_start(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    static const char same[] = "\"startsAt\":\"2999-01-01T01:00:00+01:00\",\"endsAt\":\"2999-01-01T00:00:00Z\"";
    assert_invalid(http_post(stack, owner.token, text("{\"name\":\"x\",%s}", same), "/rooms"),
                   "endsAt must be after startsAt");
    json_int_t room = reply_integer(create(stack, &owner, "\"startsAt\":\"2999-01-01T00:00:00Z\""), "id");
    assert_invalid(patch_room(stack, &owner, room, "{\"endsAt\":\"2998-12-31T23:59:59Z\"}"),
                   "endsAt must be after startsAt");
    assert_status(patch_room(stack, &owner, room, "{\"endsAt\":\"2999-01-01T00:00:01Z\"}"), 200);
    assert_invalid(patch_room(stack, &owner, room, "{\"startsAt\":\"2999-01-01T00:00:01Z\"}"),
                   "endsAt must be after startsAt");
}

static void what_was_set_is_taken_away_again(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    json_int_t room = reply_integer(create(stack, &owner,
                                           "\"startsAt\":\"2999-01-01T00:00:00Z\",\"endsAt\":\"2999-01-02T00:00:00Z\","
                                           "\"maxDurationMinutes\":5"),
                                    "id");
    struct reply *kept = patch_room(stack, &owner, room, "{\"startsAt\":null,\"description\":\"x\"}");
    assert_string_equal(reply_string(kept, "startsAt"), "2999-01-01T00:00:00.000Z");
    struct reply *none =
        patch_room(stack, &owner, room, "{\"startsAt\":\"\",\"endsAt\":\"\",\"maxDurationMinutes\":0}");
    assert_status(none, 200);
    assert_false(reply_has(none, "startsAt") || reply_has(none, "endsAt") || reply_has(none, "maxDurationMinutes"));
    assert_string_equal(reply_string(none, "status"), "open");
}

/* ---- the clock ---- */

static void before_the_start_only_moderators_enter(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack), admin = make_admin(stack);
    json_int_t room = reply_integer(create(stack, &owner, text("\"startsAt\":\"%s\"", in_seconds(3600))), "id");
    assert_error_text(join_room(stack, &guest, room), 403, "room_not_started", "Room has not started");
    assert_status(join_room(stack, &owner, room), 201);
    assert_status(join_room(stack, &admin, room), 201);
    assert_status(patch_room(stack, &owner, room, text("{\"startsAt\":\"%s\"}", in_seconds(-1))), 200);
    assert_status(join_room(stack, &guest, room), 201);
}

static void a_room_opens_by_itself_when_its_start_comes(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack);
    json_int_t room = reply_integer(create(stack, &owner, text("\"startsAt\":\"%s\"", in_seconds(2))), "id");
    struct reply *reply = join_room(stack, &guest, room);
    assert_error(reply, 403, "room_not_started");
    for (time_t deadline = time(NULL) + 10; reply->status != 201 && time(NULL) < deadline;)
        reply = join_room(stack, &guest, room);
    assert_status(reply, 201);
    assert_string_equal(reply_string(reply, "status"), "open");
}

static void after_the_end_nobody_enters_and_everyone_is_out(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack);
    json_int_t room = reply_integer(create(stack, &owner, "\"isActive\":true"), "id");
    assert_status(join_room(stack, &guest, room), 201);
    struct reply *ended = patch_room(stack, &owner, room, text("{\"endsAt\":\"%s\"}", in_seconds(-1)));
    assert_string_equal(reply_string(ended, "status"), "ended");
    assert_int_equal(reply_integer(ended, "participantCount"), 0);
    assert_error_text(join_room(stack, &guest, room), 403, "room_ended", "Room has ended");
    assert_error(join_room(stack, &owner, room), 403, "room_ended");
    assert_int_equal(database_members(stack, room), 0);
    assert_status(patch_room(stack, &owner, room, "{\"endsAt\":\"\"}"), 200);
    assert_status(join_room(stack, &guest, room), 201);
}

/* Without a statement of ours in between that could have put anybody out. */
static void the_clock_decides_at_once(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack);
    json_int_t room = reply_integer(create(stack, &owner, "\"isActive\":true"), "id");
    assert_status(join_room(stack, &guest, room), 201);
    database_value(stack, "UPDATE rooms.room SET ends_at = now() WHERE id = $1::bigint", text("%lld", (long long)room));
    struct reply *reply = get_room(stack, &owner, room);
    assert_string_equal(reply_string(reply, "status"), "ended");
    assert_int_equal(reply_integer(reply, "participantCount"), 0);
    assert_error(join_room(stack, &guest, room), 403, "room_ended");
}

static void the_duration_counts_from_the_first_join(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack);
    json_int_t room = reply_integer(create(stack, &owner, "\"maxDurationMinutes\":30"), "id");
    char *id = text("%lld", (long long)room);
    assert_string_equal(reply_string(get_room(stack, &owner, room), "status"), "open");
    assert_status(join_room(stack, &guest, room), 201);
    assert_status(join_room(stack, &owner, room), 201);
    database_value(stack, "UPDATE rooms.room SET first_joined_at = now() - interval '29 minutes' WHERE id = $1::bigint",
                   id);
    assert_string_equal(reply_string(get_room(stack, &owner, room), "status"), "open");
    database_value(stack, "UPDATE rooms.room SET first_joined_at = now() - interval '30 minutes' WHERE id = $1::bigint",
                   id);
    assert_string_equal(reply_string(get_room(stack, &owner, room), "status"), "ended");
    assert_error(join_room(stack, &guest, room), 403, "room_ended");
    /* Another meeting: its duration begins with its own first join. */
    assert_status(patch_room(stack, &owner, room, text("{\"startsAt\":\"%s\"}", in_seconds(-1))), 200);
    assert_status(join_room(stack, &guest, room), 201);
}

/* ---- the sweep: what is told without anybody asking ---- */

static void await_told(const struct stack *stack, json_int_t room, const char *events)
{
    for (time_t deadline = time(NULL) + 15; strcmp(told_of_room(stack, room), events) != 0;)
        if (time(NULL) >= deadline)
            fail_msg("told is: %s", told_of_room(stack, room));
}

static void a_start_and_an_end_are_told_when_they_come(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack);
    json_int_t room = reply_integer(
        create(stack, &owner, text("\"startsAt\":\"%s\",\"endsAt\":\"%s\"", in_seconds(3600), in_seconds(7200))), "id");
    assert_status(join_room(stack, &owner, room), 201);
    assert_status(patch_room(stack, &owner, room, text("{\"startsAt\":\"%s\"}", in_seconds(2))), 200);
    await_told(stack, room, "created, joined, updated, started");
    assert_status(join_room(stack, &guest, room), 201);
    assert_status(patch_room(stack, &owner, room, text("{\"endsAt\":\"%s\"}", in_seconds(2))), 200);
    await_told(stack, room, "created, joined, updated, started, joined, updated, left ended, left ended, ended");
    assert_int_equal(database_members(stack, room), 0);
    assert_int_equal(database_participant_count(stack, room), 0);
}

static void an_end_is_told_once_by_whoever_sees_it_first(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack);
    json_int_t room = reply_integer(create(stack, &owner, "\"isActive\":true"), "id");
    assert_status(join_room(stack, &guest, room), 201);
    database_value(stack, "UPDATE rooms.room SET ends_at = now() WHERE id = $1::bigint", text("%lld", (long long)room));
    struct request requests[16];
    struct reply *replies[16];
    for (size_t i = 0; i < 16; i++)
        requests[i] = (struct request){.verb = "POST",
                                       .path = text("/rooms/%lld/%s", (long long)room, i % 2 ? "join" : "leave"),
                                       .token = i % 3 ? guest.token : owner.token};
    http_send_many(stack, requests, replies, 16);
    assert_int_equal(count_status(replies, 16, 403), 8);
    await_told(stack, room, "created, joined, left ended, ended");
}

static void many_rooms_end_at_once(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    char *owner_id = text("%lld", (long long)owner.id);
    database_value(
        stack,
        "WITH made AS (INSERT INTO rooms.room (name, is_private, max_participants, is_active, owner_id, "
        "participant_count, ends_at) SELECT 'ending ' || n, false, 10, true, $1::bigint, 1, now() FROM "
        "generate_series(1, 230) n RETURNING id) INSERT INTO rooms.participant (room_id, user_id) SELECT id, "
        "$1::bigint FROM made",
        owner_id);
    static const char left[] = "SELECT count(*) FROM rooms.participant WHERE user_id = $1::bigint";
    for (time_t deadline = time(NULL) + 15; atoi(database_value(stack, left, owner_id)) > 0;)
        assert_true(time(NULL) < deadline);
    char *ended =
        database_value(stack,
                       "SELECT count(DISTINCT body ->> 'roomId') FROM rooms.outbox JOIN rooms.room ON room.id = "
                       "(body ->> 'roomId')::bigint WHERE outbox.name = 'room.ended' AND owner_id = $1::bigint",
                       owner_id);
    assert_string_equal(ended, "230");
}

SUITE("room_schedule", cmocka_unit_test(times_of_any_offset_are_answered_in_utc),
      cmocka_unit_test(what_is_no_time_is_said_in_words), cmocka_unit_test(the_end_must_come_after_the_start),
      cmocka_unit_test(what_was_set_is_taken_away_again), cmocka_unit_test(before_the_start_only_moderators_enter),
      cmocka_unit_test(a_room_opens_by_itself_when_its_start_comes),
      cmocka_unit_test(after_the_end_nobody_enters_and_everyone_is_out), cmocka_unit_test(the_clock_decides_at_once),
      cmocka_unit_test(the_duration_counts_from_the_first_join),
      cmocka_unit_test(a_start_and_an_end_are_told_when_they_come),
      cmocka_unit_test(an_end_is_told_once_by_whoever_sees_it_first), cmocka_unit_test(many_rooms_end_at_once))
