/* Which tokens let in: those any holder of the secret signed, unexpired, of a living user; and no others; CONTRACT §1
 * (Token). */
#include <string.h>
#include <time.h>

#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/jwt.h"
#include "tests/support/scratch.h"

#define HS256 "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

static struct reply *with_header(const struct stack *stack, const char *value)
{
    return http_send(stack, &(struct request){.path = "/auth/profile", .headers = {text("Authorization: %s", value)}});
}

static void assert_refused(const struct reply *reply)
{
    assert_error_text(reply, 401, "unauthorized", "Unauthorized");
    assert_string_equal(object_keys(reply->json), "message,statusCode,code,requestId");
}

/* {"username","sub","iat","exp"} with the values as JSON. */
static char *claims(const char *sub, long long issued, long long expires)
{
    return text("{\"username\":\"x\",\"sub\":%s,\"iat\":%lld,\"exp\":%lld}", sub, issued, expires);
}

static void another_holder_of_the_secret_is_believed(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct reply *reply = http_get(stack, jwt_of(&user, STACK_SECRET, 60), "/auth/profile");
    assert_status(reply, 200);
    assert_int_equal(reply_integer(reply, "id"), user.id);
    assert_status(http_post(stack, jwt_of(&user, STACK_SECRET, 60), "{\"name\":\"by another\"}", "/rooms"), 201);
}

static void what_a_token_says_of_roles_is_not_believed(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack), other = make_user(stack);
    long long now = (long long)time(NULL);
    char *payload = text("{\"username\":\"%s\",\"sub\":%lld,\"iat\":%lld,\"exp\":%lld,\"role\":\"admin\"}",
                         user.username, (long long)user.id, now, now + 60);
    char *token = jwt_sign(HS256, payload, STACK_SECRET, "SHA256");
    assert_error(http_delete(stack, token, "/users/%lld", (long long)other.id), 403, "forbidden");
}

static void the_scheme_is_read_in_any_case(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    static const char *const schemes[] = {"Bearer", "bearer", "BEARER", "bEaReR"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        assert_status(with_header(stack, text("%s %s", schemes[i], user.token)), 200);
}

static void what_is_no_bearer_token_is_refused(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    char *const values[] = {
        "Bearer",
        "Bearer ",
        "Bearer  ",
        user.token,
        text("Basic %s", user.token),
        text("Token %s", user.token),
        text("Bearer%s", user.token),
        text("Bearer %s x", user.token),
        text("Bearer \"%s\"", user.token),
        text("Bearer, %s", user.token),
        "Bearer null",
        "Bearer undefined",
        "Bearer \xff\xfe",
    };
    assert_refused(http_get(stack, NULL, "/auth/profile"));
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        assert_refused(with_header(stack, values[i]));
    assert_refused(http_get(stack, NULL, "/auth/profile?access_token=%s", user.token));
    assert_refused(http_send(
        stack, &(struct request){.path = "/auth/profile", .headers = {text("Cookie: access_token=%s", user.token)}}));
}

static void garbage_is_refused(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    char *first_dot = strchr(user.token, '.'), *last_dot = strrchr(user.token, '.');
    char *const tokens[] = {
        "x",
        ".",
        "..",
        "...",
        "a.b.c",
        "a..c",
        ".b.c",
        "a.b.",
        "%",
        "e30.e30.e30",
        "eyJhbGciOiJIUzI1NiJ9..",
        "=.=.=",
        text(".%s", user.token),
        text("%s.", user.token),
        text("%s.x", user.token),
        text("%s=", user.token),
        text("%.*s", (int)(last_dot - user.token), user.token),
        text("%.*s.", (int)(last_dot - user.token), user.token),
        text("%s", first_dot),
        text("%.*s%s", (int)(first_dot - user.token), user.token, last_dot),
        text("%sA", user.token),
        text_repeat("a", 4000),
        text_repeat(".", 4000),
        text_repeat("a.", 2000),
    };
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
        assert_refused(http_get(stack, tokens[i], "/auth/profile"));
}

static void a_changed_token_is_refused(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack), other = make_user(stack);
    for (size_t i = 0; i < strlen(user.token) - 1; i += 7) {
        char *changed = text("%s", user.token);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_refused(http_get(stack, changed, "/auth/profile"));
    }
    char *payload_of_other = text("%.*s", (int)(strrchr(other.token, '.') - other.token), other.token);
    assert_refused(http_get(stack, text("%s%s", payload_of_other, strrchr(user.token, '.')), "/auth/profile"));
}

static void an_expired_token_is_refused(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    assert_refused(http_get(stack, jwt_of(&user, STACK_SECRET, -1), "/auth/profile"));
    assert_refused(http_get(stack, jwt_of(&user, STACK_SECRET, -86400), "/auth/profile"));
    assert_refused(http_post(stack, jwt_of(&user, STACK_SECRET, -10), NULL, "/auth/refresh"));
    assert_status(http_get(stack, jwt_of(&user, STACK_SECRET, 5), "/auth/profile"), 200);
}

static void a_foreign_key_is_refused(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    static const char *const secrets[] = {"another secret that is long enough for HS256", "", "secret",
                                          STACK_SECRET " ", "the secret"};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        assert_refused(http_get(stack, jwt_of(&user, secrets[i], 60), "/auth/profile"));
}

static void another_algorithm_is_refused(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    long long now = (long long)time(NULL);
    char *payload = claims(text("%lld", (long long)user.id), now, now + 60);
    static const char *const headers[] = {
        "{\"alg\":\"none\",\"typ\":\"JWT\"}",
        "{\"alg\":\"None\"}",
        "{\"alg\":\"NONE\"}",
        "{\"alg\":\"\"}",
        "{\"typ\":\"JWT\"}",
        "{}",
        "{\"alg\":\"HS384\"}",
        "{\"alg\":\"RS256\"}",
        "{\"alg\":\"ES256\"}",
        "{\"alg\":null}",
        "{\"alg\":256}",
        "{\"alg\":[\"HS256\"]}",
        "{\"alg\":\"HS256\",\"alg\":\"none\"}",
        "[]",
        "\"HS256\"",
        "{\"alg\":\"HS256\"",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        char *token = jwt_sign(headers[i], payload, STACK_SECRET, "SHA256");
        char *unsigned_part = text("%.*s", (int)(strrchr(token, '.') - token), token);
        assert_refused(http_get(stack, token, "/auth/profile"));
        assert_refused(http_get(stack, text("%s.", unsigned_part), "/auth/profile"));
        assert_refused(http_get(stack, unsigned_part, "/auth/profile"));
    }
    assert_refused(http_get(stack, jwt_sign("{\"alg\":\"HS512\"}", payload, STACK_SECRET, "SHA512"), "/auth/profile"));
    assert_refused(http_get(stack, jwt_sign(HS256, payload, STACK_SECRET, "SHA512"), "/auth/profile"));
    assert_status(
        http_get(stack, jwt_sign("{\"typ\":\"JWT\",\"kid\":\"1\",\"alg\":\"HS256\"}", payload, STACK_SECRET, "SHA256"),
                 "/auth/profile"),
        200);
}

static void claims_that_name_nobody_are_refused(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    long long now = (long long)time(NULL), id = (long long)user.id;
    char *const payloads[] = {
        claims("999999", now, now + 60),
        claims("0", now, now + 60),
        claims("-1", now, now + 60),
        claims("null", now, now + 60),
        claims("[]", now, now + 60),
        claims("true", now, now + 60),
        claims("1e300", now, now + 60),
        claims("99999999999999999999", now, now + 60),
        claims(text("%lld.5", id), now, now + 60),
        text("{\"username\":\"x\",\"iat\":%lld,\"exp\":%lld}", now, now + 60),
        text("{\"sub\":%lld,\"iat\":%lld,\"exp\":\"%lld\"}", id, now, now + 60),
        text("{\"sub\":%lld,\"iat\":%lld,\"exp\":null}", id, now),
        text("{\"username\":\"x\",\"sub\":%lld,\"nbf\":%lld,\"iat\":%lld,\"exp\":%lld}", id, now + 600, now,
             now + 1200),
        "[]",
        "\"x\"",
        "5",
        "null",
        "{",
        "",
    };
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++)
        assert_refused(http_get(stack, jwt_sign(HS256, payloads[i], STACK_SECRET, "SHA256"), "/auth/profile"));
}

static void a_token_of_a_hundred_kilobytes_is_refused(void **state)
{
    struct stack *stack = *state;
    struct reply *long_one = http_get(stack, text_repeat("a", 5000), "/auth/profile");
    assert_refused(long_one);
    struct reply *huge = http_get(stack, text_repeat("a", 100000), "/auth/profile");
    assert_true(huge->status == 401 || huge->status == 431);
    assert_true(reply_has(huge, "code"));
    stack_assert_alive(stack);
}

static void two_authorization_headers_do_not_confuse(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack), other = make_user(stack);
    struct reply *reply =
        http_send(stack, &(struct request){.path = "/auth/profile",
                                           .token = user.token,
                                           .headers = {text("Authorization: Bearer %s", other.token)}});
    assert_true(reply->status == 200 || reply->status == 401 || reply->status == 400);
    if (reply->status == 200)
        assert_int_equal(reply_integer(reply, "id"), user.id); /* the first, as Node does */
}

/* Each connection may meet another thread of the gateway, and each thread has a memory of its own. */
static void an_id_that_was_nobodys_is_its_users_from_the_first_moment(void **state)
{
    enum { CONNECTIONS = 16 };
    struct stack *stack = *state;
    struct user before = make_user(stack);
    struct user future = {.id = before.id + 1, .username = "future"};
    char *token = jwt_of(&future, STACK_SECRET, 60);
    for (int i = 0; i < CONNECTIONS; i++)
        assert_refused(http_send(
            stack, &(struct request){.path = "/auth/profile", .token = token, .headers = {"Connection: close"}}));
    assert_int_equal(make_user(stack).id, future.id);
    for (int i = 0; i < CONNECTIONS; i++)
        assert_status(
            http_send(stack,
                      &(struct request){.path = "/auth/profile", .token = token, .headers = {"Connection: close"}}),
            200);
}

SUITE("tokens", cmocka_unit_test(another_holder_of_the_secret_is_believed),
      cmocka_unit_test(what_a_token_says_of_roles_is_not_believed), cmocka_unit_test(the_scheme_is_read_in_any_case),
      cmocka_unit_test(what_is_no_bearer_token_is_refused), cmocka_unit_test(garbage_is_refused),
      cmocka_unit_test(a_changed_token_is_refused), cmocka_unit_test(an_expired_token_is_refused),
      cmocka_unit_test(a_foreign_key_is_refused), cmocka_unit_test(another_algorithm_is_refused),
      cmocka_unit_test(claims_that_name_nobody_are_refused),
      cmocka_unit_test(a_token_of_a_hundred_kilobytes_is_refused),
      cmocka_unit_test(two_authorization_headers_do_not_confuse),
      cmocka_unit_test(an_id_that_was_nobodys_is_its_users_from_the_first_moment))
