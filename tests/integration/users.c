/* People: list, get, patch, delete; who may see what and touch whom; CONTRACT §2 and §3. */
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

enum { CONNECTIONS = 24 };

/* ---- list and get ---- */

static void lists_by_id_in_pages(void **state)
{
    struct stack *stack = *state;
    struct user users[5];
    make_users(stack, users, 5);
    json_int_t last = 0;
    size_t seen = 0;
    char *path = text("/api/users?limit=2");
    while (path != NULL) {
        struct reply *reply = http_get(stack, users[0].token, "%s", path);
        assert_status(reply, 200);
        assert_true(json_array_size(reply->json) <= 2);
        for (size_t i = 0; i < json_array_size(reply->json); i++) {
            json_int_t id = object_integer(json_array_get(reply->json, i), "id");
            assert_true(id > last);
            last = id;
            seen++;
        }
        char *link = reply_header(reply, "Link");
        path = NULL;
        if (link != NULL) {
            assert_non_null(strstr(link, ">; rel=\"next\""));
            assert_int_equal(link[0], '<');
            path = text("%.*s", (int)strcspn(link + 1, ">"), link + 1);
            assert_int_equal(strncmp(path, "/api/users?", 11), 0);
            assert_non_null(strstr(path, text("after=%lld", (long long)last)));
        }
    }
    assert_int_equal(seen, database_count(stack, database_table(stack, "username", "email")));
}

static void a_full_last_page_has_no_next(void **state)
{
    struct stack *stack = *state;
    struct user users[2];
    make_users(stack, users, 2);
    json_int_t low = users[0].id < users[1].id ? users[0].id : users[1].id;
    struct reply *reply = http_get(stack, users[0].token, "/users?after=%lld&limit=2", (long long)low - 1);
    assert_status(reply, 200);
    assert_int_equal(json_array_size(reply->json), 2);
    assert_null(reply_header(reply, "Link"));
    reply = http_get(stack, users[0].token, "/users?after=%lld", (long long)low + 1000000);
    assert_status(reply, 200);
    assert_string_equal(reply->body, "[]");
}

static void an_address_is_shown_to_its_owner_and_admins(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), other = make_user(stack), admin = make_admin(stack);
    struct reply *own = http_get(stack, owner.token, "/users/%lld", (long long)owner.id);
    assert_string_equal(object_keys(own->json), "id,username,email,role,createdAt,emailVerified");
    struct reply *others = http_get(stack, other.token, "/users/%lld", (long long)owner.id);
    assert_string_equal(object_keys(others->json), "id,username,role,createdAt");
    struct reply *admins = http_get(stack, admin.token, "/users/%lld", (long long)owner.id);
    assert_string_equal(reply_string(admins, "email"), owner.email);

    struct reply *list = http_get(stack, other.token, "/users");
    for (size_t i = 0; i < json_array_size(list->json); i++) {
        const json_t *user = json_array_get(list->json, i);
        bool has_email = json_object_get(user, "email") != NULL;
        assert_int_equal(has_email, object_integer(user, "id") == other.id);
    }
    assert_non_null(strstr(http_get(stack, admin.token, "/users")->body, owner.email));
}

static void an_unknown_user_is_404_with_the_number_as_sent(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack), admin = make_admin(stack);
    static const char *const ids[] = {"999999", "-1", "0", "99999999999999999999", "0000999999"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char *message = text("User with ID %s not found", ids[i]);
        assert_error_text(http_get(stack, user.token, "/users/%s", ids[i]), 404, "user_not_found", message);
        assert_error_text(http_patch(stack, admin.token, "{\"username\":\"nobody\"}", "/users/%s", ids[i]), 404,
                          "user_not_found", message);
        assert_error_text(http_delete(stack, admin.token, "/users/%s", ids[i]), 404, "user_not_found", message);
    }
}

/* ---- patch ---- */

static void a_user_changes_name_and_address(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    char *name = unique("renamed");
    struct reply *reply =
        http_patch(stack, user.token, text("{\"username\":\"%s\"}", name), "/users/%lld", (long long)user.id);
    assert_status(reply, 200);
    assert_string_equal(object_keys(reply->json), "id,username,email,role,createdAt,emailVerified");
    assert_string_equal(reply_string(reply, "username"), name);
    assert_string_equal(reply_string(reply, "email"), user.email);
    reply =
        http_patch(stack, user.token, text("{\"email\":\"%s@example.net\"}", name), "/users/%lld", (long long)user.id);
    assert_string_equal(reply_string(reply, "email"), text("%s@example.net", name));
    assert_string_equal(reply_string(http_get(stack, user.token, "/auth/profile"), "username"), name);
    assert_error(http_post(stack, NULL, login_json(user.username, user.password), "/auth/login"), 401, "unauthorized");
    user.username = name;
    log_in(stack, &user);
}

static void an_empty_patch_changes_nothing(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct reply *before = http_get(stack, user.token, "/users/%lld", (long long)user.id);
    static const char *const bodies[] = {"{}", "{\"username\":null,\"email\":null,\"password\":null}", NULL};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct reply *reply = http_patch(stack, user.token, bodies[i], "/users/%lld", (long long)user.id);
        assert_status(reply, 200);
        assert_string_equal(reply->body, before->body);
    }
    log_in(stack, &user);
}

static void a_changed_password_works_and_the_old_one_does_not(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct reply *reply =
        http_patch(stack, user.token, "{\"password\":\"a new password\"}", "/users/%lld", (long long)user.id);
    assert_status(reply, 200);
    assert_null(strstr(reply->body, "password"));
    assert_int_equal(strncmp(database_hash(stack, user.id), "$argon2id$", 10), 0);
    assert_error(http_post(stack, NULL, login_json(user.username, user.password), "/auth/login"), 401, "unauthorized");
    user.password = "a new password";
    log_in(stack, &user);
}

static void a_name_of_somebody_else_is_refused(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack), other = make_user(stack);
    char *by_name = text("{\"username\":\"%s\"}", other.username), *by_mail = text("{\"email\":\"%s\"}", other.email);
    for (char *c = by_name + 12; *c != '\0'; c++)
        *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
    assert_error_text(http_patch(stack, user.token, by_name, "/users/%lld", (long long)user.id), 409, "user_exists",
                      "Username or email already exists");
    assert_error(http_patch(stack, user.token, by_mail, "/users/%lld", (long long)user.id), 409, "user_exists");
    /* a refused patch changes nothing of what came with it */
    char *with_password = text("{\"username\":\"%s\",\"password\":\"another one\"}", other.username);
    assert_error(http_patch(stack, user.token, with_password, "/users/%lld", (long long)user.id), 409, "user_exists");
    log_in(stack, &user);
    /* one's own name again is no conflict */
    assert_status(
        http_patch(stack, user.token, text("{\"username\":\"%s\"}", user.username), "/users/%lld", (long long)user.id),
        200);
}

static void only_oneself_and_admins_may_change_or_delete(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), other = make_user(stack), admin = make_admin(stack);
    struct reply *reply =
        http_patch(stack, other.token, "{\"username\":\"stolen\"}", "/users/%lld", (long long)owner.id);
    assert_error(reply, 403, "forbidden");
    assert_string_equal(object_keys(reply->json), "message,error,statusCode,code,requestId");
    /* ownership is asked before the body is looked at */
    assert_error(http_patch(stack, other.token, "{\"nonsense\":1}", "/users/%lld", (long long)owner.id), 403,
                 "forbidden");
    assert_error(http_delete(stack, other.token, "/users/%lld", (long long)owner.id), 403, "forbidden");
    assert_status(http_patch(stack, admin.token, "{\"password\":\"set by admin\"}", "/users/%lld", (long long)owner.id),
                  200);
    owner.password = "set by admin";
    log_in(stack, &owner);
    struct reply *gone = http_delete(stack, admin.token, "/users/%lld", (long long)owner.id);
    assert_status(gone, 204);
    assert_int_equal(gone->body_len, 0);
}

static void a_role_is_nothing_one_can_give_oneself(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    assert_error(http_patch(stack, user.token, "{\"role\":\"admin\"}", "/users/%lld", (long long)user.id), 403,
                 "forbidden");
    assert_string_equal(reply_string(http_get(stack, user.token, "/auth/profile"), "role"), "user");
}

/* ---- delete ---- */

static void a_deleted_users_token_is_401_at_once_on_every_connection(void **state)
{
    struct stack *stack = *state;
    for (int round = 0; round < 5; round++) {
        struct user user = make_user(stack);
        struct request requests[CONNECTIONS];
        struct reply *replies[CONNECTIONS];
        for (size_t i = 0; i < CONNECTIONS; i++)
            requests[i] = (struct request){.path = "/auth/profile", .token = user.token};
        http_send_many(stack, requests, replies, CONNECTIONS); /* now every thread knows the user */
        assert_int_equal(count_status(replies, CONNECTIONS, 200), CONNECTIONS);
        assert_status(http_delete(stack, user.token, "/users/%lld", (long long)user.id), 204);
        http_send_many(stack, requests, replies, CONNECTIONS);
        for (size_t i = 0; i < CONNECTIONS; i++)
            assert_error_text(replies[i], 401, "unauthorized", "Unauthorized");
    }
}

static void a_deleted_user_cannot_log_in_and_the_name_is_free(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack), other = make_user(stack);
    assert_status(http_delete(stack, user.token, "/users/%lld", (long long)user.id), 204);
    assert_error(http_post(stack, NULL, login_json(user.username, user.password), "/auth/login"), 401, "unauthorized");
    assert_error(http_get(stack, other.token, "/users/%lld", (long long)user.id), 404, "user_not_found");
    assert_error(http_post(stack, user.token, NULL, "/auth/refresh"), 401, "unauthorized");
    char *again = registration_json(user.username, user.email, "another secret");
    struct reply *reply = http_post(stack, NULL, again, "/auth/register");
    assert_status(reply, 201);
    assert_int_not_equal(object_integer(json_object_get(reply->json, "user"), "id"), user.id);
    /* the token of the one who is gone is not the newcomer's */
    assert_error(http_get(stack, user.token, "/auth/profile"), 401, "unauthorized");
}

static void a_role_counts_at_once(void **state)
{
    struct stack *stack = *state;
    struct user admin = make_admin(stack), victim = make_user(stack);
    assert_status(http_patch(stack, admin.token, "{}", "/users/%lld", (long long)victim.id), 200);
    assert_string_equal(reply_string(http_get(stack, admin.token, "/auth/profile"), "role"), "admin");
}

SUITE("users", cmocka_unit_test(lists_by_id_in_pages), cmocka_unit_test(a_full_last_page_has_no_next),
      cmocka_unit_test(an_address_is_shown_to_its_owner_and_admins),
      cmocka_unit_test(an_unknown_user_is_404_with_the_number_as_sent),
      cmocka_unit_test(a_user_changes_name_and_address), cmocka_unit_test(an_empty_patch_changes_nothing),
      cmocka_unit_test(a_changed_password_works_and_the_old_one_does_not),
      cmocka_unit_test(a_name_of_somebody_else_is_refused),
      cmocka_unit_test(only_oneself_and_admins_may_change_or_delete),
      cmocka_unit_test(a_role_is_nothing_one_can_give_oneself),
      cmocka_unit_test(a_deleted_users_token_is_401_at_once_on_every_connection),
      cmocka_unit_test(a_deleted_user_cannot_log_in_and_the_name_is_free), cmocka_unit_test(a_role_counts_at_once))
