/* Events are not kept for ever for who does not come for them: they go when they are too old, but for the newest.
 * Whoever comes after all, then, sees that some are gone, says so, and finds out what became of the people meanwhile.
 */
#include <signal.h>
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/events.h"
#include "tests/support/rooms.h"
#include "tests/support/scratch.h"

enum { PATIENCE_MS = 30000, PEOPLE = 3 };

static struct caller_bus *bus;

static void await_zero(const struct stack *stack, const char *sql)
{
    for (int64_t deadline = now_ms() + PATIENCE_MS;; sleep_ms(10)) {
        char *left = database_value(stack, sql);
        if (strcmp(left, "0") == 0)
            return;
        if (now_ms() > deadline)
            fail_msg("%s: %s stay", sql, left);
    }
}

static bool has_logged(const struct stack *stack, enum stack_part part, const char *words)
{
    FILE *log = fopen(text("%s/%s.log", stack->folder, stack_part_name(part)), "re");
    assert_non_null(log);
    bool found = false;
    char line[4096];
    while (!found && fgets(line, sizeof line, log) != NULL)
        found = strstr(line, words) != NULL;
    fclose(log);
    return found;
}

static void await_logged(const struct stack *stack, enum stack_part part, const char *words)
{
    for (int64_t deadline = now_ms() + PATIENCE_MS; !has_logged(stack, part, words); sleep_ms(10))
        if (now_ms() > deadline)
            fail_msg("%s does not say: %s", stack_part_name(part), words);
}

/* Past the auth service, which may be down. */
static void delete_by_hand(const struct stack *stack, const struct user *user)
{
    assert_non_null(database_value(
        stack, "with gone as (delete from users.person where id = $1::bigint returning 1) select count(*) from gone",
        text("%lld", (long long)user->id)));
}

static const enum stack_part subscribers[] = {STACK_AUTH, STACK_ROOM, STACK_POST};
enum { SUBSCRIBERS = sizeof subscribers / sizeof *subscribers };

static char *traces_of(const struct user *users, size_t count)
{
    char *ids = text("0");
    for (size_t i = 0; i < count; i++)
        ids = text("%s,%lld", ids, (long long)users[i].id);
    return text(
        "select (select count(*) from auth.credential where user_id in (%s)) + (select count(*) from "
        "auth.session where user_id in (%s)) + (select count(*) from posts.post where author_id in (%s)) + "
        "(select count(*) from rooms.room where owner_id in (%s)) + (select count(*) from rooms.participant "
        "where user_id in (%s)) + (select count(*) from rooms.ban where user_id in (%s)) + (select count(*) "
        "from rooms.invitation where user_id in (%s)) + (select count(*) from rooms.waiting where user_id in (%s))",
        ids, ids, ids, ids, ids, ids, ids, ids);
}

/* They leave something of themselves everywhere. */
static void live(const struct stack *stack, const struct user *users, size_t count, json_int_t room,
                 const struct user *owner)
{
    for (size_t i = 0; i < count; i++) {
        make_post(stack, &users[i]);
        make_room_of(stack, &users[i], "");
        assert_status(join_room(stack, &users[i], room), 201);
    }
    assert_status(ban(stack, owner, room, &users[0]), 204);
    assert_status(invite(stack, owner, room, &users[1]), 204);
}

static void who_comes_too_late_finds_out_who_is_gone(void **state)
{
    struct stack *stack = *state;
    struct user gone[PEOPLE], kept = make_user(stack);
    for (size_t i = 0; i < PEOPLE; i++)
        gone[i] = make_user(stack);
    json_int_t room = make_room_of(stack, &kept, "");
    live(stack, gone, PEOPLE, room, &kept);
    make_post(stack, &kept);
    assert_status(join_room(stack, &kept, room), 201);
    await_zero(stack, "select 3 - count(*) from users.subscriber where number > 0");
    for (size_t i = 0; i < SUBSCRIBERS; i++)
        stack_kill(stack, subscribers[i], SIGKILL);
    for (size_t i = 0; i < PEOPLE; i++)
        delete_by_hand(stack, &gone[i]);
    assert_string_not_equal(database_value(stack, traces_of(gone, PEOPLE)), "0");
    await_zero(stack, "select count(*) from users.outbox where number is null or number < (select last from "
                      "users.event_counter)");
    await_logged(stack, STACK_USER, "events were removed before all had handled them");
    for (size_t i = 0; i < SUBSCRIBERS; i++)
        stack_revive(stack, subscribers[i]);
    await_zero(stack, traces_of(gone, PEOPLE));
    for (size_t i = 0; i < SUBSCRIBERS; i++)
        await_logged(stack, subscribers[i], "events that were removed are made up for");
    for (size_t i = 0; i < SUBSCRIBERS; i++)
        assert_true(has_logged(stack, subscribers[i], "events were removed before we handled them"));
    stack_await_ready(stack, PATIENCE_MS);
    assert_int_equal(reply_integer(get_room(stack, &kept, room), "participantCount"), 1);
    assert_string_equal(
        database_value(stack, text("select count(*) from posts.post where author_id = %lld", (long long)kept.id)), "1");
    log_in(stack, &kept);
}

/* Nobody has heard from "stranger" since it asked once. */
static void the_newest_event_stays_and_no_other_for_who_never_comes_back(void **state)
{
    struct stack *stack = *state;
    ask_events(bus, STACK_ROOM, "stranger", 0);
    struct user user = make_user(stack);
    for (int i = 0; i < 3; i++)
        make_room_of(stack, &user, "");
    await_zero(stack, "select count(*) from rooms.outbox where number is null or number < (select last from "
                      "rooms.event_counter)");
    assert_string_equal(
        database_value(stack, "select number = (select last from rooms.event_counter) from rooms.outbox"), "t");
    assert_string_equal(database_value(stack, "select number from rooms.subscriber where name = 'stranger'"), "0");
    await_logged(stack, STACK_ROOM, "subscribers=stranger");
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

static const struct stack_options options = {.environment = {"EVENT_RETENTION_S=0", "EVENT_RETENTION_MAX_S=1"}};

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
SUITE_WITH("event_retention", &options, TEST(who_comes_too_late_finds_out_who_is_gone),
           TEST(the_newest_event_stays_and_no_other_for_who_never_comes_back))
