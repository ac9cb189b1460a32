/* The texts of refused input, their order and their limits; CONTRACT §1 (Validation, :id) and §2 (fields). */
#include <stdlib.h>
#include <string.h>

#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

#define USERNAME_SHORT "username must be longer than or equal to 3 characters"
#define USERNAME_LONG "username must be shorter than or equal to 255 characters"
#define USERNAME_TYPE "username must be a string"
#define EMAIL "email must be an email"
#define PASSWORD_SHORT "password must be longer than or equal to 6 characters"
#define PASSWORD_LONG "password must be shorter than or equal to 1024 characters"
#define PASSWORD_TYPE "password must be a string"
#define NAME_EMPTY "name should not be empty"
#define NAME_LONG "name must be shorter than or equal to 255 characters"
#define NAME_TYPE "name must be a string"
#define MAX_GREATER "maxParticipants must not be greater than 50"
#define MAX_LESS "maxParticipants must not be less than 2"
#define MAX_TYPE "maxParticipants must be a number conforming to the specified constraints"

struct refused {
    const char *json;
    const char *texts;
};

static void assert_refused(const struct stack *stack, const char *token, const char *path, const struct refused *cases,
                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct reply *reply = http_post(stack, token, cases[i].json, "%s", path);
        assert_invalid(reply, cases[i].texts);
        assert_string_equal(object_keys(reply->json), "message,error,statusCode,code,requestId");
        assert_string_equal(reply_string(reply, "error"), "Bad Request");
    }
}

static void a_registration_without_anything_gets_all_texts_in_order(void **state)
{
    static const char all[] = USERNAME_SHORT "|" USERNAME_TYPE "|" EMAIL "|" PASSWORD_SHORT "|" PASSWORD_TYPE;
    static const struct refused cases[] = {
        {"{}", all},
        {"[]", all},
        {NULL, all},
        {"{\"username\":null,\"email\":null,\"password\":null}", all},
        {"{\"username\":5,\"email\":5,\"password\":5}", all},
        {"{\"password\":{},\"email\":[],\"username\":true}", all},
        {"{\"username\":\"ab\",\"email\":\"\",\"password\":\"12345\"}", USERNAME_SHORT "|" EMAIL "|" PASSWORD_SHORT},
        {"{\"username\":\"\",\"email\":\"a@b.org\",\"password\":\"\"}", USERNAME_SHORT "|" PASSWORD_SHORT},
    };
    assert_refused(*state, NULL, "/auth/register", cases, sizeof cases / sizeof *cases);
    assert_refused(*state, NULL, "/users", cases, sizeof cases / sizeof *cases);
}

static void unknown_keys_come_first_in_the_order_sent(void **state)
{
    static const struct refused cases[] = {
        {"{\"zeta\":1,\"username\":\"abc\",\"alpha\":{\"deep\":[1]},\"email\":\"a@b.org\",\"password\":\"123456\","
         "\"role\":\"admin\"}",
         "property zeta should not exist|property alpha should not exist|property role should not exist"},
        {"{\"id\":1,\"email\":\"a@b.org\",\"password\":\"123456\"}",
         "property id should not exist|" USERNAME_SHORT "|" USERNAME_TYPE},
        {"{\"Username\":\"abc\",\"username\":\"abc\",\"email\":\"a@b.org\",\"password\":\"123456\",\"\":1,\"\\u00fc\":"
         "null}",
         "property Username should not exist|property  should not exist|property ü should not exist"},
    };
    assert_refused(*state, NULL, "/auth/register", cases, sizeof cases / sizeof *cases);
}

static void the_id_of_a_path_is_no_key_of_the_body(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct room room = make_room(stack, &user, (struct room_options){0});
    assert_invalid(http_patch(stack, user.token, "{\"id\":1}", "/users/%lld", (long long)user.id),
                   "property id should not exist");
    assert_invalid(http_patch(stack, user.token, "{\"id\":1}", "/rooms/%lld", (long long)room.id),
                   "property id should not exist");
    assert_invalid(http_post(stack, user.token, "{\"id\":1}", "/rooms/%lld/join", (long long)room.id),
                   "property id should not exist");
}

static void lengths_count_utf16_units(void **state)
{
    struct stack *stack = *state;
    const struct {
        const char *username, *texts;
    } cases[] = {
        {"😀", USERNAME_SHORT},                      /* 2 */
        {"😀a", NULL},                               /* 3 */
        {"üö", USERNAME_SHORT},                     /* 2, in 4 bytes */
        {text("%sx", text_repeat("😀", 127)), NULL}, /* 255, in 509 bytes */
        {text_repeat("😀", 128), USERNAME_LONG},     /* 256 */
        {text_repeat("u", 255), NULL},
        {text_repeat("u", 256), USERNAME_LONG},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *body = registration_json(cases[i].username, text("%s@example.org", unique("utf")), "secret1");
        struct reply *reply = http_post(stack, NULL, body, "/users");
        if (cases[i].texts != NULL)
            assert_invalid(reply, cases[i].texts);
        else
            assert_status(reply, 201);
    }
    char *escaped =
        text("{\"username\":\"\\ud83d\\ude00\",\"email\":\"%s@example.org\",\"password\":\"secret1\"}", unique("utf"));
    assert_invalid(http_post(stack, NULL, escaped, "/users"), USERNAME_SHORT);
}

static void passwords_have_limits(void **state)
{
    struct stack *stack = *state;
    struct reply *reply =
        http_post(stack, NULL, registration_json("limits", "limits@example.org", text_repeat("p", 1025)), "/users");
    assert_invalid(reply, PASSWORD_LONG);
    reply = http_post(stack, NULL, registration_json("limits", "limits@example.org", "12345"), "/users");
    assert_invalid(reply, PASSWORD_SHORT);
    reply = http_post(stack, NULL, registration_json("limits", "limits@example.org", "123456"), "/users");
    assert_status(reply, 201);
}

static void mail_addresses(void **state)
{
    struct stack *stack = *state;
    char *const bad[] = {"plain",
                         "@example.org",
                         "a@",
                         "a@b",
                         "a b@example.org",
                         "a@example..org",
                         "a@-example.org",
                         "a@@example.org",
                         "a@example.org ",
                         ".a@example.org",
                         "a..b@example.org",
                         "a.@example.org",
                         "a@example.o",
                         "a,b@example.org",
                         "a@exa_mple.org",
                         "a@example.org\\n",
                         text("%s@example.org", text_repeat("a", 65)),
                         text("a@%sexample.org", text_repeat("long.", 60))};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *body = text("{\"username\":\"mail\",\"email\":\"%s\",\"password\":\"secret1\"}", bad[i]);
        assert_invalid(http_post(stack, NULL, body, "/users"), EMAIL);
    }
    static const char *const good[] = {"a@example.org", "first.last+tag@sub.example.co.uk", "x_y-z@a-b.museum",
                                       "o'neil@example.org"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_status(http_post(stack, NULL, registration_json(unique("mail"), good[i], "secret1"), "/users"), 201);
}

static void null_characters_are_refused_after_the_rest(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    char *body = "{\"username\":\"a\\u0000\",\"email\":\"nul@example.org\",\"password\":\"secret\\u0000\"}";
    assert_invalid(http_post(stack, NULL, body, "/users"), USERNAME_SHORT
                   "|username must not contain null characters|password must not contain null characters");
    assert_invalid(http_post(stack, user.token, "{\"name\":\"a\\u0000b\",\"description\":\"\\u0000\"}", "/rooms"),
                   "name must not contain null characters|description must not contain null characters");
}

static void rooms_are_validated(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    const struct refused cases[] = {
        {"{}", NAME_EMPTY "|" NAME_TYPE},
        {"{\"name\":null}", NAME_EMPTY "|" NAME_TYPE},
        {"{\"name\":\"\"}", NAME_EMPTY},
        {"{\"name\":5}", NAME_TYPE},
        {text("{\"name\":\"%s\"}", text_repeat("n", 256)), NAME_LONG},
        {"{\"name\":\"n\",\"description\":5}", "description must be a string"},
        {"{\"name\":\"n\",\"isPrivate\":\"true\"}", "isPrivate must be a boolean value"},
        {"{\"name\":\"n\",\"isPrivate\":1}", "isPrivate must be a boolean value"},
        {"{\"name\":\"n\",\"isActive\":0}", "isActive must be a boolean value"},
        {"{\"name\":\"n\",\"password\":5}", "password must be a string"},
        {text("{\"name\":\"n\",\"password\":\"%s\"}", text_repeat("p", 1025)), PASSWORD_LONG},
        {"{\"name\":\"n\",\"maxParticipants\":1}", MAX_LESS},
        {"{\"name\":\"n\",\"maxParticipants\":-3}", MAX_LESS},
        {"{\"name\":\"n\",\"maxParticipants\":51}", MAX_GREATER},
        {"{\"name\":\"n\",\"maxParticipants\":99999999999999999999}", MAX_GREATER},
        {"{\"name\":\"n\",\"maxParticipants\":2.5}", MAX_TYPE},
        {"{\"name\":\"n\",\"maxParticipants\":\"5\"}", MAX_GREATER "|" MAX_LESS "|" MAX_TYPE},
        {"{\"name\":\"n\",\"maxParticipants\":true}", MAX_GREATER "|" MAX_LESS "|" MAX_TYPE},
        {"{\"name\":\"n\",\"maxParticipants\":[5]}", MAX_GREATER "|" MAX_LESS "|" MAX_TYPE},
        {"{\"isActive\":\"x\",\"maxParticipants\":0,\"password\":1,\"isPrivate\":\"x\",\"description\":1,\"x\":1}",
         "property x should not exist|" NAME_EMPTY "|" NAME_TYPE "|description must be a string|"
         "isPrivate must be a boolean value|password must be a string|" MAX_LESS "|isActive must be a boolean value"},
    };
    assert_refused(stack, user.token, "/rooms", cases, sizeof cases / sizeof *cases);
}

static void whole_numbers_may_be_written_as_fractions(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    static const char *const numbers[] = {"5.0", "5e0", "0.5e1", "50E-1"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char *body = text("{\"name\":\"%s\",\"maxParticipants\":%s}", unique("whole"), numbers[i]);
        struct reply *reply = http_post(stack, user.token, body, "/rooms");
        assert_status(reply, 201);
        assert_int_equal(reply_integer(reply, "maxParticipants"), 5);
    }
}

static void null_skips_what_is_optional(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct reply *reply = http_post(stack, user.token,
                                    "{\"name\":\"nulls\",\"description\":null,\"isPrivate\":null,\"password\":null,"
                                    "\"maxParticipants\":null,\"isActive\":null}",
                                    "/rooms");
    assert_status(reply, 201);
    assert_false(reply_boolean(reply, "hasPassword"));
    assert_true(reply_boolean(reply, "isActive"));
}

static void a_patch_validates_what_is_there(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct room room = make_room(stack, &user, (struct room_options){0});
    assert_invalid(
        http_patch(stack, user.token, "{\"name\":\"\",\"maxParticipants\":1}", "/rooms/%lld", (long long)room.id),
        NAME_EMPTY "|" MAX_LESS);
    assert_invalid(http_patch(stack, user.token, "{\"username\":\"ab\",\"email\":\"x\",\"password\":5}", "/users/%lld",
                              (long long)user.id),
                   USERNAME_SHORT "|" EMAIL "|" PASSWORD_SHORT "|" PASSWORD_TYPE);
}

/* ---- what is not in a body ---- */

static void ids_are_whole_numbers(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    static const char *const ids[] = {"abc", "1.5",  "1e3", "0x1", "1a",  "--1",     "+",
                                      "-",   "1%20", "%20", "1,2", "NaN", "Infinity"};
    static const char text_of_all[] = "Validation failed (numeric string is expected)";
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        assert_error_text(http_get(stack, user.token, "/rooms/%s", ids[i]), 400, "id_not_numeric", text_of_all);
        assert_error_text(http_get(stack, user.token, "/users/%s", ids[i]), 400, "id_not_numeric", text_of_all);
        assert_error_text(http_post(stack, user.token, NULL, "/rooms/%s/join", ids[i]), 400, "id_not_numeric",
                          text_of_all);
        assert_error_text(http_delete(stack, user.token, "/users/%s", ids[i]), 400, "id_not_numeric", text_of_all);
    }
}

static void pages_are_validated(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    static const char *const paths[] = {"/users", "/rooms", "/rooms/active"};
    static const struct refused cases[] = {
        {"limit=0", "limit must not be less than 1"},
        {"limit=-5", "limit must not be less than 1"},
        {"limit=101", "limit must not be greater than 100"},
        {"limit=abc",
         "limit must not be greater than 100|limit must not be less than 1|limit must be a number conforming to "
         "the specified constraints"},
        {"after=-1", "after must not be less than 0"},
        {"after=-1&limit=0", "limit must not be less than 1|after must not be less than 0"},
    };
    for (size_t path = 0; path < sizeof paths / sizeof *paths; path++) {
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            assert_invalid(http_get(stack, user.token, "%s?%s", paths[path], cases[i].json), cases[i].texts);
        assert_status(http_get(stack, user.token, "%s?limit=100&after=0&unknown=1", paths[path]), 200);
        assert_status(http_get(stack, user.token, "%s?after=9223372036854775807", paths[path]), 200);
    }
}

/* ---- UTF-8 ---- */

static struct reply *post_bytes(const struct stack *stack, const char *token, const char *path, const char *bytes,
                                size_t len)
{
    return http_send(stack, &(struct request){.verb = "POST",
                                              .path = path,
                                              .token = token,
                                              .headers = {"Content-Type: application/json"},
                                              .body = bytes,
                                              .body_len = len});
}

static void invalid_utf8_is_malformed(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    static const char *const names[] = {"\xff",  "\xc3",    "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                        "a\x80", "\xe2\x82"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *body = text("{\"name\":\"%s\"}", names[i]);
        struct reply *reply = post_bytes(stack, user.token, "/rooms", body, strlen(body));
        assert_error(reply, 400, "malformed");
        assert_string_equal(object_keys(reply->json), "message,error,statusCode,code,requestId");
        assert_true(json_is_string(json_object_get(reply->json, "message")));
    }
    static const char raw_nul[] = "{\"name\":\"a\0b\"}";
    assert_error(post_bytes(stack, user.token, "/rooms", raw_nul, sizeof raw_nul - 1), 400, "malformed");
}

static void text_comes_back_as_it_was_sent(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    const char *name = "\"\\/\b\f\n\r\t\x01\x1f\x7f</script>\u2028é漢字🎉";
    json_t *body = json_pack("{ss}", "name", name);
    char *json = json_dumps(body, JSON_COMPACT);
    struct reply *reply = http_post(stack, user.token, json, "/rooms");
    assert_status(reply, 201);
    assert_string_equal(reply_string(reply, "name"), name);
    free(json);
    json_decref(body);
}

SUITE("validation", cmocka_unit_test(a_registration_without_anything_gets_all_texts_in_order),
      cmocka_unit_test(unknown_keys_come_first_in_the_order_sent),
      cmocka_unit_test(the_id_of_a_path_is_no_key_of_the_body), cmocka_unit_test(lengths_count_utf16_units),
      cmocka_unit_test(passwords_have_limits), cmocka_unit_test(mail_addresses),
      cmocka_unit_test(null_characters_are_refused_after_the_rest), cmocka_unit_test(rooms_are_validated),
      cmocka_unit_test(whole_numbers_may_be_written_as_fractions), cmocka_unit_test(null_skips_what_is_optional),
      cmocka_unit_test(a_patch_validates_what_is_there), cmocka_unit_test(ids_are_whole_numbers),
      cmocka_unit_test(pages_are_validated), cmocka_unit_test(invalid_utf8_is_malformed),
      cmocka_unit_test(text_comes_back_as_it_was_sent))
