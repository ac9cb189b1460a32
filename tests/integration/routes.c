/* Every route of the table, met with what any route answers alike: no token, broken and oversized bodies, ids that are
 * none, unknown keys. The errors of their own are the other suites'. */
#include <string.h>

#include "proto/proto.h"
#include "tests/support/contract.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

enum { TOO_LARGE = 101 * 1024 };

/* The route's path with the value in place of each parameter. */
static char *path_with(const struct route *route, const char *value)
{
    char *path = text("%s", "");
    for (const char *at = route->path; *at != '\0';) {
        size_t len = *at == ':' ? strcspn(at, "/") : 1;
        path = *at == ':' ? text("%s%s", path, value) : text("%s%c", path, *at);
        at += len;
    }
    return path;
}

static bool declares(const struct route *route, enum error error)
{
    return (proto_route_errors(route) >> error & 1) != 0;
}

static struct reply *send_to(const struct stack *stack, const struct route *route, const char *id,
                             struct request request)
{
    request.verb = proto_verb_name(route->verb);
    request.path = path_with(route, id);
    return http_send(stack, &request);
}

/* Runs ask for each route that declares the error. */
#define FOR_EACH_ROUTE(route, error)                                                                                   \
    for (const struct route *route = proto_routes; route < proto_routes + proto_route_count; route++)                  \
        if (declares(route, (error)))

static void without_a_token_is_401(void **state)
{
    struct stack *stack = *state;
    for (const struct route *route = proto_routes; route < proto_routes + proto_route_count; route++) {
        struct reply *reply = send_to(stack, route, "1", (struct request){0});
        if (route->who == WHO_ANYONE || route->who == WHO_MAYBE)
            continue; /* answered by its own rules */
        assert_true(declares(route, ERROR_UNAUTHORIZED));
        assert_error_text(reply, 401, "unauthorized", "Unauthorized");
        assert_error(send_to(stack, route, "abc", (struct request){0}), 401,
                     "unauthorized"); /* before any validation */
    }
}

static void a_broken_body_is_400_before_the_token_is_asked_for(void **state)
{
    struct stack *stack = *state;
    FOR_EACH_ROUTE(route, ERROR_MALFORMED)
    assert_error(send_to(stack, route, "1", (struct request){.json = "{\"name\":"}), 400, "malformed");
}

static void a_large_body_is_413_before_the_token_is_asked_for(void **state)
{
    struct stack *stack = *state;
    char *body = text("{\"name\":\"%s\"}", text_repeat("x", TOO_LARGE));
    FOR_EACH_ROUTE(route, ERROR_BODY_TOO_LARGE)
    {
        struct reply *reply = send_to(stack, route, "1", (struct request){.json = body});
        assert_error_text(reply, 413, "body_too_large", "request entity too large");
    }
}

static void an_unknown_charset_or_encoding_is_415(void **state)
{
    struct stack *stack = *state;
    struct request charset = {
        .headers = {"Content-Type: application/json; charset=x-unknown"}, .body = "{}", .body_len = 2};
    struct request encoding = {
        .headers = {"Content-Type: application/json", "Content-Encoding: br"}, .body = "{}", .body_len = 2};
    FOR_EACH_ROUTE(route, ERROR_CHARSET_UNSUPPORTED)
    assert_error(send_to(stack, route, "1", charset), 415, "charset_unsupported");
    FOR_EACH_ROUTE(route, ERROR_ENCODING_UNSUPPORTED)
    assert_error(send_to(stack, route, "1", encoding), 415, "encoding_unsupported");
}

static void an_id_that_is_none_is_400(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    for (const struct route *route = proto_routes; route < proto_routes + proto_route_count; route++) {
        if (strchr(route->path, ':') == NULL)
            continue;
        assert_true(declares(route, ERROR_ID_NOT_NUMERIC));
        assert_error_text(send_to(stack, route, "one", (struct request){.token = user.token}), 400, "id_not_numeric",
                          "Validation failed (numeric string is expected)");
    }
}

static void an_unknown_key_is_400_where_it_is_refused(void **state)
{
    struct stack *stack = *state;
    struct user user = make_admin(stack);
    json_int_t room = make_room(stack, &user, (struct room_options){0}).id, post = make_post(stack, &user);
    FOR_EACH_ROUTE(route, ERROR_VALIDATION)
    {
        bool of_users = strncmp(route->path, "/users/", 7) == 0, of_posts = strncmp(route->path, "/posts/", 7) == 0;
        char *id = text("%lld", (long long)(of_users ? user.id : of_posts ? post : room));
        if (route->verb == VERB_GET)
            assert_error(http_get(stack, user.token, "%s?limit=0", path_with(route, id)), 400, "validation_failed");
        else if (route->method->in->refuses_unknown)
            assert_error(send_to(stack, route, id, (struct request){.token = user.token, .json = "{\"x\":1}"}), 400,
                         "validation_failed");
    }
}

static void served_with_and_without_the_prefix_in_any_case(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    for (const struct route *route = proto_routes; route < proto_routes + proto_route_count; route++) {
        if (route->verb != VERB_GET)
            continue;
        char *path = path_with(route, text("%lld", (long long)user.id));
        struct reply *plain = http_get(stack, user.token, "%s", path);
        char *loud = text("/API%s/", path);
        for (char *c = loud; *c != '\0'; c++)
            *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
        struct reply *prefixed = http_get(stack, user.token, "%s", loud);
        assert_int_equal(plain->status, prefixed->status);
        if (plain->status == 200)
            assert_string_equal(plain->body, prefixed->body);
        struct reply *head = http_send(stack, &(struct request){.verb = "HEAD", .path = path, .token = user.token});
        assert_int_equal(head->status, plain->status);
        assert_int_equal(head->body_len, 0);
    }
}

SUITE("routes", cmocka_unit_test(without_a_token_is_401),
      cmocka_unit_test(a_broken_body_is_400_before_the_token_is_asked_for),
      cmocka_unit_test(a_large_body_is_413_before_the_token_is_asked_for),
      cmocka_unit_test(an_unknown_charset_or_encoding_is_415), cmocka_unit_test(an_id_that_is_none_is_400),
      cmocka_unit_test(an_unknown_key_is_400_where_it_is_refused),
      cmocka_unit_test(served_with_and_without_the_prefix_in_any_case))
