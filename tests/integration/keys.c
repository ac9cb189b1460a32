/* The keys of access tokens: which algorithm signs, what the key set publishes, and that tokens outlive a change of
 * keys as long as the previous one is kept, and no longer. Other people's tokens: jwt_interop.c. */
#include <signal.h>
#include <string.h>

#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/jwt.h"
#include "tests/support/keys.h"
#include "tests/support/scratch.h"

#define OTHER_SECRET "another secret that signs the tokens of tests"
#define KEY_SET "/.well-known/jwks.json"

static const char *const algorithms[] = {"ES256", "EdDSA"};
enum { ALGORITHMS = sizeof algorithms / sizeof *algorithms };

static void assert_good(const struct stack *stack, const char *token)
{
    assert_status(http_get(stack, token, "/auth/profile"), 200);
}

static void assert_refused(const struct stack *stack, const char *token)
{
    assert_error_text(http_get(stack, token, "/auth/profile"), 401, "unauthorized", "Unauthorized");
}

/* A member of the token's header, in scratch; NULL = it has none. */
static char *header_member(const char *token, const char *name)
{
    json_t *header = jwt_header(token);
    const char *value = json_string_value(json_object_get(header, name));
    char *copy = value != NULL ? text("%s", value) : NULL;
    json_decref(header);
    return copy;
}

/* Of the key set's key at the index. */
static const char *published(const struct stack *stack, size_t index, const char *name)
{
    struct reply *reply = http_get(stack, NULL, KEY_SET);
    assert_status(reply, 200);
    return json_string_value(json_object_get(json_array_get(json_object_get(reply->json, "keys"), index), name));
}

static size_t published_count(const struct stack *stack)
{
    struct reply *reply = http_get(stack, NULL, KEY_SET);
    assert_status(reply, 200);
    return json_array_size(json_object_get(reply->json, "keys"));
}

/* ---- the key set ---- */

static void a_secret_is_never_published(void **state)
{
    struct stack *stack = *state;
    use_secrets(stack, STACK_SECRET, OTHER_SECRET);
    struct reply *reply = http_get(stack, NULL, KEY_SET);
    assert_status(reply, 200);
    assert_string_equal(reply->body, "{\"keys\":[]}");
}

static void the_key_set_may_be_kept_for_five_minutes(void **state)
{
    struct stack *stack = *state;
    static const char *const paths[] = {KEY_SET, "/api" KEY_SET, "/api/.Well-Known/JWKS.json/"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct reply *reply = http_get(stack, NULL, "%s", paths[i]);
        assert_status(reply, 200);
        assert_string_equal(reply_header(reply, "Cache-Control"), "public, max-age=300");
        assert_string_equal(reply_header(reply, "Content-Type"), "application/json; charset=utf-8");
        char *known = text("If-None-Match: %s", reply_header(reply, "ETag"));
        struct reply *again = http_send(stack, &(struct request){.path = paths[i], .headers = {known}});
        assert_int_equal(again->status, 304);
        assert_string_equal(reply_header(again, "Cache-Control"), "public, max-age=300");
    }
    static const char *const other_paths[] = {"/.well-known", "/.well-known/jwks", "/well-known/jwks.json",
                                              "/./.well-known/jwks.json", "/x/../.well-known/jwks.json"};
    for (size_t i = 0; i < sizeof other_paths / sizeof *other_paths; i++) {
        struct reply *reply = http_get(stack, NULL, "%s", other_paths[i]);
        assert_error(reply, 404, "route_not_found");
        assert_null(reply_header(reply, "Cache-Control"));
    }
}

static void a_public_key_is_published_as_its_kind_asks(void **state)
{
    struct stack *stack = *state;
    static const struct {
        const char *algorithm, *keys, *kty, *crv;
    } kinds[] = {
        {"ES256", "kty,crv,x,y,kid,use,alg", "EC", "P-256"},
        {"EdDSA", "kty,crv,x,kid,use,alg", "OKP", "Ed25519"},
    };
    for (size_t i = 0; i < ALGORITHMS; i++) {
        use_keys(stack, kinds[i].algorithm, make_key(stack, kinds[i].algorithm).private_path, "");
        struct reply *reply = http_get(stack, NULL, KEY_SET);
        assert_status(reply, 200);
        const json_t *keys = json_object_get(reply->json, "keys"), *key = json_array_get(keys, 0);
        assert_int_equal(json_array_size(keys), 1);
        assert_string_equal(object_keys(key), kinds[i].keys);
        assert_string_equal(object_string(key, "kty"), kinds[i].kty);
        assert_string_equal(object_string(key, "crv"), kinds[i].crv);
        assert_string_equal(object_string(key, "alg"), kinds[i].algorithm);
        assert_string_equal(object_string(key, "use"), "sig");
    }
}

/* ---- signing ---- */

static void hs256_tokens_look_as_they_always_did(void **state)
{
    struct stack *stack = *state;
    use_secrets(stack, STACK_SECRET, "");
    struct user user = make_user(stack);
    assert_memory_equal(user.token, "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.", 37); /* {"alg":"HS256","typ":"JWT"} */
}

static void tokens_name_the_key_that_signed_them(void **state)
{
    struct stack *stack = *state;
    for (size_t i = 0; i < ALGORITHMS; i++) {
        use_keys(stack, algorithms[i], make_key(stack, algorithms[i]).private_path, "");
        struct user user = make_user(stack);
        assert_string_equal(header_member(user.token, "alg"), algorithms[i]);
        assert_string_equal(header_member(user.token, "typ"), "JWT");
        assert_string_equal(header_member(user.token, "kid"), published(stack, 0, "kid"));
        assert_good(stack, user.token);
        assert_good(stack, log_in(stack, &user));
    }
}

/* The gateway checks and never signs: it can do without the private key. */
static void the_gateway_needs_only_the_public_key(void **state)
{
    struct stack *stack = *state;
    for (size_t i = 0; i < ALGORITHMS; i++) {
        struct key_pair key = make_key(stack, algorithms[i]);
        use_keys(stack, algorithms[i], key.private_path, "");
        struct user user = make_user(stack);
        stack_set(stack, text("JWT_KEY_FILE=%s", key.public_path));
        stack_kill(stack, STACK_GATEWAY, SIGTERM);
        stack_revive(stack, STACK_GATEWAY);
        stack_await_ready(stack, 20000);
        assert_good(stack, user.token);
        assert_good(stack, log_in(stack, &user));
    }
}

/* ---- changing keys ---- */

static void tokens_outlive_a_change_of_keys(void **state)
{
    struct stack *stack = *state;
    for (size_t i = 0; i < ALGORITHMS; i++) {
        struct key_pair first = make_key(stack, algorithms[i]), second = make_key(stack, algorithms[i]);
        use_keys(stack, algorithms[i], first.private_path, "");
        struct user user = make_user(stack);
        const char *first_kid = published(stack, 0, "kid");

        use_keys(stack, algorithms[i], second.private_path, first.private_path);
        char *new_token = log_in(stack, &user);
        assert_good(stack, user.token);
        assert_good(stack, new_token);
        assert_string_equal(header_member(new_token, "kid"), published(stack, 0, "kid"));
        assert_string_equal(first_kid, published(stack, 1, "kid"));
        assert_string_not_equal(first_kid, published(stack, 0, "kid"));
        assert_int_equal(published_count(stack), 2);

        use_keys(stack, algorithms[i], second.private_path, "");
        assert_refused(stack, user.token);
        assert_good(stack, new_token);
        assert_int_equal(published_count(stack), 1);
    }
}

static void several_previous_keys_are_kept_in_one_file(void **state)
{
    struct stack *stack = *state;
    struct user users[3];
    struct key_pair keys[4];
    char *previous = text("%s/previous.pem", stack->folder);
    for (size_t i = 0; i < 4; i++)
        keys[i] = make_key(stack, "ES256");
    for (size_t i = 0; i < 3; i++) {
        use_keys(stack, "ES256", keys[i].private_path, "");
        users[i] = make_user(stack);
    }
    /* private and public in a row, and the current one among them */
    shell("cat %s %s %s %s >%s", keys[0].private_path, keys[1].public_path, keys[2].public_path, keys[3].public_path,
          previous);
    use_keys(stack, "ES256", keys[3].private_path, previous);
    for (size_t i = 0; i < 3; i++)
        assert_good(stack, users[i].token);
    assert_int_equal(published_count(stack), 4);
}

static void tokens_outlive_a_change_of_secrets(void **state)
{
    struct stack *stack = *state;
    use_secrets(stack, STACK_SECRET, "");
    struct user user = make_user(stack);
    use_secrets(stack, OTHER_SECRET, STACK_SECRET);
    char *new_token = log_in(stack, &user);
    assert_good(stack, user.token);
    assert_good(stack, new_token);
    use_secrets(stack, OTHER_SECRET, "");
    assert_refused(stack, user.token);
    assert_good(stack, new_token);
}

static void another_algorithm_ends_all_tokens(void **state)
{
    struct stack *stack = *state;
    struct key_pair ec = make_key(stack, "ES256"), ed = make_key(stack, "EdDSA");
    use_secrets(stack, STACK_SECRET, "");
    struct user user = make_user(stack);
    use_keys(stack, "ES256", ec.private_path, "");
    assert_refused(stack, user.token);
    char *ec_token = log_in(stack, &user);
    use_keys(stack, "EdDSA", ed.private_path, "");
    assert_refused(stack, user.token);
    assert_refused(stack, ec_token);
    char *ed_token = log_in(stack, &user);
    use_secrets(stack, STACK_SECRET, "");
    assert_refused(stack, ec_token);
    assert_refused(stack, ed_token);
    assert_good(stack, user.token);
}

SUITE("keys", cmocka_unit_test(a_secret_is_never_published), cmocka_unit_test(the_key_set_may_be_kept_for_five_minutes),
      cmocka_unit_test(a_public_key_is_published_as_its_kind_asks),
      cmocka_unit_test(hs256_tokens_look_as_they_always_did), cmocka_unit_test(tokens_name_the_key_that_signed_them),
      cmocka_unit_test(the_gateway_needs_only_the_public_key), cmocka_unit_test(tokens_outlive_a_change_of_keys),
      cmocka_unit_test(several_previous_keys_are_kept_in_one_file),
      cmocka_unit_test(tokens_outlive_a_change_of_secrets), cmocka_unit_test(another_algorithm_ends_all_tokens))
