/* Lists of rooms that match: status, owner, name, time, all at once, in pages; and who sees which unlisted ones. */
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/rooms.h"
#include "tests/support/scratch.h"

enum { MAX_PAGES = 200 };

/* The ids on all pages from the path on, "3 7", and how many pages there were. */
static char *ids_of(const struct stack *stack, const struct user *user, const char *path, size_t *pages)
{
    char *ids = text("%s", "");
    for (*pages = 0; path != NULL && *pages < MAX_PAGES; (*pages)++) {
        struct reply *reply = http_get(stack, user->token, "%s", path);
        assert_status(reply, 200);
        for (size_t i = 0; i < json_array_size(reply->json); i++)
            ids =
                text("%s%s%lld", ids, *ids ? " " : "", (long long)object_integer(json_array_get(reply->json, i), "id"));
        char *link = reply_header(reply, "Link");
        path = link != NULL ? text("%.*s", (int)strcspn(link + 1, ">"), link + 1) : NULL;
    }
    return ids;
}

/* "1 3": those of the rooms, counted from 1, that the query finds, whatever others there are. */
static char *found(const struct stack *stack, const struct user *user, const char *query, const json_int_t *rooms,
                   size_t count)
{
    size_t pages;
    char *ids = text(" %s ", ids_of(stack, user, text("/rooms?%s", query), &pages)), *places = text("%s", "");
    for (size_t i = 0; i < count; i++)
        if (strstr(ids, text(" %lld ", (long long)rooms[i])) != NULL)
            places = text("%s%s%zu", places, *places ? " " : "", i + 1);
    return places;
}
#define FOUND(query) found(stack, &user, query, rooms, sizeof rooms / sizeof *rooms)

static json_int_t make_named(const struct stack *stack, const struct user *owner, const char *name, const char *fields)
{
    struct reply *reply = http_post(stack, owner->token, text("{\"name\":\"%s\"%s}", name, fields), "/rooms");
    assert_status(reply, 201);
    return reply_integer(reply, "id");
}

static const char *moment(const struct stack *stack, const char *interval)
{
    return database_value(
        stack, "select to_char((now() + $1::interval) at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')",
        interval);
}

static json_int_t make_from_to(const struct stack *stack, const struct user *owner, const char *from, const char *to)
{
    char *fields = text("%s", "");
    if (from != NULL)
        fields = text("\"startsAt\":\"%s\"", moment(stack, from));
    if (to != NULL)
        fields = text("%s%s\"endsAt\":\"%s\"", fields, *fields ? "," : "", moment(stack, to));
    return make_room_of(stack, owner, fields);
}

/* ---- what is found ---- */

static void by_status(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    const json_int_t rooms[] = {
        make_from_to(stack, &user, "1 hour", NULL), make_room_of(stack, &user, "\"isActive\":false"),
        make_from_to(stack, &user, NULL, "-1 hour"), make_from_to(stack, &user, "-1 hour", "1 hour")};
    assert_string_equal(FOUND("status=scheduled"), "1");
    assert_string_equal(FOUND("status=open"), "2 4");
    assert_string_equal(FOUND("status=ended"), "3");
}

/* Also before anything has made it so: here nobody does. */
static void by_status_as_the_clock_has_it(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    const json_int_t rooms[] = {make_from_to(stack, &user, "1 hour", "2 hours"),
                                make_from_to(stack, &user, "1 hour", "2 hours"),
                                make_from_to(stack, &user, "-1 hour", "2 hours")};
    database_value(stack,
                   text("with started as (update rooms.room set starts_at = now() - interval '1 s' where id in "
                        "(%lld, %lld)), ended as (update rooms.room set ends_at = now() - interval '1 s' where id "
                        "= %lld) select 1",
                        (long long)rooms[0], (long long)rooms[1], (long long)rooms[2]));
    database_value(stack, text("with ended as (update rooms.room set ends_at = now() where id = %lld) select 1",
                               (long long)rooms[1]));
    assert_string_equal(FOUND("status=scheduled"), "");
    assert_string_equal(FOUND("status=open"), "1");
    assert_string_equal(FOUND("status=ended"), "2 3");
}

static void by_owner(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack), other = make_user(stack);
    const json_int_t rooms[] = {make_room_of(stack, &user, ""), make_room_of(stack, &other, ""),
                                make_room_of(stack, &user, "\"unlisted\":true")};
    assert_string_equal(FOUND("owner=me"), "1 3");
    assert_string_equal(FOUND(text("owner=%lld", (long long)user.id)), "1 3");
    assert_string_equal(FOUND(text("owner=%lld", (long long)other.id)), "2");
    assert_string_equal(FOUND("owner=999999"), "");
    assert_string_equal(FOUND("owner=99999999999999999999"), "");
    user = other;
    assert_string_equal(FOUND("owner=me"), "2");
}

static void by_any_part_of_the_name_in_any_case(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    const json_int_t rooms[] = {make_named(stack, &user, "Quarterly Planning", ""),
                                make_named(stack, &user, "caf\xC3\xA9 100%_\xF0\x9F\x98\x80", ""),
                                make_named(stack, &user, "CAFE\xCC\x81 ab", "")};
    assert_string_equal(FOUND("q=planNING"), "1");
    assert_string_equal(FOUND("q=ly%20pl"), "1");
    assert_string_equal(FOUND("q=CAF%C3%89"), "2 3"); /* however an accent is written */
    assert_string_equal(FOUND("q=0%25_"), "2");       /* no wildcards */
    assert_string_equal(FOUND("q=%25"), "2");
    assert_string_equal(FOUND("q=_"), "2");
    assert_string_equal(FOUND("q=%F0%9F%98%80"), "2");
    assert_string_equal(FOUND("q=aB"), "3");
    assert_string_equal(FOUND("q=plannings"), "");
    assert_string_equal(FOUND("q="), "1 2 3");
}

/* What overlaps the window, its end not included. What has no schedule has no time. */
static void by_time(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    const json_int_t rooms[] = {make_from_to(stack, &user, "10 hours", "12 hours"),
                                make_from_to(stack, &user, "20 hours", NULL),
                                make_from_to(stack, &user, NULL, "11 hours"), make_room_of(stack, &user, "")};
    assert_string_equal(FOUND(text("from=%s", moment(stack, "0"))), "1 2 3");
    assert_string_equal(FOUND(text("from=%s", moment(stack, "11 hours 30 minutes"))), "1 2");
    assert_string_equal(FOUND(text("to=%s", moment(stack, "9 hours"))), "3");
    assert_string_equal(FOUND(text("from=%s&to=%s", moment(stack, "11 hours 30 minutes"), moment(stack, "15 hours"))),
                        "1");
    assert_string_equal(FOUND(text("from=%s&to=%s", moment(stack, "13 hours"), moment(stack, "19 hours"))), "");
    const char *start = database_value(stack, "select rooms.iso_time(starts_at) from rooms.room where id = $1::bigint",
                                       text("%lld", (long long)rooms[0]));
    assert_string_equal(FOUND(text("to=%s", start)), "3");
    assert_string_equal(FOUND("from=2999-01-01T00:00:00%2B02:00"), "2");
}

static void by_all_of_it(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack), other = make_user(stack);
    const char *soon = text(",\"startsAt\":\"%s\"", moment(stack, "1 hour"));
    const json_int_t rooms[] = {
        make_named(stack, &user, "all of it: mine", soon), make_named(stack, &other, "all of it: theirs", soon),
        make_named(stack, &user, "all of it: open", ""), make_named(stack, &user, "of another name", soon)};
    const char *window = text("from=%s&to=%s", moment(stack, "0"), moment(stack, "2 hours"));
    assert_string_equal(FOUND(text("q=all%%20of&status=scheduled&owner=me&%s", window)), "1");
    assert_string_equal(FOUND(text("q=all%%20of&status=scheduled&%s", window)), "1 2");
    assert_string_equal(FOUND("q=all%20of&owner=me"), "1 3");
    assert_string_equal(FOUND("q=all%20of&status=open"), "3");
}

/* ---- who sees it ---- */

static void unlisted_rooms_are_found_by_those_they_concern(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), user = make_user(stack), admin = make_admin(stack);
    const char *hidden = text(",\"unlisted\":true,\"startsAt\":\"%s\"", moment(stack, "1 hour"));
    json_int_t rooms[4];
    for (size_t i = 0; i < 4; i++)
        rooms[i] = make_named(stack, &owner, text("hidden %zu", i), hidden);
    assert_status(invite(stack, &owner, rooms[1], &user), 204);
    assert_status(appoint(stack, &owner, rooms[2], &user), 204);
    const char *const queries[] = {"q=hidden", "q=hi", "status=scheduled", text("owner=%lld", (long long)owner.id),
                                   text("from=%s", moment(stack, "0"))};
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        assert_string_equal(found(stack, &user, queries[i], rooms, 4), "2 3");
        assert_string_equal(found(stack, &owner, queries[i], rooms, 4), "1 2 3 4");
        assert_string_equal(found(stack, &admin, queries[i], rooms, 4), "1 2 3 4");
    }
}

/* ---- pages ---- */

static void pages_keep_what_was_asked(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    json_int_t rooms[5];
    size_t pages;
    for (size_t i = 0; i < 5; i++)
        rooms[i] = make_named(stack, &user, text("paged %zu", i), "");
    make_room_of(stack, &user, "");
    struct reply *first = http_get(stack, user.token, "/rooms?q=paged&status=open&owner=me&limit=2");
    assert_string_equal(
        reply_header(first, "Link"),
        text("</rooms?q=paged&status=open&owner=me&limit=2&after=%lld>; rel=\"next\"", (long long)rooms[1]));
    char *ids = ids_of(stack, &user, "/rooms?q=paged&status=open&owner=me&limit=2", &pages);
    assert_string_equal(ids, text("%lld %lld %lld %lld %lld", (long long)rooms[0], (long long)rooms[1],
                                  (long long)rooms[2], (long long)rooms[3], (long long)rooms[4]));
    assert_int_equal(pages, 3);
}

static void fill(const struct stack *stack, const char *stem, int count, const char *more)
{
    database_value(stack,
                   text("with filled as (insert into rooms.room (name, is_private, max_participants, is_active, "
                        "starts_at, phase%s) "
                        "select '%s ' || n, false, 10, true, null, 'open'%s from generate_series(1, %d) n returning 1) "
                        "select count(*) from filled",
                        *more ? ", unlisted" : "", stem, more, count));
}

/* Far behind what a page looks at one by one, the index finds them; and where they are too many for it, the walk goes
 * on from page to page. */
static void what_is_rare_is_found_at_once_and_what_is_not_in_the_end(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    size_t pages;
    json_int_t before = make_room_of(stack, &user, "");
    fill(stack, "dull", 2500, "");
    const json_int_t rooms[] = {
        make_named(stack, &user, "a needle", text(",\"startsAt\":\"%s\"", moment(stack, "900000 hours"))),
        make_named(stack, &user, "another needle", "")};
    const char *after = text("after=%lld", (long long)before);
    ids_of(stack, &user, text("/rooms?q=needle&%s", after), &pages);
    assert_int_equal(pages, 1);
    assert_string_equal(FOUND(text("q=needle&%s", after)), "1 2");
    ids_of(stack, &user, text("/rooms?from=2100-01-01T00:00:00Z&%s", after), &pages);
    assert_int_equal(pages, 1);
    assert_string_equal(FOUND(text("from=2100-01-01T00:00:00Z&%s", after)), "1");
    assert_string_equal(FOUND(text("q=ne&%s", after)), "1 2"); /* too short for the index */
    ids_of(stack, &user, text("/rooms?q=ne&%s", after), &pages);
    assert_true(pages > 2);
    fill(stack, "spam", 5500, "");
    const char *ids = ids_of(stack, &user, text("/rooms?q=spam&%s", after), &pages);
    size_t spaces = 0;
    for (; *ids != '\0'; ids++)
        spaces += *ids == ' ';
    assert_int_equal(spaces + 1, 5500);
    assert_true(pages >= 56);
}

/* Nobody pays for what is not shown: thousands of unlisted rooms stand between two pages, and are not looked at. */
static void unlisted_rooms_of_others_cost_nothing(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    size_t pages;
    json_int_t rooms[2] = {make_named(stack, &user, "haystack 1", ""), 0};
    fill(stack, "unseen", 3000, ", true");
    rooms[1] = make_named(stack, &user, "haystack 2", "");
    const char *const queries[] = {"q=ay", "status=open", "owner=me"};
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        char *ids = ids_of(stack, &user, text("/rooms?%s&after=%lld", queries[i], (long long)rooms[0] - 1), &pages);
        assert_string_equal(ids, text("%lld %lld", (long long)rooms[0], (long long)rooms[1]));
        assert_int_equal(pages, 1);
    }
}

/* ---- what is refused ---- */

static void what_makes_no_sense_is_400(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    static const struct {
        const char *query, *texts;
    } rows[] = {
        {"status=closed", "status must be one of the following values: scheduled, open, ended"},
        {"status=", "status must be one of the following values: scheduled, open, ended"},
        {"owner=you", "owner must be me or a numeric string"},
        {"owner=", "owner must be me or a numeric string"},
        {"from=today", "from must be a valid ISO 8601 date string"},
        {"to=2026-02-30T00:00:00Z", "to must be a valid ISO 8601 date string"},
        {"from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "to must be after from"},
        {"from=2026-01-01T00:00:00Z&to=2026-01-01T01:00:00%2B01:00", "to must be after from"},
        {"q=a%00b", "q must not contain null characters"},
        {"limit=0&status=x&owner=x", "limit must not be less than 1|status must be one of the following values: "
                                     "scheduled, open, ended|owner must be me or a numeric string"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_invalid(http_get(stack, user.token, "/rooms?%s", rows[i].query), rows[i].texts);
    char long_part[257];
    memset(long_part, 'x', sizeof long_part - 1);
    long_part[sizeof long_part - 1] = '\0';
    assert_invalid(http_get(stack, user.token, "/rooms?q=%s", long_part),
                   "q must be shorter than or equal to 255 characters");
}

/* Today's clients page through /rooms/active, and it stays what it was. */
static void active_takes_no_filters(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    make_room_of(stack, &user, "");
    struct reply *reply = http_get(stack, user.token, "/rooms/active?status=nonsense&limit=1");
    assert_status(reply, 200);
    assert_int_equal(json_array_size(reply->json), 1);
}

/* Nothing settles rooms behind the tests' backs. */
static const struct stack_options options = {.environment = {"SWEEP_INTERVAL_MS=3600000"}};

SUITE_WITH("room_lists", &options, cmocka_unit_test(by_status), cmocka_unit_test(by_status_as_the_clock_has_it),
           cmocka_unit_test(by_owner), cmocka_unit_test(by_any_part_of_the_name_in_any_case), cmocka_unit_test(by_time),
           cmocka_unit_test(by_all_of_it), cmocka_unit_test(unlisted_rooms_are_found_by_those_they_concern),
           cmocka_unit_test(pages_keep_what_was_asked), cmocka_unit_test(unlisted_rooms_of_others_cost_nothing),
           cmocka_unit_test(what_is_rare_is_found_at_once_and_what_is_not_in_the_end),
           cmocka_unit_test(what_makes_no_sense_is_400), cmocka_unit_test(active_takes_no_filters))
