/* Events that are never lost: what happens is told in order and without gaps, handled also by who was down, and removed
 * once all have passed it. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/caller.h"
#include "tests/support/database.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

enum { PATIENCE_MS = 15000, MANY = 40 };

static struct caller_bus *bus;

/* The rows of the next events, for a subscriber that has handled those up to after. */
static json_t *ask(enum stack_part part, const char *subscriber, json_int_t after)
{
    struct bus_answer answer =
        call_service_method(bus, part, text("%s.events", stack_part_name(part)), 0, "", NULL,
                            text("{\"subscriber\":\"%s\",\"after\":%lld}", subscriber, (long long)after));
    assert_int_equal(answer.error, OK);
    return answer.body;
}

static json_int_t number_of(const json_t *event)
{
    return json_integer_value(json_object_get(event, "number"));
}

static json_int_t id_in(const json_t *event, const char *key)
{
    json_t *body = json_loads(json_string_value(json_object_get(event, "body")), 0, NULL);
    json_int_t id = json_integer_value(json_object_get(body, key));
    json_decref(body);
    return id;
}

/* The names of a user's events, in order: "user.created user.deleted". Fails for a gap in the numbers. */
static char *story(enum stack_part part, json_int_t user_id)
{
    char *names = text("%s", "");
    json_int_t after = 0;
    for (;;) {
        json_t *events = ask(part, "walker", after);
        if (json_array_size(events) == 0)
            return names;
        size_t i;
        json_t *event;
        json_array_foreach(events, i, event)
        {
            if (after > 0)
                assert_int_equal(number_of(event), after + 1);
            after = number_of(event);
            if (id_in(event, "userId") == user_id)
                names = text("%s%s%s", names, *names ? " " : "", json_string_value(json_object_get(event, "name")));
        }
    }
}

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
#define SESSION "select from auth.session where user_id ="

static void what_happens_to_a_person_is_told_in_order(void **state)
{
    struct stack *stack = *state;
    ask(STACK_USER, "tester", 0); /* who passes nothing: so nothing goes */
    ask(STACK_AUTH, "tester", 0);
    ask(STACK_ROOM, "tester", 0);
    struct user admin = make_admin(stack), user = make_user(stack);
    const char *path = text("/users/%lld", (long long)user.id);
    assert_status(http_patch(stack, user.token, text("{\"username\":\"%s\"}", unique("other")), "%s", path), 200);
    assert_status(http_patch(stack, admin.token, "{\"disabled\":true}", "%s", path), 200);
    assert_status(http_patch(stack, admin.token, "{\"disabled\":false}", "%s", path), 200);
    assert_status(http_delete(stack, admin.token, "%s", path), 204);
    assert_string_equal(story(STACK_USER, user.id),
                        "user.created user.updated user.disabled user.enabled user.deleted");
    assert_string_equal(story(STACK_AUTH, user.id), "session.ended");
}

/* Readers give the numbers, while writers commit in any order. */
static void numbers_have_no_gaps(void **state)
{
    struct stack *stack = *state;
    struct user users[MANY];
    make_users(stack, users, MANY);
    for (size_t i = 0; i < MANY; i++)
        assert_string_equal(story(STACK_USER, users[i].id), "user.created");
    char *gaps = database_value(stack, "select max(number) - min(number) + 1 - count(number) from users.outbox");
    assert_string_equal(gaps, "0");
}

/* Deleted past the auth service: it learns it by the event alone. */
static void delete_by_hand(const struct stack *stack, json_int_t user_id)
{
    assert_non_null(database_value(
        stack, text("with gone as (delete from users.person where id = %lld returning 1) select count(*) from gone",
                    (long long)user_id)));
}

static void passwords_and_sessions_go_with_their_person(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack), other = make_user(stack);
    assert_true(has(stack, CREDENTIAL, user.id) && has(stack, SESSION, user.id));
    delete_by_hand(stack, user.id);
    await_gone(stack, CREDENTIAL, user.id, PATIENCE_MS);
    await_gone(stack, SESSION, user.id, PATIENCE_MS);
    assert_true(has(stack, CREDENTIAL, other.id) && has(stack, SESSION, other.id));
}

static void who_was_down_catches_up(void **state)
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
        await_gone(stack, CREDENTIAL, users[i].id, PATIENCE_MS);
    stack_await_ready(stack, PATIENCE_MS);
}

/* ---- rooms ---- */

static void run(const struct stack *stack, const char *sql)
{
    assert_non_null(database_value(stack, text("with done as (%s returning 1) select count(*) from done", sql)));
}

static void add(const struct stack *stack, const char *table, struct room room, struct user user)
{
    const char *more = strcmp(table, "ban") == 0          ? ", banned_by"
                       : strcmp(table, "invitation") == 0 ? ", invited_by"
                                                          : "";
    run(stack, text("insert into rooms.%s (room_id, user_id%s) values (%lld, %lld%s)", table, more, (long long)room.id,
                    (long long)user.id, *more ? ", 1" : ""));
}

static void join(const struct stack *stack, struct room room, struct user user)
{
    assert_status(http_post(stack, user.token, NULL, "/rooms/%lld/join", (long long)room.id), 201);
}

#define OF_USER                                                                                                        \
    "select from (select user_id from rooms.participant union all select user_id from rooms.moderator union all "      \
    "select user_id from rooms.ban union all select user_id from rooms.invitation union all select user_id from "      \
    "rooms.waiting union all select owner_id from rooms.room) as of_user where user_id ="

static json_int_t owner_of(const struct stack *stack, struct room room)
{
    return atoll(database_value(
        stack, text("select coalesce((select owner_id from rooms.room where id = %lld), 0)", (long long)room.id)));
}

/* Owned: one room with moderators, one with participants, one with nobody else. */
struct estate {
    struct user owner, older, younger;
    struct room moderated, visited, empty, elsewhere;
};

static struct estate make_estate(const struct stack *stack)
{
    struct estate e = {make_user(stack), make_user(stack), make_user(stack), {0}, {0}, {0}, {0}};
    e.moderated = make_room(stack, &e.owner, (struct room_options){0});
    e.visited = make_room(stack, &e.owner, (struct room_options){0});
    e.empty = make_room(stack, &e.owner, (struct room_options){0});
    e.elsewhere = make_room(stack, &e.younger, (struct room_options){0});
    join(stack, e.moderated, e.older);
    add(stack, "moderator", e.moderated, e.younger);
    join(stack, e.visited, e.older);
    join(stack, e.visited, e.younger);
    join(stack, e.empty, e.owner);
    join(stack, e.elsewhere, e.owner);
    add(stack, "ban", e.elsewhere, e.owner);
    add(stack, "invitation", e.elsewhere, e.owner);
    return e;
}

static void assert_inherited(const struct stack *stack, const struct estate *e)
{
    assert_int_equal(owner_of(stack, e->moderated), e->younger.id);
    assert_int_equal(owner_of(stack, e->visited), e->older.id);
    assert_int_equal(owner_of(stack, e->empty), 0);
    assert_int_equal(database_participant_count(stack, e->elsewhere.id), 0);
}

/* Everywhere, within a second. */
static void rooms_forget_who_is_deleted(void **state)
{
    struct stack *stack = *state;
    struct estate e = make_estate(stack);
    int64_t begun_ms = now_ms();
    assert_status(http_delete(stack, e.owner.token, "/users/%lld", (long long)e.owner.id), 204);
    await_gone(stack, OF_USER, e.owner.id, PATIENCE_MS);
    int64_t took_ms = now_ms() - begun_ms;
    if (!stack_is_sanitized() && took_ms > 1000)
        fail_msg("it took %lld ms", (long long)took_ms);
    assert_inherited(stack, &e);
    assert_string_equal(story(STACK_ROOM, e.owner.id), "room.joined room.joined room.left room.left");
}

static void rooms_that_were_down_catch_up(void **state)
{
    struct stack *stack = *state;
    struct estate e = make_estate(stack);
    stack_kill(stack, STACK_ROOM, SIGKILL);
    assert_status(http_delete(stack, e.owner.token, "/users/%lld", (long long)e.owner.id), 204);
    stack_revive(stack, STACK_ROOM);
    await_gone(stack, OF_USER, e.owner.id, PATIENCE_MS);
    assert_inherited(stack, &e);
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
    await_gone(stack, OF_USER, owner.id, PATIENCE_MS);
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
    assert_int_equal(answer.error, ERROR_GONE);
    answer = call_service_method(bus, STACK_ROOM, "room.create", user.id, "user", NULL, "{\"name\":\"too late\"}");
    assert_int_equal(answer.error, ERROR_GONE);
    assert_false(has(stack, OF_USER, user.id));
}

/* ---- what broke off, and what is over ---- */

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

/* EVENT_RETENTION_S=0: what all have passed goes. "tester" has passed nothing so far. */
static void events_go_when_all_have_passed_them(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    assert_string_equal(story(STACK_USER, user.id), "user.created");
    json_int_t last = atoll(database_value(stack, "select last from users.event_counter"));
    ask(STACK_USER, "tester", last);
    await_gone(stack, "select from users.outbox where number <=", last, PATIENCE_MS);
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

static const struct stack_options options = {.environment = {"EVENT_RETENTION_S=0", "RETENTION_INTERVAL_S=1"}};

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
SUITE_WITH("events", &options, TEST(what_happens_to_a_person_is_told_in_order), TEST(numbers_have_no_gaps),
           TEST(passwords_and_sessions_go_with_their_person), TEST(who_was_down_catches_up),
           TEST(rooms_forget_who_is_deleted), TEST(rooms_that_were_down_catch_up),
           TEST(all_of_many_rooms_are_forgotten), TEST(nobody_joins_after_their_end),
           TEST(a_password_without_a_person_goes), TEST(events_go_when_all_have_passed_them))
