/* What admins do: roles, shutting accounts, and the audit trail. */
#include <stdlib.h>
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/mail.h"
#include "tests/support/scratch.h"

enum { ADMINS = 16 };

static struct reply *patch(const struct stack *stack, const struct user *by, const struct user *whom, const char *json)
{
    return http_patch(stack, by->token, json, "/users/%lld", (long long)whom->id);
}

/* ---- roles ---- */

static void only_admins_change_roles(void **state)
{
    struct stack *stack = *state;
    struct user admin = make_admin(stack), user = make_user(stack), other = make_user(stack);
    assert_error(patch(stack, &user, &user, "{\"role\":\"admin\"}"), 403, "forbidden");
    assert_error(patch(stack, &user, &other, "{\"role\":\"admin\"}"), 403, "forbidden");
    assert_error(patch(stack, &user, &user, "{\"username\":\"sly\",\"disabled\":false}"), 403, "forbidden");
    assert_invalid(patch(stack, &admin, &user, "{\"role\":\"root\",\"disabled\":1}"),
                   "role must be one of the following values: user, admin|disabled must be a boolean value");
    assert_error(http_get(stack, user.token, "/admin/audit"), 403, "forbidden");
    struct reply *reply = patch(stack, &admin, &user, "{\"role\":\"admin\"}");
    assert_status(reply, 200);
    assert_string_equal(reply_string(reply, "role"), "admin");
    /* with the token of before: what a token says of roles is not believed */
    assert_status(http_get(stack, user.token, "/admin/audit"), 200);
    assert_status(patch(stack, &admin, &user, "{\"role\":\"user\"}"), 200);
    assert_error(http_get(stack, user.token, "/admin/audit"), 403, "forbidden");
}

/* ---- shut accounts ---- */

static void a_disabled_account_is_out_at_once_and_cannot_come_in(void **state)
{
    struct stack *stack = *state;
    struct user admin = make_admin(stack), user = make_user(stack);
    struct reply *session = http_post(stack, NULL, login_json(user.username, user.password), "/auth/login");
    const char *refresh_token = reply_string(session, "refresh_token");
    assert_status(http_get(stack, user.token, "/auth/profile"), 200);
    struct reply *reply = patch(stack, &admin, &user, "{\"disabled\":true}");
    assert_status(reply, 200);
    assert_true(reply_boolean(reply, "disabled"));
    for (int i = 0; i < 8; i++)
        assert_error(http_get(stack, user.token, "/auth/profile"), 401, "unauthorized");
    assert_error(http_post(stack, NULL, text("{\"refresh_token\":\"%s\"}", refresh_token), "/auth/refresh"), 401,
                 "unauthorized");
    assert_error(http_post(stack, user.token, NULL, "/auth/refresh"), 401, "unauthorized");
    assert_error_text(http_post(stack, NULL, login_json(user.username, user.password), "/auth/login"), 403,
                      "account_disabled", "Account is disabled");
    assert_error(http_post(stack, NULL, login_json(user.username, "wrong"), "/auth/login"), 401, "unauthorized");
    /* others see nothing of it */
    struct user other = make_user(stack);
    assert_false(reply_has(http_get(stack, other.token, "/users/%lld", (long long)user.id), "disabled"));
    assert_true(reply_has(http_get(stack, admin.token, "/users/%lld", (long long)user.id), "disabled"));

    reply = patch(stack, &admin, &user, "{\"disabled\":false}");
    assert_status(reply, 200);
    assert_false(reply_has(reply, "disabled"));
    assert_error(http_get(stack, user.token, "/auth/profile"), 401, "unauthorized"); /* its session has ended */
    log_in(stack, &user);
}

/* As a login leaves one that was under way when its account was disabled. */
static void a_session_of_a_disabled_account_does_not_come_back_with_it(void **state)
{
    struct stack *stack = *state;
    struct user admin = make_admin(stack), user = make_user(stack);
    char *id = text("%lld", (long long)user.id);
    assert_status(patch(stack, &admin, &user, "{\"disabled\":true}"), 200);
    database_value(stack,
                   "insert into auth.session (user_id, key_hash, token_hash, expires_at, address, agent) values ($1, "
                   "sha256('k'), sha256('t'), now() + interval '1 hour', '', '') returning id",
                   id);
    assert_status(patch(stack, &admin, &user, "{\"disabled\":false}"), 200);
    assert_string_equal(database_value(stack, "select count(*) from auth.session where user_id = $1", id), "0");
    user.token = log_in(stack, &user);
    assert_status(patch(stack, &admin, &user, "{\"disabled\":false}"), 200); /* no news */
    assert_status(http_get(stack, user.token, "/auth/profile"), 200);
}

/* ---- the last admin ---- */

static json_int_t admins(const struct stack *stack)
{
    return atoi(
        database_value(stack, "select count(*) from users.person where role = 'admin' and disabled_at is null"));
}

/* All leave at once, each in another way. */
static void one_admin_stays_whatever_they_do(void **state)
{
    struct stack *stack = *state;
    database_value(stack, "update users.person set role = 'user' where role = 'admin' returning 1");
    struct user people[ADMINS];
    struct request requests[ADMINS];
    struct reply *replies[ADMINS];
    for (int i = 0; i < ADMINS; i++) {
        people[i] = make_admin(stack);
        assert_status(http_get(stack, people[i].token, "/admin/audit"), 200);
    }
    static const char *const bodies[] = {"{\"role\":\"user\"}", "{\"disabled\":true}", NULL};
    for (int i = 0; i < ADMINS; i++)
        requests[i] = (struct request){.verb = bodies[i % 3] != NULL ? "PATCH" : "DELETE",
                                       .path = text("/users/%lld", (long long)people[i].id),
                                       .json = bodies[i % 3],
                                       .token = people[i].token};
    http_send_many(stack, requests, replies, ADMINS);
    assert_int_equal(admins(stack), 1);
    assert_int_equal(count_status(replies, ADMINS, 409), 1);
    for (int i = 0; i < ADMINS; i++)
        if (replies[i]->status == 409) {
            assert_error_text(replies[i], 409, "last_admin", "The last admin must stay one");
            for (int way = 0; way < 3; way++) {
                requests[i].verb = bodies[way] != NULL ? "PATCH" : "DELETE";
                requests[i].json = bodies[way];
                assert_error(http_send(stack, &requests[i]), 409, "last_admin");
            }
            assert_status(patch(stack, &people[i], &people[i], "{\"role\":\"admin\"}"), 200);
        }
}

/* ---- the audit trail ---- */

static void what_is_done_to_accounts_is_kept(void **state)
{
    struct stack *stack = *state;
    struct user admin = make_admin(stack), user = make_user(stack);
    http_post(stack, NULL, login_json(user.username, "wrong"), "/auth/login");
    struct reply *login = http_send(stack, &(struct request){.verb = "POST",
                                                             .path = "/auth/login",
                                                             .json = login_json(user.username, user.password),
                                                             .headers = {"X-Request-Id: audited-login"}});
    assert_status(login, 200);
    patch(stack, &admin, &user, "{\"password\":\"another\"}");
    patch(stack, &admin, &user, "{\"disabled\":true}");
    struct reply *list = http_get(stack, admin.token, "/admin/audit?userId=%lld", (long long)user.id);
    assert_status(list, 200);
    static const char *const actions[] = {"disabled", "password_changed", "login", "login_failed", "registered"};
    assert_int_equal(json_array_size(list->json), 5);
    for (size_t i = 0; i < 5; i++) {
        const json_t *entry = json_array_get(list->json, i);
        assert_string_equal(object_string(entry, "action"), actions[i]);
        assert_string_equal(object_string(entry, "address"), "127.0.0.1");
        assert_int_equal(object_integer(entry, "userId"), user.id);
    }
    assert_int_equal(object_integer(json_array_get(list->json, 0), "actorId"), admin.id);
    assert_int_equal(object_integer(json_array_get(list->json, 2), "actorId"), user.id);
    assert_string_equal(object_string(json_array_get(list->json, 2), "requestId"), "audited-login");
    assert_null(json_object_get(json_array_get(list->json, 3), "actorId"));
    assert_null(strstr(list->body, user.password));
}

/* What the trail has of the user, the oldest first: "registered login …". */
static char *trail_of(const struct stack *stack, const struct user *admin, const struct user *user)
{
    struct reply *list = http_get(stack, admin->token, "/admin/audit?userId=%lld", (long long)user->id);
    assert_status(list, 200);
    char *trail = "";
    for (size_t i = json_array_size(list->json); i-- > 0;)
        trail = text("%s%s%s", trail, *trail ? " " : "", object_string(json_array_get(list->json, i), "action"));
    return trail;
}

static const char *begin(const struct stack *stack, const struct user *user, const char *member)
{
    struct reply *reply = http_post(stack, NULL, login_json(user->username, user->password), "/auth/login");
    assert_status(reply, 200);
    return reply_string(reply, member);
}

static struct reply *use_mail(const struct stack *stack, const struct user *user, const char *subject, const char *path,
                              const char *more)
{
    char *token = mail_token(mail_await(mail_folder(stack), user->email, subject, 1));
    return http_post(stack, NULL, text("{\"token\":\"%s\"%s}", token, more), "%s", path);
}

static struct reply *refresh(const struct stack *stack, const char *token)
{
    return http_post(stack, NULL, text("{\"refresh_token\":\"%s\"}", token), "/auth/refresh");
}

static void replay_a_refresh_token(const struct stack *stack, const char *first)
{
    const char *second = reply_string(refresh(stack, first), "refresh_token");
    assert_status(refresh(stack, second), 200);
    assert_status(refresh(stack, first), 401);
}

static void each_step_of_an_accounts_life_is_kept(void **state)
{
    struct stack *stack = *state;
    struct user admin = make_admin(stack), user = make_user(stack);
    assert_status(use_mail(stack, &user, "Confirm your e-mail", "/auth/verify-email", ""), 204);
    assert_status(http_post(stack, NULL, text("{\"email\":\"%s\"}", user.email), "/auth/password/forgot"), 202);
    user.password = "a new secret";
    assert_status(
        use_mail(stack, &user, "Choose a new password", "/auth/password/reset", ",\"password\":\"a new secret\""), 204);
    const char *token = begin(stack, &user, "access_token");
    http_post(stack, token, "{\"currentPassword\":\"wrong\",\"password\":\"whatever\"}", "/auth/password");
    assert_status(http_post(stack, token, NULL, "/auth/logout"), 204);
    replay_a_refresh_token(stack, begin(stack, &user, "refresh_token"));
    user.token = log_in(stack, &user);
    struct reply *sessions = http_get(stack, user.token, "/auth/sessions");
    long long session_id = (long long)object_integer(json_array_get(sessions->json, 0), "id");
    assert_status(http_delete(stack, user.token, "/auth/sessions/%lld", session_id), 204);
    static const char *const changes[] = {"{\"username\":\"renamed by an admin\"}", "{\"role\":\"admin\"}",
                                          "{\"role\":\"user\"}", "{\"disabled\":true}"};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        assert_status(patch(stack, &admin, &user, changes[i]), 200);
    assert_status(http_post(stack, NULL, login_json("renamed by an admin", user.password), "/auth/login"), 403);
    assert_status(patch(stack, &admin, &user, "{\"disabled\":false}"), 200);
    assert_status(http_delete(stack, admin.token, "/users/%lld", (long long)user.id), 204);
    assert_string_equal(trail_of(stack, &admin, &user),
                        "registered email_verified password_reset email_verified login password_wrong logout login "
                        "refresh_replayed login session_ended account_changed made_admin made_user disabled "
                        "login_refused enabled deleted");
}

static void the_trail_is_paged_and_filtered(void **state)
{
    struct stack *stack = *state;
    struct user admin = make_admin(stack);
    for (int i = 0; i < 5; i++)
        http_post(stack, NULL, login_json(admin.username, "wrong"), "/auth/login");
    struct reply *page = http_get(stack, admin.token, "/admin/audit?limit=2&action=login_failed");
    json_int_t last = INT64_MAX;
    int seen = 0;
    for (; seen < 4; seen += 2) {
        assert_int_equal(json_array_size(page->json), 2);
        for (size_t i = 0; i < 2; i++) {
            const json_t *entry = json_array_get(page->json, i);
            assert_string_equal(object_string(entry, "action"), "login_failed");
            assert_true(object_integer(entry, "id") < last);
            last = object_integer(entry, "id");
        }
        assert_non_null(strstr(reply_header(page, "Link"), "action=login_failed"));
        page = http_get(stack, admin.token, "/admin/audit?limit=2&action=login_failed&after=%lld", (long long)last);
    }
    struct reply *both =
        http_get(stack, admin.token, "/admin/audit?userId=%lld&action=login_failed", (long long)admin.id);
    assert_int_equal(json_array_size(both->json), 5);
    assert_status(http_get(stack, admin.token, "/admin/audit"), 200);
    assert_error(http_get(stack, admin.token, "/admin/audit?userId=x"), 400, "validation_failed");
}

SUITE("admin", cmocka_unit_test(only_admins_change_roles),
      cmocka_unit_test(a_disabled_account_is_out_at_once_and_cannot_come_in),
      cmocka_unit_test(a_session_of_a_disabled_account_does_not_come_back_with_it),
      cmocka_unit_test(each_step_of_an_accounts_life_is_kept), cmocka_unit_test(one_admin_stays_whatever_they_do),
      cmocka_unit_test(what_is_done_to_accounts_is_kept), cmocka_unit_test(the_trail_is_paged_and_filtered))
