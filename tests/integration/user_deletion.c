/* Who is deleted leaves nothing behind in any schema, within a second; nor where a service was down for it. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/caller.h"
#include "tests/support/database.h"
#include "tests/support/events.h"
#include "tests/support/rooms.h"
#include "tests/support/scratch.h"

enum { PATIENCE_MS = 15000, MANY = 40 };

static struct caller_bus *bus;

static bool has(const struct stack *stack, const char *sql, json_int_t id)
{
    return database_value(stack, text("select 1 where exists (%s %lld)", sql, (long long)id)) != NULL;
}

static void await_gone(const struct stack *stack, const char *sql, json_int_t id, int64_t patience_ms)
{
    int64_t deadline = now_ms() + patience_ms;
    while (has(stack, sql, id)) {
        if (now_ms() > deadline)
            fail_msg("\"%s %lld\" stays", sql, (long long)id);
        sleep_ms(10);
    }
}

#define CREDENTIAL "select from auth.credential where user_id ="
#define OWNED "select from rooms.room where owner_id ="

static void run(const struct stack *stack, const char *sql)
{
    assert_non_null(database_value(stack, text("with done as (%s returning 1) select count(*) from done", sql)));
}

/* ---- everything ---- */

/* "auth.credential, rooms.room": the tables that have rows of the user, by every column that there is for users, but
 * those that remember who is gone, and mails, which find nobody when their turn comes. */
static char *places_of(const struct stack *stack, json_int_t user)
{
    static const char columns[] =
        "select string_agg(format('select %L as place where exists (select from %I.%I where %I = ', table_schema || "
        "'.' || table_name, table_schema, table_name, column_name) || $1 || ')', ' union ' order by table_schema, "
        "table_name) from information_schema.columns join information_schema.tables using (table_schema, table_name) "
        "where table_type = 'BASE TABLE' and table_schema in ('auth', 'users', 'rooms', 'posts') and (column_name in "
        "('user_id', 'owner_id', 'author_id') or table_name = 'person' and column_name = 'id') and table_name not in "
        "('audit', 'mail', 'gone_user', 'gone_author')";
    char *looks = database_value(stack, columns, text("%lld", (long long)user));
    assert_non_null(looks);
    char *places =
        database_value(stack, text("select string_agg(place, ', ' order by place) from (%s) as found", looks));
    return places != NULL ? places : "";
}

static void await_nothing(const struct stack *stack, json_int_t user)
{
    const char *places;
    for (int64_t deadline = now_ms() + PATIENCE_MS; *(places = places_of(stack, user)) != '\0'; sleep_ms(5))
        if (now_ms() > deadline)
            fail_msg("of user %lld is left: %s", (long long)user, places);
}

/* Somebody who has to do with everything, and the rooms they own: one with moderators, one with participants, one with
 * nobody else. */
struct life {
    struct user user, other, older, younger;
    json_int_t moderated, visited, empty, elsewhere;
};

static struct life make_life(const struct stack *stack)
{
    struct life life = {
        .user = make_user(stack), .other = make_user(stack), .older = make_user(stack), .younger = make_user(stack)};
    const struct user *user = &life.user, *other = &life.other;
    life.moderated = make_room_of(stack, user, "");
    assert_status(join_room(stack, &life.older, life.moderated), 201);
    assert_status(appoint(stack, user, life.moderated, &life.younger), 204);
    life.visited = make_room_of(stack, user, "");
    assert_status(join_room(stack, user, life.visited), 201);
    assert_status(join_room(stack, &life.older, life.visited), 201);
    assert_status(join_room(stack, &life.younger, life.visited), 201);
    life.empty = make_room_of(stack, user, "");
    life.elsewhere = make_room_of(stack, other, "");
    assert_status(join_room(stack, user, life.elsewhere), 201);
    assert_status(appoint(stack, other, life.elsewhere, user), 204);
    assert_status(invite(stack, other, life.elsewhere, user), 204);
    assert_status(ban(stack, other, make_room_of(stack, other, ""), user), 204);
    assert_waits(join_room(stack, user, make_room_of(stack, other, "\"waitingRoom\":true")), 1);
    make_post(stack, user);
    return life;
}

static void assert_lives(const struct stack *stack, const struct life *life)
{
    assert_non_null(strstr(places_of(stack, life->user.id), "posts.post, rooms.ban, rooms.invitation, rooms.moderator, "
                                                            "rooms.participant, rooms.room, rooms.waiting"));
    assert_non_null(strstr(places_of(stack, life->user.id), "auth.credential"));
    assert_non_null(strstr(places_of(stack, life->user.id), "auth.session, "));
}

static void assert_inherited(const struct stack *stack, const struct life *life)
{
    assert_int_equal(reply_integer(get_room(stack, &life->other, life->moderated), "ownerId"), life->younger.id);
    assert_int_equal(reply_integer(get_room(stack, &life->other, life->visited), "ownerId"), life->older.id);
    assert_error(get_room(stack, &life->other, life->empty), 404, "room_not_found");
    assert_int_equal(reply_integer(get_room(stack, &life->other, life->elsewhere), "participantCount"), 0);
}

static void nothing_is_left_within_a_second(void **state)
{
    struct stack *stack = *state;
    struct life life = make_life(stack);
    assert_lives(stack, &life);
    int64_t begun_ms = now_ms();
    assert_status(http_delete(stack, life.user.token, "/users/%lld", (long long)life.user.id), 204);
    await_nothing(stack, life.user.id);
    int64_t took_ms = now_ms() - begun_ms;
    if (!stack_is_sanitized() && took_ms > 1000)
        fail_msg("it took %lld ms", (long long)took_ms);
    assert_inherited(stack, &life);
    assert_string_equal(story_of(bus, STACK_ROOM, "userId", life.user.id),
                        "room.joined, room.joined, room.banned, room.waiting, room.left user_deleted, room.left "
                        "user_deleted");
    assert_non_null(
        strstr(places_of(stack, life.other.id), "auth.credential")); /* and of nobody else is anything lost */
}

/* Deleted past the auth service: it learns it by the event alone. */
static void delete_by_hand(const struct stack *stack, json_int_t user_id)
{
    assert_non_null(database_value(
        stack, text("with gone as (delete from users.person where id = %lld returning 1) select count(*) from gone",
                    (long long)user_id)));
}

/* Each that has to forget, killed; and all of them. */
static void who_was_down_catches_up(void **state)
{
    struct stack *stack = *state;
    static const enum stack_part parts[] = {STACK_AUTH, STACK_ROOM, STACK_POST};
    enum { PARTS = sizeof parts / sizeof *parts };
    for (size_t which = 0; which <= PARTS; which++) {
        struct life life = make_life(stack);
        assert_lives(stack, &life);
        for (size_t i = 0; i < PARTS; i++)
            if (i == which || which == PARTS)
                stack_kill(stack, parts[i], SIGKILL);
        delete_by_hand(stack, life.user.id);
        for (size_t i = 0; i < PARTS; i++)
            if (i == which || which == PARTS)
                stack_revive(stack, parts[i]);
        await_nothing(stack, life.user.id);
        stack_await_ready(stack, PATIENCE_MS);
        assert_inherited(stack, &life);
    }
}

static void of_many_people_all_are_forgotten(void **state)
{
    struct stack *stack = *state;
    struct user users[MANY];
    make_users(stack, users, MANY);
    stack_kill(stack, STACK_AUTH, SIGKILL);
    for (size_t i = 0; i < MANY; i++)
        delete_by_hand(stack, users[i].id);
    assert_true(has(stack, CREDENTIAL, users[0].id));
    stack_revive(stack, STACK_AUTH);
    for (size_t i = 0; i < MANY; i++)
        await_nothing(stack, users[i].id);
    stack_await_ready(stack, PATIENCE_MS);
}

/* Many rooms take several rounds. */
static void all_of_many_rooms_are_forgotten(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    run(stack,
        text("insert into rooms.room (name, is_private, max_participants, is_active, owner_id) select 'many' || n, "
             "false, 10, true, %lld from generate_series(1, 250) n",
             (long long)owner.id));
    assert_status(http_delete(stack, owner.token, "/users/%lld", (long long)owner.id), 204);
    await_gone(stack, OWNED, owner.id, PATIENCE_MS);
}

/* A call that was let through before its caller was deleted, and comes after: as the bus may well bring it. */
static void nobody_joins_after_their_end(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), user = make_user(stack);
    struct room room = make_room(stack, &owner, (struct room_options){0});
    assert_status(http_delete(stack, user.token, "/users/%lld", (long long)user.id), 204);
    int64_t deadline = now_ms() + PATIENCE_MS;
    while (!has(stack, "select from rooms.gone_user where user_id =", user.id))
        assert_true(now_ms() < deadline);
    struct bus_answer answer = call_service_method(bus, STACK_ROOM, "room.join", user.id, "user",
                                                   text("{\"id\":\"%lld\"}", (long long)room.id), NULL);
    assert_int_equal(answer.error, ERROR_UNAUTHORIZED);
    answer = call_service_method(bus, STACK_ROOM, "room.create", user.id, "user", NULL, "{\"name\":\"too late\"}");
    assert_int_equal(answer.error, ERROR_UNAUTHORIZED);
    await_nothing(stack, user.id);
}

/* ---- what broke off ---- */

/* As a registration that was killed halfway leaves it. */
static void a_password_without_a_person_goes(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    const json_int_t nobody = 9007199254740991;
    assert_non_null(database_value(
        stack,
        text("with made as (insert into auth.credential (user_id, hash, updated_at) values (%lld, 'x', now() - "
             "interval '1 minute') returning 1), old as (update auth.credential set is_pending = true, updated_at = "
             "now() - interval '1 minute' where user_id = %lld) select count(*) from made",
             (long long)nobody, (long long)user.id)));
    await_gone(stack, CREDENTIAL, nobody, PATIENCE_MS);
    await_gone(stack, "select from auth.credential where is_pending and user_id =", user.id, PATIENCE_MS);
    assert_true(has(stack, CREDENTIAL, user.id));
}

static int setup(void **state)
{
    bus = caller_bus_new(*state);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    caller_bus_destroy(&bus);
    return 0;
}

static const struct stack_options options = {.environment = {"RETENTION_INTERVAL_S=1"}};

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
SUITE_WITH("user_deletion", &options, TEST(nothing_is_left_within_a_second), TEST(who_was_down_catches_up),
           TEST(of_many_people_all_are_forgotten), TEST(all_of_many_rooms_are_forgotten),
           TEST(nobody_joins_after_their_end), TEST(a_password_without_a_person_goes))
