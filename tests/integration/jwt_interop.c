/* Our tokens and other people's code (npm's jose and jsonwebtoken), in both directions and with each algorithm: they
 * believe what we sign; we believe what they sign with our keys, and nothing else that they can be made to sign.
 * jsonwebtoken knows no EdDSA. */
#include <string.h>
#include <time.h>

#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/jwt.h"
#include "tests/support/keys.h"
#include "tests/support/node.h"
#include "tests/support/scratch.h"

#define PREVIOUS_SECRET "the secret before the secret of these tests"

/* What the stack runs with: one algorithm's keys. */
static struct ring {
    const char *algorithm;
    const char *current, *previous; /* as who signs has them: PEM, or the secret */
    const char *public;             /* as who verifies has the current one */
    const char *kid, *previous_kid; /* "" of a secret */
    const char *libraries[3];       /* that know the algorithm */
} ring = {.algorithm = ""};

static int use_hs256(void **state)
{
    if (strcmp(ring.algorithm, "HS256") != 0)
        use_secrets(*state, STACK_SECRET, PREVIOUS_SECRET);
    ring = (struct ring){"HS256", STACK_SECRET, PREVIOUS_SECRET, STACK_SECRET, "", "", {"jose", "jsonwebtoken"}};
    return 0;
}

static void use_pairs(struct stack *stack, const char *algorithm)
{
    if (strcmp(ring.algorithm, algorithm) == 0)
        return;
    struct key_pair current = make_key(stack, algorithm), previous = make_key(stack, algorithm);
    use_keys(stack, algorithm, current.private_path, previous.public_path);
    const json_t *keys = json_object_get(http_get(stack, NULL, "/.well-known/jwks.json")->json, "keys");
    ring = (struct ring){.algorithm = algorithm,
                         .current = current.private_pem,
                         .previous = previous.private_pem,
                         .public = current.public_pem,
                         .kid = object_string(json_array_get(keys, 0), "kid"),
                         .previous_kid = object_string(json_array_get(keys, 1), "kid"),
                         .libraries = {"jose", strcmp(algorithm, "ES256") == 0 ? "jsonwebtoken" : NULL}};
}

static int use_es256(void **state)
{
    use_pairs(*state, "ES256");
    return 0;
}

static int use_eddsa(void **state)
{
    use_pairs(*state, "EdDSA");
    return 0;
}

#define FOR_EACH_LIBRARY(library) for (const char **library = ring.libraries; *library != NULL; library++)

/* ---- ours, to them ---- */

static void assert_claims_are_ours(const json_t *result, const struct user *user)
{
    const char *refused = json_string_value(json_object_get(result, "refused"));
    if (refused != NULL)
        fail_msg("%s: %s", ring.algorithm, refused);
    const json_t *payload = json_object_get(result, "payload"), *header = json_object_get(result, "header");
    assert_string_equal(object_string(header, "alg"), ring.algorithm);
    assert_int_equal(object_integer(payload, "sub"), user->id);
    assert_string_equal(object_string(payload, "username"), user->username);
    assert_int_equal(object_integer(payload, "exp") - object_integer(payload, "iat"), 86400);
}

static void they_believe_our_tokens(void **state)
{
    struct stack *stack = *state;
    FOR_EACH_LIBRARY(library)
    {
        struct user user = make_user(stack);
        json_t *job = json_pack("[{ss, ss, ss, ss, ss}]", "do", "verify", "with", *library, "alg", ring.algorithm,
                                "key", ring.public, "token", user.token);
        assert_claims_are_ours(json_array_get(node_run(stack, "jwt", job), 0), &user);
    }
}

static void they_find_our_keys_by_the_key_set(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    char *url = text("%s/api/.well-known/jwks.json", stack->url);
    char *other = text("%s", user.token); /* signed by nobody */
    other[strlen(other) - 10] = other[strlen(other) - 10] == 'A' ? 'B' : 'A';
    json_t *jobs = json_pack("[{ss, ss, ss, ss, ss}, {ss, ss, ss, ss, ss}]", "do", "verify", "with", "jose", "alg",
                             ring.algorithm, "jwks", url, "token", user.token, "do", "verify", "with", "jose", "alg",
                             ring.algorithm, "jwks", url, "token", other);
    json_t *results = node_run(stack, "jwt", jobs);
    assert_claims_are_ours(json_array_get(results, 0), &user);
    assert_non_null(json_object_get(json_array_get(results, 1), "refused"));
}

/* ---- theirs, to us ---- */

/* A token that they are to sign: members of the header and of the payload, as JSON, over good ones. */
struct theirs {
    const char *what, *algorithm, *key, *header, *payload;
};

/* What good tokens say, with the changes over it. */
static json_t *payload_of(const struct user *user, const char *changes)
{
    json_int_t now = (json_int_t)time(NULL);
    json_t *payload =
        json_pack("{ss, sI, sI, sI}", "username", user->username, "sub", user->id, "iat", now - 100, "exp", now + 100);
    json_t *over = json_loads(changes, 0, NULL);
    assert_non_null(over);
    json_object_update(payload, over);
    json_decref(over);
    return payload;
}

static void sign_all(const struct stack *stack, const char *library, const struct user *user,
                     const struct theirs *theirs, size_t count, const char **tokens)
{
    json_t *jobs = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *job = json_pack("{ss, ss, ss, ss, so, so}", "do", "sign", "with", library, "alg", theirs[i].algorithm,
                                "key", theirs[i].key, "header", json_loads(theirs[i].header, 0, NULL), "payload",
                                payload_of(user, theirs[i].payload));
        assert_non_null(job);
        json_array_append_new(jobs, job);
    }
    json_t *results = node_run(stack, "jwt", jobs);
    for (size_t i = 0; i < count; i++) {
        const json_t *result = json_array_get(results, i);
        tokens[i] = json_string_value(json_object_get(result, "token"));
        if (tokens[i] == NULL)
            fail_msg("%s does not sign %s: %s", library, theirs[i].what,
                     json_string_value(json_object_get(result, "refused")));
    }
}

static void assert_all(const struct stack *stack, const char *library, const struct theirs *theirs, size_t count,
                       long status)
{
    const char *tokens[32];
    struct user user = make_user(stack);
    assert_true(count <= sizeof tokens / sizeof *tokens);
    sign_all(stack, library, &user, theirs, count, tokens);
    for (size_t i = 0; i < count; i++) {
        struct reply *reply = http_get(stack, tokens[i], "/auth/profile");
        if (reply->status != status)
            fail_msg("%s of %s: %ld, not %ld: %s", theirs[i].what, library, reply->status, status, tokens[i]);
        if (status == 200)
            assert_int_equal(reply_integer(reply, "id"), user.id);
    }
}
#define ASSERT_ALL(stack, library, theirs, status)                                                                     \
    assert_all((stack), (library), (theirs), sizeof(theirs) / sizeof *(theirs), (status))

static char *kid_json(const char *kid)
{
    return *kid != '\0' ? text("{\"kid\":\"%s\"}", kid) : text("{}");
}

static void we_believe_their_tokens(void **state)
{
    struct stack *stack = *state;
    FOR_EACH_LIBRARY(library)
    {
        const char *kid = kid_json(ring.kid), *previous_kid = kid_json(ring.previous_kid);
        long long now = (long long)time(NULL);
        const struct theirs theirs[] = {
            {"a good one", ring.algorithm, ring.current, kid, "{}"},
            {"one without kid", ring.algorithm, ring.current, "{}", "{}"},
            {"one with more to say", ring.algorithm, ring.current, kid, "{\"aud\":[\"a\"],\"jti\":\"x\",\"z\":{}}"},
            {"one whose time has come", ring.algorithm, ring.current, kid, text("{\"nbf\":%lld}", now - 5)},
            {"one of the previous key", ring.algorithm, ring.previous, previous_kid, "{}"},
        };
        ASSERT_ALL(stack, *library, theirs, 200);
    }
}

/* What is wrong with the token, whatever the algorithm is. */
static void assert_wrong_ones_are_refused(const struct stack *stack, const char *library)
{
    long long now = (long long)time(NULL);
    const char *kid = kid_json(ring.kid);
    const struct theirs theirs[] = {
        {"an expired one", ring.algorithm, ring.current, kid, text("{\"exp\":%lld}", now - 1)},
        {"one whose time has not come", ring.algorithm, ring.current, kid, text("{\"nbf\":%lld}", now + 50)},
        {"one of nobody", ring.algorithm, ring.current, kid, "{\"sub\":999999}"},
        {"a name in place of an id", ring.algorithm, ring.current, kid, "{\"sub\":\"1\"}"},
        {"a session that is none", ring.algorithm, ring.current, kid, "{\"sid\":\"1\"}"},
        {"none", "none", "", kid, "{}"},
        {"the public key as a secret", "HS256", ring.kid[0] != '\0' ? ring.public : "not the secret of this stack", kid,
         "{}"},
        {"HS512", "HS512", STACK_SECRET, kid, "{}"},
    };
    ASSERT_ALL(stack, library, theirs, 401);
}

static void assert_other_keys_are_refused(const struct stack *stack, const char *library)
{
    static const char *const algorithms[] = {"RS256", "ES384", "ES256", "EdDSA"};
    struct theirs theirs[4];
    size_t count = 0;
    for (size_t i = 0; i < 4; i++)
        if (strcmp(library, "jose") == 0 || strcmp(algorithms[i], "EdDSA") != 0)
            theirs[count++] = (struct theirs){text("another %s key", algorithms[i]), algorithms[i],
                                              make_key(stack, algorithms[i]).private_pem, kid_json(ring.kid), "{}"};
    assert_all(stack, library, theirs, count, 401);
}

/* Of keys that have names. */
static void assert_other_names_are_refused(const struct stack *stack, const char *library)
{
    struct key_pair mallory = make_key(stack, ring.algorithm);
    const struct theirs theirs[] = {
        {"an unknown kid", ring.algorithm, ring.current, "{\"kid\":\"x\"}", "{}"},
        {"an empty kid", ring.algorithm, ring.current, "{\"kid\":\"\"}", "{}"},
        {"the previous key's name", ring.algorithm, ring.current, kid_json(ring.previous_kid), "{}"},
        {"the previous key under the current one's name", ring.algorithm, ring.previous, kid_json(ring.kid), "{}"},
        {"the previous key without a name", ring.algorithm, ring.previous, "{}", "{}"},
        {"another key under the previous one's name", ring.algorithm, mallory.private_pem, kid_json(ring.previous_kid),
         "{}"},
        {"another key, brought along", ring.algorithm, mallory.private_pem,
         text("{\"kid\":\"m\",\"jku\":\"%s/api/.well-known/jwks.json\",\"jwk\":{\"kty\":\"EC\"}}", stack->url), "{}"},
    };
    ASSERT_ALL(stack, library, theirs, 401);
}

static void we_refuse_their_wrong_tokens(void **state)
{
    struct stack *stack = *state;
    FOR_EACH_LIBRARY(library)
    {
        assert_wrong_ones_are_refused(stack, *library);
        assert_other_keys_are_refused(stack, *library);
        if (*ring.kid != '\0')
            assert_other_names_are_refused(stack, *library);
    }
}

static void we_refuse_extensions_that_we_do_not_know(void **state)
{
    struct stack *stack = *state;
    const struct theirs theirs[] = {
        {"an extension", ring.algorithm, ring.current, "{\"crit\":[\"x\"],\"x\":1}", "{}"},
        {"b64", ring.algorithm, ring.current, "{\"crit\":[\"b64\"],\"b64\":true}", "{}"},
    };
    ASSERT_ALL(stack, "jose", theirs, 401); /* jsonwebtoken signs none */
}

/* A character here and there in every part, and the end cut off. */
static void we_refuse_their_tokens_when_they_were_changed(void **state)
{
    struct stack *stack = *state;
    FOR_EACH_LIBRARY(library)
    {
        struct user user = make_user(stack);
        const struct theirs good = {"a good one", ring.algorithm, ring.current, kid_json(ring.kid), "{}"};
        const char *token;
        sign_all(stack, *library, &user, &good, 1, &token);
        assert_status(http_get(stack, token, "/auth/profile"), 200);
        for (size_t at = 0; at < strlen(token); at += 5) {
            char *changed = text("%s", token);
            changed[at] = changed[at] == 'A' ? 'B' : 'A';
            assert_error(http_get(stack, changed, "/auth/profile"), 401, "unauthorized");
        }
        for (size_t len = strlen(token) - 3; len < strlen(token); len++)
            assert_error(http_get(stack, text("%.*s", (int)len, token), "/auth/profile"), 401, "unauthorized");
    }
}

#define WITH(use)                                                                                                      \
    cmocka_unit_test_setup(they_believe_our_tokens, use), cmocka_unit_test_setup(we_believe_their_tokens, use),        \
        cmocka_unit_test_setup(we_refuse_their_wrong_tokens, use),                                                     \
        cmocka_unit_test_setup(we_refuse_extensions_that_we_do_not_know, use),                                         \
        cmocka_unit_test_setup(we_refuse_their_tokens_when_they_were_changed, use)

SUITE("jwt_interop", WITH(use_hs256), WITH(use_es256),
      cmocka_unit_test_setup(they_find_our_keys_by_the_key_set, use_es256), WITH(use_eddsa),
      cmocka_unit_test_setup(they_find_our_keys_by_the_key_set, use_eddsa))
