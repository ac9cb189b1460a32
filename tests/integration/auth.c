/* Accounts and sessions: register, login, profile, refresh; CONTRACT §3 and the shapes of §2. */
#include <crypt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/database.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/jwt.h"
#include "tests/support/scratch.h"

#define FORM "Content-Type: application/x-www-form-urlencoded"

/* ---- register ---- */

static void registers_and_answers_a_session(void **state)
{
    struct stack *stack = *state;
    struct reply *reply =
        http_post(stack, NULL, registration_json("Alice", "alice@example.org", "secret1"), "/auth/register");
    assert_status(reply, 201);
    assert_string_equal(object_keys(reply->json), "access_token,user,refresh_token,expires_in,token_type");
    const json_t *user = json_object_get(reply->json, "user");
    assert_string_equal(object_keys(user), "id,username,email,role,createdAt,rooms,emailVerified");
    assert_string_equal(object_string(user, "username"), "Alice");
    assert_string_equal(object_string(user, "email"), "alice@example.org");
    assert_string_equal(object_string(user, "role"), "user");
    assert_int_equal(json_array_size(json_object_get(user, "rooms")), 0);
    assert_string_equal(reply_header(reply, "Content-Type"), "application/json; charset=utf-8");
    assert_null(strstr(reply->body, "secret1"));
    assert_null(strstr(reply->body, "argon2"));
    assert_status(http_get(stack, reply_string(reply, "access_token"), "/auth/profile"), 200);
}

static void creates_a_user_without_a_session(void **state)
{
    struct stack *stack = *state;
    struct reply *reply = http_post(stack, NULL, registration_json("Bob", "bob@example.org", "secret1"), "/users");
    assert_status(reply, 201);
    assert_string_equal(object_keys(reply->json), "id,username,email,role,createdAt,rooms,emailVerified");
    assert_status(http_post(stack, NULL, login_json("Bob", "secret1"), "/auth/login"), 200);
}

static void names_and_addresses_are_unique_whatever_their_case(void **state)
{
    struct stack *stack = *state;
    static const char *const paths[] = {"/auth/register", "/users"};
    assert_status(http_post(stack, NULL, registration_json("Carol", "carol@example.org", "secret1"), "/users"), 201);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct reply *name =
            http_post(stack, NULL, registration_json("cAROL", "other@example.org", "secret1"), "%s", paths[i]);
        assert_error_text(name, 409, "user_exists", "Username or email already exists");
        assert_string_equal(object_keys(name->json), "statusCode,message,code,requestId");
        struct reply *mail =
            http_post(stack, NULL, registration_json("other", "CAROL@Example.org", "secret1"), "%s", paths[i]);
        assert_error(mail, 409, "user_exists");
    }
    struct user fresh = make_user(stack);
    assert_true(fresh.id > 0);
}

static void times_are_iso_8601_in_milliseconds(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    const char *created = reply_string(http_get(stack, user.token, "/auth/profile"), "createdAt");
    assert_int_equal(strlen(created), strlen("2026-01-31T12:34:56.789Z"));
    struct tm parsed = {0};
    const char *rest = strptime(created, "%Y-%m-%dT%H:%M:%S", &parsed);
    assert_non_null(rest);
    assert_true(rest[0] == '.' && rest[4] == 'Z');
    assert_true(labs(timegm(&parsed) - time(NULL)) < 60);
}

/* ---- tokens ---- */

static void the_token_has_the_payload_that_clients_know(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    json_t *payload = jwt_payload(user.token);
    assert_int_equal(strncmp(object_keys(payload), "username,sub,iat,exp", 20), 0);
    assert_string_equal(object_string(payload, "username"), user.username);
    assert_int_equal(object_integer(payload, "sub"), user.id);
    assert_int_equal(object_integer(payload, "exp") - object_integer(payload, "iat"), 86400);
    json_decref(payload);
}

/* ---- login ---- */

static struct reply *send_login(const struct stack *stack, const char *path, const char *type, const char *body)
{
    return http_send(stack, &(struct request){.verb = "POST",
                                              .path = path,
                                              .headers = {type},
                                              .body = body,
                                              .body_len = body != NULL ? strlen(body) : 0});
}

static void logs_in_by_json_and_by_form(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct reply *json = http_post(stack, NULL, login_json(user.username, user.password), "/auth/login");
    assert_status(json, 200);
    assert_string_equal(object_keys(json->json), "access_token,user,refresh_token,expires_in,token_type");
    assert_string_equal(object_keys(json_object_get(json->json, "user")),
                        "id,username,email,role,createdAt,emailVerified");
    char *form = text("username=%s&password=secret+of%%20%s", user.username, user.username);
    struct reply *by_form = send_login(stack, "/auth/login", FORM, form);
    assert_status(by_form, 200);
    assert_int_equal(object_integer(json_object_get(by_form->json, "user"), "id"), user.id);
}

static void login_ignores_extra_keys(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    char *body =
        text("{\"a\":1,\"username\":\"%s\",\"email\":[],\"password\":\"%s\",\"b\":{}}", user.username, user.password);
    assert_status(http_post(stack, NULL, body, "/auth/login"), 200);
}

static void login_never_reads_the_query(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    char *path = text("/auth/login?username=%s&password=secret%%20of%%20%s", user.username, user.username);
    assert_error_text(send_login(stack, path, NULL, NULL), 401, "unauthorized", "Unauthorized");
    assert_error(http_post(stack, NULL, "{}", "%s", path), 401, "unauthorized");
}

static void a_wrong_login_is_401_whatever_is_wrong(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    char *const bodies[] = {
        login_json(user.username, "wrong password"),
        login_json("nobody", user.password),
        login_json(user.email, user.password),
        login_json("", user.password),
        login_json(user.username, ""),
        login_json(user.username, text("%s ", user.password)),
        login_json(text_repeat("x", 300), user.password),
        login_json(user.username, text_repeat("x", 2000)),
        text("{\"username\":\"%s\"}", user.username),
        text("{\"password\":\"%s\"}", user.password),
        text("{\"username\":5,\"password\":\"%s\"}", user.password),
        text("{\"username\":[\"%s\"],\"password\":\"%s\"}", user.username, user.password),
        text("{\"username\":\"%s\",\"password\":null}", user.username),
        text("{\"username\":\"%s\",\"password\":true}", user.username),
        text("{\"username\":\"%s\\u0000\",\"password\":\"%s\"}", user.username, user.password),
        text("{\"username\":\"%s\",\"password\":\"%s\\u0000\"}", user.username, user.password),
        "{}",
        "[]",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct reply *reply = http_post(stack, NULL, bodies[i], "/auth/login");
        assert_error_text(reply, 401, "unauthorized", "Unauthorized");
        assert_string_equal(object_keys(reply->json), "message,statusCode,code,requestId");
    }
    assert_error(send_login(stack, "/auth/login", NULL, NULL), 401, "unauthorized");
    assert_error(send_login(stack, "/auth/login", "Content-Type: text/plain", bodies[0]), 401, "unauthorized");
}

/* ---- hashes ---- */

static void hashes_are_argon2id(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    assert_int_equal(strncmp(database_hash(stack, user.id), "$argon2id$", 10), 0);
}

static void an_imported_bcrypt_hash_works_and_is_made_anew(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct crypt_data data = {0};
    char *bcrypt = crypt_r("imported password", "$2b$04$abcdefghijklmnopqrstuu", &data);
    assert_int_equal(strncmp(bcrypt, "$2b$", 4), 0);
    database_set_hash(stack, user.id, bcrypt);
    assert_error(http_post(stack, NULL, login_json(user.username, user.password), "/auth/login"), 401, "unauthorized");
    assert_int_equal(strncmp(database_hash(stack, user.id), "$2b$", 4), 0);

    user.password = "imported password";
    log_in(stack, &user);
    assert_int_equal(strncmp(database_hash(stack, user.id), "$argon2id$", 10), 0);
    log_in(stack, &user);
}

static void a_hash_of_another_cost_is_made_anew(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    char *hash = database_hash(stack, user.id);
    struct crypt_data data = {0};
    database_set_hash(stack, user.id, crypt_r(user.password, "$2a$05$abcdefghijklmnopqrstuu", &data));
    log_in(stack, &user);
    char *made_anew = database_hash(stack, user.id);
    assert_string_not_equal(made_anew, hash); /* another salt */
    log_in(stack, &user);
    assert_string_equal(database_hash(stack, user.id), made_anew); /* and once is enough */
}

static void long_passwords_count_to_their_end(void **state)
{
    struct stack *stack = *state;
    char *password = text_repeat("p", 1024);
    assert_status(http_post(stack, NULL, registration_json("Long", "long@example.org", password), "/users"), 201);
    assert_status(http_post(stack, NULL, login_json("Long", password), "/auth/login"), 200);
    password[1023] = 'q';
    assert_error(http_post(stack, NULL, login_json("Long", password), "/auth/login"), 401, "unauthorized");
}

/* ---- profile and refresh ---- */

static void the_profile_is_the_callers(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    make_user(stack);
    struct reply *reply = http_get(stack, user.token, "/auth/profile");
    assert_status(reply, 200);
    assert_string_equal(object_keys(reply->json), "id,username,email,role,createdAt,emailVerified");
    assert_int_equal(reply_integer(reply, "id"), user.id);
    assert_string_equal(reply_string(reply, "email"), user.email);
}

static void refresh_takes_the_old_token_and_no_body(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct reply *reply = send_login(stack, "/auth/refresh", NULL, NULL);
    assert_error(reply, 401, "unauthorized");
    reply = http_post(stack, user.token, NULL, "/auth/refresh");
    assert_status(reply, 200);
    assert_string_equal(object_keys(reply->json), "access_token,user,refresh_token,expires_in,token_type");
    assert_int_equal(object_integer(json_object_get(reply->json, "user"), "id"), user.id);
    const char *renewed = reply_string(reply, "access_token");
    assert_status(http_get(stack, renewed, "/auth/profile"), 200);
    assert_status(http_get(stack, user.token, "/auth/profile"), 200);
    assert_status(http_post(stack, user.token, "{\"old\":\"clients send this or that\"}", "/auth/refresh"), 200);
}

SUITE("auth", cmocka_unit_test(registers_and_answers_a_session), cmocka_unit_test(creates_a_user_without_a_session),
      cmocka_unit_test(names_and_addresses_are_unique_whatever_their_case),
      cmocka_unit_test(times_are_iso_8601_in_milliseconds),
      cmocka_unit_test(the_token_has_the_payload_that_clients_know), cmocka_unit_test(logs_in_by_json_and_by_form),
      cmocka_unit_test(login_ignores_extra_keys), cmocka_unit_test(login_never_reads_the_query),
      cmocka_unit_test(a_wrong_login_is_401_whatever_is_wrong), cmocka_unit_test(hashes_are_argon2id),
      cmocka_unit_test(an_imported_bcrypt_hash_works_and_is_made_anew),
      cmocka_unit_test(a_hash_of_another_cost_is_made_anew), cmocka_unit_test(long_passwords_count_to_their_end),
      cmocka_unit_test(the_profile_is_the_callers), cmocka_unit_test(refresh_takes_the_old_token_and_no_body))
