/* Events that are never lost: what happens is told in order and without gaps, and removed once all have passed it. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/events.h"
#include "tests/support/rooms.h"
#include "tests/support/scratch.h"

enum { PATIENCE_MS = 15000, WRITERS = 8, ROUNDS = 12, MANY = 8 };

static struct caller_bus *bus;

/* ---- what is told ---- */

/* "tester" passes nothing: so nothing goes. */
static void keep_all_events(void)
{
#define SERVICE(name, NAME) ask_events(bus, STACK_##NAME, "tester", 0);
#include "proto/services.def"
#undef SERVICE
}

static void what_happens_to_a_person_is_told_in_order(void **state)
{
    struct stack *stack = *state;
    keep_all_events();
    struct user admin = make_admin(stack), user = make_user(stack);
    const char *path = text("/users/%lld", (long long)user.id);
    assert_status(http_patch(stack, user.token, text("{\"username\":\"%s\"}", unique("other")), "%s", path), 200);
    assert_status(http_patch(stack, admin.token, "{\"disabled\":true}", "%s", path), 200);
    assert_status(http_patch(stack, admin.token, "{\"disabled\":false}", "%s", path), 200);
    assert_status(http_delete(stack, admin.token, "%s", path), 204);
    assert_string_equal(story_of(bus, STACK_USER, "userId", user.id),
                        "user.created, user.updated, user.disabled, user.enabled, user.deleted");
    assert_string_equal(story_of(bus, STACK_AUTH, "userId", user.id), "session.ended");
}

static void what_happens_to_a_post_is_told_in_order(void **state)
{
    struct stack *stack = *state;
    keep_all_events();
    struct user author = make_user(stack);
    json_int_t post = make_post(stack, &author), other = make_post(stack, &author);
    assert_status(http_patch(stack, author.token, "{\"title\":\"x\"}", "/posts/%lld", (long long)post), 200);
    assert_status(http_delete(stack, author.token, "/posts/%lld", (long long)post), 204);
    assert_status(http_delete(stack, author.token, "/users/%lld", (long long)author.id), 204);
    assert_string_equal(story_of(bus, STACK_POST, "postId", post), "post.created, post.updated, post.deleted");
    const char *told = "";
    for (int64_t deadline = now_ms() + PATIENCE_MS; strstr(told, "deleted") == NULL; sleep_ms(10)) {
        assert_true(now_ms() < deadline);
        told = story_of(bus, STACK_POST, "postId", other);
    }
    assert_string_equal(told, "post.created, post.deleted user_deleted");
}

/* Everything that there is to tell of a room, each with its reason. */
static void what_happens_to_a_room_is_told_in_order(void **state)
{
    struct stack *stack = *state;
    keep_all_events();
    struct user owner = make_user(stack), guest = make_user(stack), other = make_user(stack);
    json_int_t room = make_room_of(stack, &owner, "\"waitingRoom\":true");
    assert_waits(join_room(stack, &guest, room), 1);
    assert_status(decide(stack, &owner, room, &guest, "admit"), 200);
    assert_status(leave_room(stack, &guest, room), 201);
    assert_waits(join_room(stack, &guest, room), 1);
    assert_status(decide(stack, &owner, room, &guest, "deny"), 204);
    assert_waits(join_room(stack, &guest, room), 1);
    assert_status(leave_room(stack, &guest, room), 201);
    assert_status(patch_room(stack, &owner, room, "{\"waitingRoom\":false}"), 200);
    assert_status(join_room(stack, &guest, room), 201);
    assert_status(kick(stack, &owner, room, &guest), 204);
    assert_status(join_room(stack, &guest, room), 201);
    assert_status(ban(stack, &owner, room, &guest), 204);
    assert_status(join_room(stack, &other, room), 201);
    assert_status(patch_room(stack, &owner, room, "{\"endsAt\":\"2020-01-01T00:00:00Z\"}"), 200);
    assert_status(patch_room(stack, &owner, room, "{\"endsAt\":\"\",\"startsAt\":\"2999-01-01T00:00:00Z\"}"), 200);
    assert_status(patch_room(stack, &owner, room, "{\"startsAt\":\"\"}"), 200);
    assert_status(join_room(stack, &other, room), 201);
    assert_status(http_delete(stack, owner.token, "/rooms/%lld", (long long)room), 200);
    assert_string_equal(story_of(bus, STACK_ROOM, "roomId", room),
                        "room.created, room.waiting, room.admitted, room.joined, room.left left, room.waiting, "
                        "room.denied, room.waiting, room.left left_waiting, room.updated, room.joined, room.kicked, "
                        "room.left kicked, room.joined, room.banned, room.left banned, room.joined, room.updated, "
                        "room.left ended, room.ended, room.updated, room.updated, room.started, room.joined, "
                        "room.left deleted, room.deleted");
}

/* ---- numbers ---- */

static atomic_int writing;

/* Something that each service has to tell of. */
static void *write_a_lot(void *stack)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct user user = make_user(stack);
        json_int_t room = make_room_of(stack, &user, "");
        assert_status(join_room(stack, &user, room), 201);
        make_post(stack, &user);
        assert_status(http_post(stack, user.token, NULL, "/auth/logout"), 204);
    }
    atomic_fetch_sub(&writing, 1);
    return NULL;
}

/* Readers give the numbers while writers commit in any order. */
static void numbers_have_no_gaps(void **state)
{
    static const enum stack_part parts[] = {STACK_AUTH, STACK_USER, STACK_ROOM, STACK_POST};
    enum { PARTS = sizeof parts / sizeof *parts };
    json_int_t first[PARTS], last[PARTS];
    pthread_t writers[WRITERS];
    keep_all_events();
    for (size_t i = 0; i < PARTS; i++)
        first[i] = last[i] = read_events(bus, parts[i], "reader", 0, NULL, NULL);
    atomic_store(&writing, WRITERS);
    for (size_t i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, write_a_lot, *state), 0);
    while (atomic_load(&writing) > 0)
        for (size_t i = 0; i < PARTS; i++)
            last[i] = read_events(bus, parts[i], "reader", last[i], NULL, NULL);
    for (size_t i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
    static const int each[] = {1 /* session.ended */, 1 /* user.created */, 2 /* room.created, joined */, 1};
    for (size_t i = 0; i < PARTS; i++) {
        last[i] = read_events(bus, parts[i], "reader", last[i], NULL, NULL);
        assert_true(last[i] - first[i] >= each[i] * WRITERS * ROUNDS);
    }
}

/* ---- replaying ---- */

struct replay {
    json_int_t room;
    bool is_in[MANY];
    const struct user *people;
};

static void replay(void *context, const char *name, const json_t *body)
{
    struct replay *replay = context;
    bool joins = strcmp(name, "room.joined") == 0;
    const char *reason = json_string_value(json_object_get(body, "reason"));
    bool leaves = strcmp(name, "room.left") == 0 && strcmp(reason, "left_waiting") != 0;
    if (json_integer_value(json_object_get(body, "roomId")) != replay->room || !(joins || leaves))
        return;
    for (size_t i = 0; i < MANY; i++)
        if (replay->people[i].id == json_integer_value(json_object_get(body, "userId"))) {
            assert_int_equal(replay->is_in[i], leaves);
            replay->is_in[i] = joins;
        }
}

/* Who reads the log over the bus, from its first event on, knows who is in a room. */
static void the_log_replayed_gives_the_members(void **state)
{
    struct stack *stack = *state;
    struct user people[MANY];
    keep_all_events();
    make_users(stack, people, MANY);
    struct replay log = {.room = make_room_of(stack, &people[0], "\"maxParticipants\":50"), .people = people};
    for (size_t i = 0; i < MANY; i++)
        assert_status(join_room(stack, &people[i], log.room), 201);
    assert_status(leave_room(stack, &people[1], log.room), 201);
    assert_status(kick(stack, &people[0], log.room, &people[2]), 204);
    assert_status(ban(stack, &people[0], log.room, &people[3]), 204);
    assert_status(leave_room(stack, &people[4], log.room), 201);
    assert_status(join_room(stack, &people[4], log.room), 201);
    assert_status(http_delete(stack, people[5].token, "/users/%lld", (long long)people[5].id), 204);
    const char *members =
        text("select count(*) from rooms.participant where room_id = %lld and user_id = ", (long long)log.room);
    while (strcmp(database_value(stack, text("%s%lld", members, (long long)people[5].id)), "0") != 0)
        sleep_ms(10);
    read_events(bus, STACK_ROOM, "reader", 0, replay, &log);
    for (size_t i = 0; i < MANY; i++)
        assert_string_equal(database_value(stack, text("%s%lld", members, (long long)people[i].id)),
                            log.is_in[i] ? "1" : "0");
}

/* ---- what is over ---- */

/* EVENT_RETENTION_S=0: what all have passed goes, but for the newest. "tester" has passed nothing so far. */
static void events_go_when_all_have_passed_them(void **state)
{
    struct stack *stack = *state;
    keep_all_events();
    struct user user = make_user(stack);
    assert_string_equal(story_of(bus, STACK_USER, "userId", user.id), "user.created");
    json_int_t last = atoll(database_value(stack, "select last from users.event_counter"));
    ask_events(bus, STACK_USER, "tester", last);
    ask_events(bus, STACK_USER, "reader", last);
    for (int64_t deadline = now_ms() + PATIENCE_MS;; sleep_ms(10)) {
        char *left = database_value(stack, "select count(*) from users.outbox where number < $1::bigint",
                                    text("%lld", (long long)last));
        if (strcmp(left, "0") == 0)
            break;
        if (now_ms() > deadline)
            fail_msg("%s events stay", left);
    }
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

static const struct stack_options options = {.environment = {"EVENT_RETENTION_S=0"}};

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
SUITE_WITH("events", &options, TEST(what_happens_to_a_person_is_told_in_order),
           TEST(what_happens_to_a_post_is_told_in_order), TEST(what_happens_to_a_room_is_told_in_order),
           TEST(numbers_have_no_gaps), TEST(the_log_replayed_gives_the_members),
           TEST(events_go_when_all_have_passed_them))
