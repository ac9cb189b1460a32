/* HTTP as every route speaks it: CORS, verbs, paths, bodies, error bodies, request ids; CONTRACT §1. */
#include <string.h>
#include <zlib.h>

#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/raw.h"
#include "tests/support/scratch.h"

#define JSON "Content-Type: application/json"
enum { BODY_LIMIT = 100 * 1024 };

static struct reply *post_body(const struct stack *stack, const char *token, const char *path, const char *type,
                               const char *encoding, const char *body, size_t len)
{
    return http_send(
        stack,
        &(struct request){
            .verb = "POST", .path = path, .token = token, .headers = {type, encoding}, .body = body, .body_len = len});
}

static struct reply *post_as(const struct stack *stack, const char *token, const char *type, const char *body)
{
    return post_body(stack, token, "/rooms", type, NULL, body, strlen(body));
}

/* ---- CORS ---- */

static void assert_cors(const struct reply *reply, const char *origin)
{
    assert_non_null(reply_header(reply, "Vary"));
    assert_non_null(strstr(reply_header(reply, "Vary"), "Origin"));
    assert_non_null(reply_header(reply, "Access-Control-Allow-Credentials"));
    assert_string_equal(reply_header(reply, "Access-Control-Allow-Credentials"), "true");
    char *allowed = reply_header(reply, "Access-Control-Allow-Origin");
    if (origin == NULL)
        assert_null(allowed);
    else
        assert_string_equal(allowed != NULL ? allowed : "", origin);
}

static void each_reply_has_cors_headers(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    char *large = text_repeat("x", BODY_LIMIT + 1024);
    struct request requests[] = {
        {.path = "/auth/profile", .token = user.token},    /* 200 */
        {.path = "/auth/profile"},                         /* 401 */
        {.path = "/nope"},                                 /* 404 */
        {.verb = "POST", .path = "/users", .json = "{"},   /* 400 */
        {.verb = "POST", .path = "/users", .json = "{}"},  /* 400 by a service */
        {.verb = "POST", .path = "/users", .json = large}, /* 413 */
        {.verb = "HEAD", .path = "/auth/profile", .token = user.token},
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        assert_cors(http_send(stack, &requests[i]), NULL);
        requests[i].headers[0] = "Origin: http://localhost:8080";
        assert_cors(http_send(stack, &requests[i]), "http://localhost:8080");
        requests[i].headers[0] = "Origin: http://localhost:3000";
        assert_cors(http_send(stack, &requests[i]), "http://localhost:3000");
        static const char *const others[] = {
            "Origin: http://evil.example",    "Origin: http://localhost:80800", "Origin: null",
            "Origin: https://localhost:8080", "Origin: http://localhost:808",   "Origin: *"};
        requests[i].headers[0] = others[i % 6];
        assert_cors(http_send(stack, &requests[i]), NULL);
    }
}

static void options_is_204_anywhere(void **state)
{
    struct stack *stack = *state;
    static const char *const paths[] = {"/rooms/1", "/auth/profile", "/nope", "/", "/api/users"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct reply *reply = http_send(stack, &(struct request){.verb = "OPTIONS",
                                                                 .path = paths[i],
                                                                 .headers = {"Origin: http://localhost:3000",
                                                                             "Access-Control-Request-Method: PATCH"}});
        assert_status(reply, 204);
        assert_cors(reply, "http://localhost:3000");
        assert_string_equal(reply_header(reply, "Access-Control-Allow-Methods"), "GET,POST,PUT,PATCH,DELETE,OPTIONS");
        assert_int_equal(strncmp(reply_header(reply, "Access-Control-Allow-Headers"), "Content-Type,Authorization", 26),
                         0);
        assert_int_equal(reply->body_len, 0);
    }
}

/* ---- routes ---- */

static void what_is_not_there_is_404_with_the_url_as_sent(void **state)
{
    struct stack *stack = *state;
    static const struct {
        const char *verb, *path;
    } cases[] = {
        {"GET", "/nope?x=1"},   {"GET", "/"},          {"GET", "/api"},          {"GET", "/api/"},
        {"POST", "/API/nope/"}, {"PUT", "/rooms/1"},   {"DELETE", "/rooms"},     {"PATCH", "/auth/login"},
        {"GET", "/auth/login"}, {"GET", "/rooms/1/2"}, {"GET", "/rooms/1/join"}, {"GET", "/api/api/rooms"},
        {"GET", "/rooms//1"},   {"GET", "//rooms"},    {"GET", "/%72ooms/x/y"},  {"POST", "/auth/profile?a=b&c=%20"},
        {"TRACE", "/rooms"},    {"BREW", "/coffee"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reply *reply = http_send(stack, &(struct request){.verb = cases[i].verb, .path = cases[i].path});
        assert_error_text(reply, 404, "route_not_found", text("Cannot %s %s", cases[i].verb, cases[i].path));
        assert_string_equal(object_keys(reply->json), "message,error,statusCode,code,requestId");
        assert_string_equal(reply_string(reply, "error"), "Not Found");
        assert_int_equal(reply_integer(reply, "statusCode"), 404);
    }
    struct reply *head = http_send(stack, &(struct request){.verb = "HEAD", .path = "/nope"});
    assert_status(head, 404);
    assert_int_equal(head->body_len, 0);
}

static void escaped_slashes_and_nuls_in_a_path_are_no_separators(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    static const char *const paths[] = {"/rooms%2f1",        "/rooms/1%00",     "/rooms%00",
                                        "/rooms/..%2fusers", "/rooms/../users", "/rooms/%2e%2e/users"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct reply *reply = http_get(stack, user.token, "%s", paths[i]);
        assert_in_range(reply->status, 400, 404);
    }
}

static void head_is_get_without_its_body(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct reply *get = http_get(stack, user.token, "/auth/profile");
    struct reply *head =
        http_send(stack, &(struct request){.verb = "HEAD", .path = "/auth/profile", .token = user.token});
    assert_status(head, 200);
    assert_int_equal(head->body_len, 0);
    assert_string_equal(reply_header(head, "ETag"), reply_header(get, "ETag"));
    assert_string_equal(reply_header(head, "Content-Type"), "application/json; charset=utf-8");
    assert_status(http_get(stack, user.token, "/auth/profile"), 200); /* the connection is in step */
}

/* ---- bodies ---- */

static void a_body_that_is_no_json_object_is_400(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    char *const bodies[] = {"{",
                            "{\"name\":\"x\"",
                            "{\"name\":\"x\"} x",
                            "{'name':'x'}",
                            "{\"name\":x}",
                            "nonsense",
                            "5",
                            "\"name\"",
                            "null",
                            "true",
                            "{\"name\":\"x\",}",
                            "{\"name\":\"\\ud800\"}",
                            "{\"name\":01}",
                            "{\"a\":NaN}",
                            "{\"name\":\"a\nb\"}",
                            text_repeat("[", 5000),
                            text_repeat("{\"a\":", 5000)};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct reply *reply = post_as(stack, user.token, JSON, bodies[i]);
        assert_error(reply, 400, "malformed");
        assert_string_equal(object_keys(reply->json), "message,error,statusCode,code,requestId");
        assert_string_equal(reply_string(reply, "error"), "Bad Request");
        assert_true(strlen(reply_string(reply, "message")) > 0);
    }
}

static void types_of_bodies(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    static const char *const json[] = {
        JSON, "Content-Type: Application/JSON", "Content-Type: application/json; charset=utf-8",
        "Content-Type: application/json;charset=\"UTF-8\"", "Content-Type: application/json ; x=y"};
    for (size_t i = 0; i < sizeof json / sizeof *json; i++)
        assert_status(post_as(stack, user.token, json[i], text("{\"name\":\"%s\"}", unique("typed"))), 201);
    static const char *const ignored[] = {"Content-Type: text/plain", "Content-Type: application/jsonx",
                                          "Content-Type: multipart/form-data; boundary=x", NULL,
                                          "Content-Type: nonsense"};
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        assert_invalid(post_as(stack, user.token, ignored[i], "{\"name\":\"typed\"}"),
                       "name should not be empty|name must be a string");
    assert_invalid(post_as(stack, user.token, JSON, "[{\"name\":\"x\"}]"),
                   "name should not be empty|name must be a string");
    assert_invalid(post_as(stack, user.token, JSON, ""), "name should not be empty|name must be a string");
}

static void forms_are_decoded_into_strings(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    static const char form[] = "Content-Type: application/x-www-form-urlencoded";
    char *name = unique("form");
    struct reply *reply =
        post_as(stack, user.token, form, text("name=%s+%%C3%%BC%%26&description=a=b&password=", name));
    assert_status(reply, 201);
    assert_string_equal(reply_string(reply, "name"), text("%s ü&", name));
    assert_string_equal(reply_string(reply, "description"), "a=b");
    assert_invalid(post_as(stack, user.token, form, "name=x&maxParticipants=5"),
                   "maxParticipants must not be greater than 50|maxParticipants must not be less than 2|"
                   "maxParticipants must be a number conforming to the specified constraints");
    assert_error(post_as(stack, user.token, form, "name=%ff%fe"), 400, "malformed");
}

static void of_duplicate_keys_the_last_wins(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct reply *reply =
        post_as(stack, user.token, JSON,
                "{\"name\":5,\"description\":\"first\",\"name\":\"lasting\",\"description\":\"last\"}");
    assert_status(reply, 201);
    assert_string_equal(reply_string(reply, "name"), "lasting");
    assert_string_equal(reply_string(reply, "description"), "last");
}

static void a_body_may_have_a_hundred_kibibytes(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    char *head = text("{\"name\":\"%s\",\"description\":\"", unique("large"));
    char *exact = text("%s%s\"}", head, text_repeat("d", BODY_LIMIT - strlen(head) - 2));
    assert_int_equal(strlen(exact), BODY_LIMIT);
    assert_status(post_as(stack, user.token, JSON, exact), 201);
    char *one_more = text("%s%s\"}", head, text_repeat("d", BODY_LIMIT - strlen(head) - 1));
    struct reply *reply = post_as(stack, user.token, JSON, one_more);
    assert_error_text(reply, 413, "body_too_large", "request entity too large");
    assert_string_equal(object_keys(reply->json), "statusCode,message,code,requestId");
    struct reply *chunked =
        post_body(stack, user.token, "/rooms", JSON, "Transfer-Encoding: chunked", one_more, strlen(one_more));
    assert_error(chunked, 413, "body_too_large");
    char *small = text("{\"name\":\"%s\"}", unique("chunked"));
    assert_status(post_body(stack, user.token, "/rooms", JSON, "Transfer-Encoding: chunked", small, strlen(small)),
                  201);
}

static char *gzip(const char *bytes, size_t len, size_t *packed_len)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&stream, len) + 64;
    char *packed = scratch_alloc(room);
    stream.next_in = (Bytef *)bytes;
    stream.avail_in = (uInt)len;
    stream.next_out = (Bytef *)packed;
    stream.avail_out = (uInt)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    *packed_len = stream.total_out;
    deflateEnd(&stream);
    return packed;
}

static void bodies_may_be_gzipped(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    size_t len;
    char *body = text("{\"name\":\"%s\"}", unique("zipped"));
    char *packed = gzip(body, strlen(body), &len);
    assert_status(post_body(stack, user.token, "/rooms", JSON, "Content-Encoding: gzip", packed, len), 201);
    assert_error(post_body(stack, user.token, "/rooms", JSON, "Content-Encoding: gzip", packed, len - 5), 400,
                 "malformed");
    packed[len / 2] ^= 0x55;
    assert_error(post_body(stack, user.token, "/rooms", JSON, "Content-Encoding: gzip", packed, len), 400, "malformed");
    assert_error(post_body(stack, user.token, "/rooms", JSON, "Content-Encoding: gzip", "plain", 5), 400, "malformed");
    assert_error(post_body(stack, user.token, "/rooms", JSON, "Content-Encoding: compress", "plain", 5), 415,
                 "encoding_unsupported");

    char *bomb = text("{\"name\":\"bomb\",\"description\":\"%s\"}", text_repeat("0", 10 << 20));
    packed = gzip(bomb, strlen(bomb), &len);
    assert_true(len < BODY_LIMIT);
    assert_error(post_body(stack, user.token, "/rooms", JSON, "Content-Encoding: gzip", packed, len), 413,
                 "body_too_large");
}

static void charsets(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct reply *reply =
        post_as(stack, user.token, "Content-Type: application/json; charset=klingon", "{\"name\":\"x\"}");
    assert_error(reply, 415, "charset_unsupported");
    assert_string_equal(object_keys(reply->json), "statusCode,message,code,requestId");
}

/* The body is judged before the route, the route before the token, the token before ownership, that before validation.
 */
static void the_order_of_checks(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack), other = make_user(stack);
    struct room room = make_room(stack, &other, (struct room_options){0});
    assert_error(http_send(stack, &(struct request){.verb = "POST", .path = "/nope", .json = "{"}), 400, "malformed");
    assert_error(http_send(stack, &(struct request){.verb = "POST", .path = "/nope", .token = "garbage"}), 404,
                 "route_not_found");
    assert_error(http_patch(stack, "garbage", "{\"x\":1}", "/rooms/%lld", (long long)room.id), 401, "unauthorized");
    assert_error(http_patch(stack, user.token, "{\"x\":1}", "/rooms/%lld", (long long)room.id), 403, "forbidden");
    assert_error(http_patch(stack, other.token, "{\"x\":1}", "/rooms/%lld", (long long)room.id), 400,
                 "validation_failed");
}

/* ---- replies ---- */

static void errors_come_as_problems_where_asked(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct reply *reply = http_send(stack, &(struct request){.path = "/rooms/999999",
                                                             .token = user.token,
                                                             .headers = {"Accept: application/problem+json"}});
    assert_error(reply, 404, "room_not_found");
    assert_int_equal(strncmp(reply_header(reply, "Content-Type"), "application/problem+json", 24), 0);
    assert_int_equal(reply_integer(reply, "status"), 404);
    assert_string_equal(reply_string(reply, "detail"), "Room with ID 999999 not found");
    assert_true(strlen(reply_string(reply, "title")) > 0);
    assert_true(strlen(reply_string(reply, "type")) > 0);
    assert_true(reply_has(reply, "requestId"));
    struct reply *plain = http_send(
        stack,
        &(struct request){.path = "/rooms/999999", .token = user.token, .headers = {"Accept: application/json"}});
    assert_string_equal(reply_header(plain, "Content-Type"), "application/json; charset=utf-8");
}

static void each_reply_has_a_request_id(void **state)
{
    struct stack *stack = *state;
    struct reply *first = http_get(stack, NULL, "/nope"), *second = http_get(stack, NULL, "/nope");
    char *id = reply_header(first, "X-Request-Id");
    assert_non_null(id);
    assert_string_equal(reply_string(first, "requestId"), id);
    assert_string_not_equal(reply_string(second, "requestId"), id);
    struct reply *own =
        http_send(stack, &(struct request){.path = "/nope", .headers = {"X-Request-Id: of-my-own_1.2"}});
    assert_string_equal(reply_header(own, "X-Request-Id"), "of-my-own_1.2");
    assert_string_equal(reply_string(own, "requestId"), "of-my-own_1.2");
    char *long_id = text("X-Request-Id: %s", text_repeat("x", 2000));
    struct reply *refused = http_send(stack, &(struct request){.path = "/nope", .headers = {long_id}});
    assert_true(strlen(reply_header(refused, "X-Request-Id")) < 200);
}

static void the_server_keeps_its_version_to_itself(void **state)
{
    struct stack *stack = *state;
    char *server = reply_header(http_get(stack, NULL, "/nope"), "Server");
    if (server != NULL)
        assert_null(strpbrk(server, "0123456789/"));
    assert_null(reply_header(http_get(stack, NULL, "/nope"), "X-Powered-By"));
}

/* ---- connections ---- */

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct room rooms[3];
    char *bytes = text("%s", "");
    for (int i = 0; i < 3; i++) {
        rooms[i] = make_room(stack, &user, (struct room_options){0});
        bytes = text("%sGET /rooms/%lld HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", bytes,
                     (long long)rooms[i].id, user.token);
    }
    struct raw_reply reply = raw_text(stack, bytes);
    assert_int_equal(reply.replies, 3);
    const char *at = reply.bytes;
    for (int i = 0; i < 3; i++) {
        at = strstr(at, text("{\"id\":%lld,", (long long)rooms[i].id));
        assert_non_null(at);
    }
}

static void a_client_that_leaves_early_harms_nobody(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack), other = make_user(stack); /* whose logins nothing has throttled */
    char *bytes =
        text("POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(login_json(user.username, user.password)), login_json(user.username, user.password));
    for (int i = 0; i < 50; i++)
        raw_send(stack, bytes, strlen(bytes) - (size_t)(i % 3 == 0 ? 5 : 0), 0);
    stack_assert_alive(stack);
    log_in(stack, &other);
}

SUITE("http", cmocka_unit_test(each_reply_has_cors_headers), cmocka_unit_test(options_is_204_anywhere),
      cmocka_unit_test(what_is_not_there_is_404_with_the_url_as_sent),
      cmocka_unit_test(escaped_slashes_and_nuls_in_a_path_are_no_separators),
      cmocka_unit_test(head_is_get_without_its_body), cmocka_unit_test(a_body_that_is_no_json_object_is_400),
      cmocka_unit_test(types_of_bodies), cmocka_unit_test(forms_are_decoded_into_strings),
      cmocka_unit_test(of_duplicate_keys_the_last_wins), cmocka_unit_test(a_body_may_have_a_hundred_kibibytes),
      cmocka_unit_test(bodies_may_be_gzipped), cmocka_unit_test(charsets), cmocka_unit_test(the_order_of_checks),
      cmocka_unit_test(errors_come_as_problems_where_asked), cmocka_unit_test(each_reply_has_a_request_id),
      cmocka_unit_test(the_server_keeps_its_version_to_itself),
      cmocka_unit_test(pipelined_requests_are_answered_in_order),
      cmocka_unit_test(a_client_that_leaves_early_harms_nobody))
