/* A room's ETag begins with its version: If-Match lets nobody overwrite what he has not seen, and If-None-Match saves
 * sending what he has. CONTRACT §1; RFC 9110 §13. */
#include <stdlib.h>
#include <string.h>

#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

enum { EDITORS = 32 };

static struct reply *send_if_match(const struct stack *stack, const char *verb, const char *token, struct room room,
                                   const char *tags, const char *json)
{
    return http_send(stack, &(struct request){.verb = verb,
                                              .path = text("/rooms/%lld", (long long)room.id),
                                              .token = token,
                                              .json = json,
                                              .headers = {text("If-Match: %s", tags)}});
}

static char *tag_of(const struct stack *stack, const char *token, struct room room)
{
    struct reply *reply = http_get(stack, token, "/rooms/%lld", (long long)room.id);
    assert_status(reply, 200);
    char *tag = reply_header(reply, "ETag");
    assert_non_null(tag);
    return tag;
}

/* Every reply that shows a room has the tag that reading it gives. */
static void each_reply_with_a_room_has_its_tag(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    struct reply *made = http_post(stack, owner.token, "{\"name\":\"tagged\"}", "/rooms");
    struct room room = {.id = reply_integer(made, "id")};
    const char *path = text("/rooms/%lld", (long long)room.id);
    assert_string_equal(reply_header(made, "ETag"), tag_of(stack, owner.token, room));
    struct reply *changed = http_patch(stack, owner.token, "{\"description\":\"x\"}", "%s", path);
    assert_string_equal(reply_header(changed, "ETag"), tag_of(stack, owner.token, room));
    assert_string_not_equal(reply_header(changed, "ETag"), reply_header(made, "ETag"));
    struct reply *joined = http_post(stack, owner.token, NULL, "%s/join", path);
    assert_string_equal(reply_header(joined, "ETag"), tag_of(stack, owner.token, room));
    assert_string_equal(reply_header(http_post(stack, owner.token, NULL, "%s/leave", path), "ETag"),
                        reply_header(changed, "ETag"));
}

static void a_change_of_what_moved_on_is_412(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    struct room room = make_room(stack, &owner, (struct room_options){0});
    char *first = tag_of(stack, owner.token, room);
    struct reply *changed = send_if_match(stack, "PATCH", owner.token, room, first, "{\"description\":\"one\"}");
    assert_status(changed, 200);
    char *second = reply_header(changed, "ETag");
    struct reply *late = send_if_match(stack, "PATCH", owner.token, room, first, "{\"description\":\"two\"}");
    assert_error_text(late, 412, "precondition_failed", "It was changed since its ETag was read");
    assert_string_equal(object_keys(late->json), "message,error,statusCode,code,requestId");
    assert_string_equal(reply_string(late, "error"), "Precondition Failed");
    assert_error(send_if_match(stack, "PATCH", owner.token, room, first, "{}"), 412, "precondition_failed");
    assert_status(send_if_match(stack, "PATCH", owner.token, room, second, "{}"), 200);
    assert_error(send_if_match(stack, "DELETE", owner.token, room, first, NULL), 412, "precondition_failed");
    assert_string_equal(reply_string(http_get(stack, owner.token, "/rooms/%lld", (long long)room.id), "description"),
                        "one");
    assert_status(send_if_match(stack, "DELETE", owner.token, room, second, NULL), 200);
}

static void lists_stars_and_weak_tags_count_as_in_rfc_9110(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    struct room room = make_room(stack, &owner, (struct room_options){0});
    static const struct {
        const char *tags; /* %s: the room's */
        long status;
    } rows[] = {
        {"\"other\", %s", 200},   {"%s,\"other\"", 200}, {"*", 200},    {"W/%s", 412}, {"\"other\"", 412},
        {"\"1-0000\",W/%s", 412}, {"nonsense", 412},     {"\"\"", 412}, {"%s", 200},   {"nonsense, \"other\"", 412}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *place = strstr(rows[i].tags, "%s");
        char *tag = tag_of(stack, owner.token, room);
        char *tags = place == NULL
                         ? text("%s", rows[i].tags)
                         : text("%.*s%s%s", (int)(place - rows[i].tags), rows[i].tags, tag, place + strlen("%s"));
        assert_status(send_if_match(stack, "PATCH", owner.token, room, tags, "{\"description\":\"x\"}"),
                      rows[i].status);
    }
}

/* RFC 9110 §5.3: several lines are one list. */
static void lines_of_tags_are_one_list(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    struct room room = make_room(stack, &owner, (struct room_options){0});
    struct request request = {.verb = "PATCH",
                              .path = text("/rooms/%lld", (long long)room.id),
                              .token = owner.token,
                              .json = "{\"description\":\"x\"}",
                              .headers = {"If-Match: \"other\"", "If-Match: \"another\""}};
    assert_error(http_send(stack, &request), 412, "precondition_failed");
    request.headers[2] = text("If-Match: %s", tag_of(stack, owner.token, room));
    assert_status(http_send(stack, &request), 200);
}

/* Who comes and goes changes the tag, since it changes what is shown; but not the version, since it is no edit. */
static void a_join_is_no_new_version(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack);
    struct room room = make_room(stack, &owner, (struct room_options){0});
    char *before = tag_of(stack, owner.token, room);
    assert_status(http_post(stack, guest.token, NULL, "/rooms/%lld/join", (long long)room.id), 201);
    char *after = tag_of(stack, owner.token, room);
    assert_string_not_equal(before, after);
    struct request request = {.path = text("/rooms/%lld", (long long)room.id),
                              .token = owner.token,
                              .headers = {text("If-None-Match: %s", before)}};
    assert_int_equal(reply_integer(http_send(stack, &request), "participantCount"), 1);
    request.headers[0] = text("If-None-Match: %s", after);
    assert_status(http_send(stack, &request), 304);
    assert_status(send_if_match(stack, "PATCH", owner.token, room, before, "{\"description\":\"x\"}"), 200);
}

/* RFC 9110 §13.2.1: what would fail anyway fails for its own reason. */
static void other_refusals_come_first(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), other = make_user(stack);
    struct room room = make_room(stack, &owner, (struct room_options){0});
    assert_error(send_if_match(stack, "PATCH", NULL, room, "\"x\"", "{}"), 401, "unauthorized");
    assert_error(send_if_match(stack, "PATCH", other.token, room, "\"x\"", "{}"), 403, "forbidden");
    assert_error(send_if_match(stack, "DELETE", other.token, room, "*", NULL), 403, "forbidden");
    assert_invalid(send_if_match(stack, "PATCH", owner.token, room, "\"x\"", "{\"versions\":[1]}"),
                   "property versions should not exist");
    struct room none = {.id = 999999};
    assert_error(send_if_match(stack, "DELETE", owner.token, none, "*", NULL), 404, "room_not_found");
}

static void of_many_changes_of_one_version_one_wins(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    struct room room = make_room(stack, &owner, (struct room_options){0});
    char *tag = tag_of(stack, owner.token, room);
    struct request requests[EDITORS];
    struct reply *replies[EDITORS];
    for (size_t i = 0; i < EDITORS; i++)
        requests[i] = (struct request){.verb = "PATCH",
                                       .path = text("/rooms/%lld", (long long)room.id),
                                       .token = owner.token,
                                       .json = text("{\"description\":\"%zu\"}", i),
                                       .headers = {text("If-Match: %s", tag)}};
    http_send_many(stack, requests, replies, EDITORS);
    assert_int_equal(count_status(replies, EDITORS, 200), 1);
    assert_int_equal(count_status(replies, EDITORS, 412), EDITORS - 1);
    struct reply *now = http_get(stack, owner.token, "/rooms/%lld", (long long)room.id);
    for (size_t i = 0; i < EDITORS; i++)
        if (replies[i]->status == 200)
            assert_string_equal(now->body, replies[i]->body);
}

static void browsers_may_send_and_read_tags(void **state)
{
    struct stack *stack = *state;
    struct request request = {.verb = "OPTIONS", .path = "/rooms/1", .headers = {"Origin: " STACK_ORIGIN}};
    struct reply *reply = http_send(stack, &request);
    assert_non_null(strstr(reply_header(reply, "Access-Control-Allow-Headers"), "If-Match"));
    assert_non_null(strstr(reply_header(reply, "Access-Control-Expose-Headers"), "ETag"));
}

SUITE("room_versions", cmocka_unit_test(each_reply_with_a_room_has_its_tag),
      cmocka_unit_test(a_change_of_what_moved_on_is_412),
      cmocka_unit_test(lists_stars_and_weak_tags_count_as_in_rfc_9110), cmocka_unit_test(lines_of_tags_are_one_list),
      cmocka_unit_test(a_join_is_no_new_version), cmocka_unit_test(other_refusals_come_first),
      cmocka_unit_test(of_many_changes_of_one_version_one_wins), cmocka_unit_test(browsers_may_send_and_read_tags))
