/* Rooms: create, list, active, get, patch, delete; shapes, ownership, pages, ETags; CONTRACT §1 to §3. */
#include <string.h>

#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

#define ADDED_KEYS "ownerId,hasPassword,inviteOnly,unlisted,waitingRoom,status,moderators"
#define ROOM_KEYS "id,name,isPrivate,maxParticipants,isActive,participantCount,createdAt,updatedAt," ADDED_KEYS
#define ROOM_KEYS_DESCRIBED                                                                                            \
    "id,name,description,isPrivate,maxParticipants,isActive,participantCount,createdAt,updatedAt," ADDED_KEYS

/* ---- create ---- */

static void creates_with_defaults(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    struct reply *reply = http_post(stack, owner.token, "{\"name\":\"plain\"}", "/rooms");
    assert_status(reply, 201);
    assert_string_equal(object_keys(reply->json), ROOM_KEYS);
    assert_string_equal(reply_string(reply, "name"), "plain");
    assert_false(reply_boolean(reply, "isPrivate"));
    assert_true(reply_boolean(reply, "isActive"));
    assert_false(reply_boolean(reply, "hasPassword"));
    assert_int_equal(reply_integer(reply, "ownerId"), owner.id);
    assert_in_range(reply_integer(reply, "maxParticipants"), 2, 50);
    assert_string_equal(reply_string(reply, "createdAt"), reply_string(reply, "updatedAt"));
}

static void creates_with_everything_and_hides_the_password(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    struct reply *reply =
        http_post(stack, owner.token,
                  "{\"name\":\"full\",\"description\":\"a \\\"room\\\" with \\u00fcmlauts \\ud83d\\ude00\","
                  "\"isPrivate\":true,\"password\":\"hunter2\",\"maxParticipants\":50,\"isActive\":false}",
                  "/rooms");
    assert_status(reply, 201);
    assert_string_equal(object_keys(reply->json), ROOM_KEYS_DESCRIBED);
    assert_string_equal(reply_string(reply, "description"), "a \"room\" with ümlauts 😀");
    assert_true(reply_boolean(reply, "isPrivate"));
    assert_false(reply_boolean(reply, "isActive"));
    assert_true(reply_boolean(reply, "hasPassword"));
    assert_int_equal(reply_integer(reply, "maxParticipants"), 50);
    struct reply *got = http_get(stack, owner.token, "/rooms/%lld", (long long)reply_integer(reply, "id"));
    assert_string_equal(got->body, reply->body);
    assert_null(strstr(got->body, "hunter2"));
    assert_null(strstr(got->body, "argon2"));
}

static void an_empty_description_is_there_and_null_is_not(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    struct reply *empty = http_post(stack, owner.token, "{\"name\":\"d1\",\"description\":\"\"}", "/rooms");
    assert_string_equal(reply_string(empty, "description"), "");
    struct reply *null = http_post(stack, owner.token, "{\"name\":\"d2\",\"description\":null}", "/rooms");
    assert_status(null, 201);
    assert_false(reply_has(null, "description"));
}

static void a_taken_name_is_409(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), other = make_user(stack);
    struct room room = make_room(stack, &owner, (struct room_options){0});
    struct reply *reply = http_post(stack, other.token, text("{\"name\":\"%s\"}", room.name), "/rooms");
    assert_error_text(reply, 409, "room_exists", "Room name already exists");
    assert_string_equal(object_keys(reply->json), "message,error,statusCode,code,requestId");
    assert_string_equal(reply_string(reply, "error"), "Conflict");
}

/* ---- lists ---- */

/* Follows the pages from the path on; fills ids and returns how many. */
static size_t follow_pages(const struct stack *stack, const char *token, const char *path, json_int_t *ids, size_t max)
{
    size_t count = 0;
    while (path != NULL) {
        struct reply *reply = http_get(stack, token, "%s", path);
        assert_status(reply, 200);
        for (size_t i = 0; i < json_array_size(reply->json); i++) {
            const json_t *room = json_array_get(reply->json, i);
            assert_true(count < max);
            ids[count++] = object_integer(room, "id");
        }
        char *link = reply_header(reply, "Link");
        path = link != NULL ? text("%.*s", (int)strcspn(link + 1, ">"), link + 1) : NULL;
    }
    return count;
}

static void lists_by_id_in_pages(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    json_int_t made[7], seen[64];
    for (size_t i = 0; i < 7; i++)
        made[i] = make_room(stack, &owner, (struct room_options){0}).id;
    size_t count =
        follow_pages(stack, owner.token, text("/rooms?limit=3&after=%lld", (long long)made[0] - 1), seen, 64);
    assert_int_equal(count, 7);
    assert_memory_equal(seen, made, sizeof made);
    struct reply *page = http_get(stack, owner.token, "/rooms?limit=3&after=%lld", (long long)made[0] - 1);
    assert_string_equal(reply_header(page, "Link"),
                        text("</rooms?limit=3&after=%lld>; rel=\"next\"", (long long)made[2]));
}

static void the_next_page_keeps_the_other_parameters(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    for (int i = 0; i < 2; i++)
        make_room(stack, &owner, (struct room_options){0});
    struct reply *reply = http_get(stack, owner.token, "/api/rooms?x=1&limit=1&y=a%%20b");
    assert_status(reply, 200);
    char *link = reply_header(reply, "Link");
    assert_non_null(link);
    assert_int_equal(strncmp(link, "</api/rooms?", 12), 0);
    assert_non_null(strstr(link, "x=1"));
    assert_non_null(strstr(link, "y=a%20b"));
    assert_non_null(strstr(link, "limit=1"));
}

static void active_lists_only_active_rooms(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    struct room active = make_room(stack, &owner, (struct room_options){0});
    struct room idle = make_room(stack, &owner, (struct room_options){.is_inactive = true});
    struct room last = make_room(stack, &owner, (struct room_options){0});
    json_int_t seen[64];
    char *path = text("/rooms/active?limit=1&after=%lld", (long long)active.id - 1);
    assert_int_equal(follow_pages(stack, owner.token, path, seen, 64), 2);
    assert_int_equal(seen[0], active.id);
    assert_int_equal(seen[1], last.id);
    path = text("/rooms?after=%lld", (long long)active.id - 1);
    assert_int_equal(follow_pages(stack, owner.token, path, seen, 64), 3);
    assert_int_equal(seen[1], idle.id);
}

static void a_page_holds_a_hundred_unless_asked(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    struct request requests[101];
    struct reply *replies[101];
    for (size_t i = 0; i < 101; i++)
        requests[i] = (struct request){
            .verb = "POST", .path = "/rooms", .token = owner.token, .json = text("{\"name\":\"%s\"}", unique("many"))};
    http_send_many(stack, requests, replies, 101);
    assert_int_equal(count_status(replies, 101, 201), 101);
    struct reply *reply = http_get(stack, owner.token, "/rooms");
    assert_int_equal(json_array_size(reply->json), 100);
    assert_non_null(reply_header(reply, "Link"));
}

/* ---- get ---- */

static void gets_by_any_form_of_the_number(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    struct room room = make_room(stack, &owner, (struct room_options){0});
    static const char *const formats[] = {"/rooms/%lld", "/rooms/+%lld", "/rooms/000%lld", "/ROOMS/%lld/",
                                          "/api/rooms/%lld"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        char *path = text("%s", formats[i]);
        char *at = strstr(path, "%lld");
        path = text("%.*s%lld%s", (int)(at - path), path, (long long)room.id, at + 4);
        struct reply *reply = http_get(stack, owner.token, "%s", path);
        assert_status(reply, 200);
        assert_int_equal(reply_integer(reply, "id"), room.id);
    }
}

static void an_unknown_room_is_404_on_every_route(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    static const char *const ids[] = {"999999", "-5", "99999999999999999999999", "9223372036854775808"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char *message = text("Room with ID %s not found", ids[i]);
        assert_error_text(http_get(stack, user.token, "/rooms/%s", ids[i]), 404, "room_not_found", message);
        assert_error_text(http_patch(stack, user.token, "{\"name\":\"x\"}", "/rooms/%s", ids[i]), 404, "room_not_found",
                          message);
        assert_error_text(http_delete(stack, user.token, "/rooms/%s", ids[i]), 404, "room_not_found", message);
        assert_error_text(http_post(stack, user.token, NULL, "/rooms/%s/join", ids[i]), 404, "room_not_found", message);
        assert_error_text(http_post(stack, user.token, NULL, "/rooms/%s/leave", ids[i]), 404, "room_not_found",
                          message);
    }
}

/* ---- patch and delete ---- */

static void the_owner_changes_what_is_sent_and_nothing_else(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    struct room room = make_room(stack, &owner, (struct room_options){.password = "old", .max_participants = 7});
    struct reply *reply = http_patch(stack, owner.token, "{\"description\":\"told\",\"isPrivate\":true}", "/rooms/%lld",
                                     (long long)room.id);
    assert_status(reply, 200);
    assert_string_equal(object_keys(reply->json), ROOM_KEYS_DESCRIBED);
    assert_string_equal(reply_string(reply, "name"), room.name);
    assert_string_equal(reply_string(reply, "description"), "told");
    assert_true(reply_boolean(reply, "isPrivate"));
    assert_true(reply_boolean(reply, "hasPassword"));
    assert_int_equal(reply_integer(reply, "maxParticipants"), 7);
    assert_true(strcmp(reply_string(reply, "updatedAt"), reply_string(reply, "createdAt")) >= 0);
    assert_string_equal(http_get(stack, owner.token, "/rooms/%lld", (long long)room.id)->body, reply->body);
    struct reply *nothing = http_patch(stack, owner.token, NULL, "/rooms/%lld", (long long)room.id);
    assert_status(nothing, 200);
    assert_string_equal(reply_string(nothing, "description"), "told");
}

static void a_patched_password_counts(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), guest = make_user(stack);
    struct room room = make_room(stack, &owner, (struct room_options){.password = "old"});
    assert_status(http_patch(stack, owner.token, "{\"password\":\"new\"}", "/rooms/%lld", (long long)room.id), 200);
    assert_error(http_post(stack, guest.token, "{\"password\":\"old\"}", "/rooms/%lld/join", (long long)room.id), 403,
                 "room_password_invalid");
    assert_status(http_post(stack, guest.token, "{\"password\":\"new\"}", "/rooms/%lld/join", (long long)room.id), 201);
}

static void a_patch_to_a_taken_name_is_409(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    struct room room = make_room(stack, &owner, (struct room_options){0});
    struct room other = make_room(stack, &owner, (struct room_options){0});
    assert_error_text(
        http_patch(stack, owner.token, text("{\"name\":\"%s\"}", other.name), "/rooms/%lld", (long long)room.id), 409,
        "room_exists", "Room name already exists");
    assert_status(
        http_patch(stack, owner.token, text("{\"name\":\"%s\"}", room.name), "/rooms/%lld", (long long)room.id), 200);
}

static void only_the_owner_and_admins_may_change_or_delete(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), other = make_user(stack), admin = make_admin(stack);
    struct room room = make_room(stack, &owner, (struct room_options){0});
    assert_status(http_post(stack, other.token, NULL, "/rooms/%lld/join", (long long)room.id),
                  201); /* a member is no owner */
    assert_error(http_patch(stack, other.token, "{\"name\":\"stolen\"}", "/rooms/%lld", (long long)room.id), 403,
                 "forbidden");
    assert_error(http_patch(stack, other.token, "{\"nonsense\":1}", "/rooms/%lld", (long long)room.id), 403,
                 "forbidden");
    assert_error(http_delete(stack, other.token, "/rooms/%lld", (long long)room.id), 403, "forbidden");
    assert_status(http_patch(stack, admin.token, "{\"description\":\"moderated\"}", "/rooms/%lld", (long long)room.id),
                  200);
    assert_status(http_delete(stack, admin.token, "/rooms/%lld", (long long)room.id), 200);
}

static void a_deleted_room_says_so_and_is_gone(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    struct room room = make_room(stack, &owner, (struct room_options){0});
    assert_status(http_post(stack, owner.token, NULL, "/rooms/%lld/join", (long long)room.id), 201);
    struct reply *reply = http_delete(stack, owner.token, "/rooms/%lld", (long long)room.id);
    assert_status(reply, 200);
    assert_string_equal(reply->body, "{\"message\":\"Room deleted successfully\"}");
    assert_error(http_get(stack, owner.token, "/rooms/%lld", (long long)room.id), 404, "room_not_found");
    assert_error(http_delete(stack, owner.token, "/rooms/%lld", (long long)room.id), 404, "room_not_found");
    make_room(stack, &owner, (struct room_options){.name = room.name}); /* the name is free again */
}

/* ---- ETags ---- */

static struct reply *get_if_none_match(const struct stack *stack, const char *token, const char *path, const char *tags)
{
    return http_send(stack,
                     &(struct request){.path = path, .token = token, .headers = {text("If-None-Match: %s", tags)}});
}

static void an_unchanged_room_is_304(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack);
    struct room room = make_room(stack, &owner, (struct room_options){0});
    char *path = text("/rooms/%lld", (long long)room.id);
    char *tag = reply_header(http_get(stack, owner.token, "%s", path), "ETag");
    assert_non_null(tag);
    assert_non_null(strchr(tag, '"'));
    char *strong = strchr(tag, '"');
    char *const tags[] = {tag, strong, text("W/%s", strong), text("\"other\", %s", tag), "*"};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        struct reply *reply = get_if_none_match(stack, owner.token, path, tags[i]);
        assert_status(reply, 304);
        assert_int_equal(reply->body_len, 0);
        assert_string_equal(reply_header(reply, "ETag"), tag);
        assert_non_null(reply_header(reply, "Vary"));
    }
    assert_status(get_if_none_match(stack, owner.token, path, "\"other\""), 200);
    assert_status(http_patch(stack, owner.token, "{\"maxParticipants\":3}", "%s", path), 200);
    struct reply *changed = get_if_none_match(stack, owner.token, path, tag);
    assert_status(changed, 200);
    assert_string_not_equal(reply_header(changed, "ETag"), tag);
}

static void every_get_of_200_has_an_etag(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    char *const paths[] = {"/auth/profile", "/users", text("/users/%lld", (long long)user.id), "/rooms",
                           "/rooms/active"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct reply *reply = http_get(stack, user.token, "%s", paths[i]);
        assert_status(reply, 200);
        char *tag = reply_header(reply, "ETag");
        assert_non_null(tag);
        assert_status(get_if_none_match(stack, user.token, paths[i], tag), 304);
    }
}

SUITE("rooms", cmocka_unit_test(creates_with_defaults),
      cmocka_unit_test(creates_with_everything_and_hides_the_password),
      cmocka_unit_test(an_empty_description_is_there_and_null_is_not), cmocka_unit_test(a_taken_name_is_409),
      cmocka_unit_test(lists_by_id_in_pages), cmocka_unit_test(the_next_page_keeps_the_other_parameters),
      cmocka_unit_test(active_lists_only_active_rooms), cmocka_unit_test(a_page_holds_a_hundred_unless_asked),
      cmocka_unit_test(gets_by_any_form_of_the_number), cmocka_unit_test(an_unknown_room_is_404_on_every_route),
      cmocka_unit_test(the_owner_changes_what_is_sent_and_nothing_else), cmocka_unit_test(a_patched_password_counts),
      cmocka_unit_test(a_patch_to_a_taken_name_is_409),
      cmocka_unit_test(only_the_owner_and_admins_may_change_or_delete),
      cmocka_unit_test(a_deleted_room_says_so_and_is_gone), cmocka_unit_test(an_unchanged_room_is_304),
      cmocka_unit_test(every_get_of_200_has_an_etag))
