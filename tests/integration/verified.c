/* A stack where nobody logs in before their email is verified, with an admin by email; and how many mails one may ask
 * for. */
#include <signal.h>
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/mail.h"
#include "tests/support/scratch.h"

#define CONFIRM "Confirm your e-mail address"
#define ADMIN_EMAIL "Boss@Example.org"

enum { FORGOT_LIMIT = 4 };

static struct user register_unverified(const struct stack *stack, const char *email)
{
    struct user user = {.username = unique("fresh"), .password = "secret1"};
    user.email = text("%s", email != NULL ? email : text("%s@example.org", user.username));
    struct reply *reply =
        http_post(stack, NULL, registration_json(user.username, user.email, user.password), "/auth/register");
    assert_status(reply, 201);
    assert_string_equal(object_keys(reply->json), "user");
    user.id = object_integer(json_object_get(reply->json, "user"), "id");
    return user;
}

static void verify(const struct stack *stack, const struct user *user)
{
    char *token = mail_token(mail_await(mail_folder(stack), user->email, CONFIRM, 1));
    assert_status(http_post(stack, NULL, text("{\"token\":\"%s\"}", token), "/auth/verify-email"), 204);
}

static void nobody_logs_in_before_their_email_is_verified(void **state)
{
    struct stack *stack = *state;
    struct user user = register_unverified(stack, NULL);
    assert_error_text(http_post(stack, NULL, login_json(user.username, user.password), "/auth/login"), 403,
                      "email_not_verified", "Email is not verified");
    assert_error(http_post(stack, NULL, login_json(user.username, "wrong"), "/auth/login"), 401, "unauthorized");
    verify(stack, &user);
    user.token = log_in(stack, &user);
    assert_status(http_get(stack, user.token, "/auth/profile"), 200);
}

static void a_reset_verifies_too(void **state)
{
    struct stack *stack = *state;
    struct user user = register_unverified(stack, NULL);
    assert_status(http_post(stack, NULL, text("{\"email\":\"%s\"}", user.email), "/auth/password/forgot"), 202);
    char *token = mail_token(mail_await(mail_folder(stack), user.email, "Choose a new password", 1));
    assert_status(
        http_post(stack, NULL, text("{\"token\":\"%s\",\"password\":\"secret2\"}", token), "/auth/password/reset"),
        204);
    user.password = "secret2";
    log_in(stack, &user);
}

/* Whoever registers the admin's email is nobody until they show that it is theirs. */
static void the_admins_email_makes_an_admin_once_it_is_verified(void **state)
{
    struct stack *stack = *state;
    struct user admin = register_unverified(stack, "boss@example.org");
    char *id = text("%lld", (long long)admin.id);
    assert_string_equal(database_value(stack, "select role from users.person where id = $1", id), "user");
    verify(stack, &admin);
    admin.token = log_in(stack, &admin);
    assert_string_equal(reply_string(http_get(stack, admin.token, "/auth/profile"), "role"), "admin");
    struct reply *trail = http_get(stack, admin.token, "/admin/audit?action=made_admin&userId=%s", id);
    assert_status(trail, 200);
    assert_int_equal(json_array_size(trail->json), 1);

    /* at start too */
    database_value(stack, "update users.person set role = 'user' where id = $1 returning id", id);
    stack_kill(stack, STACK_USER, SIGTERM);
    stack_revive(stack, STACK_USER);
    int64_t deadline = now_ms() + 10000;
    while (strcmp(database_value(stack, "select role from users.person where id = $1", id), "admin") != 0) {
        assert_true(now_ms() < deadline);
        sleep_ms(10);
    }
    stack_await_ready(stack, 10000);
    assert_status(http_get(stack, admin.token, "/admin/audit"), 200);
}

static void mails_asked_for_are_counted_by_address(void **state)
{
    struct stack *stack = *state;
    static const char *const paths[] = {"/auth/password/forgot", "/auth/verify-email/send"};
    for (size_t path = 0; path < 2; path++)
        for (int i = 0; i <= FORGOT_LIMIT; i++) {
            struct reply *reply = http_send(stack, &(struct request){.verb = "POST",
                                                                     .path = paths[path],
                                                                     .json = "{\"email\":\"whoever@example.org\"}",
                                                                     .headers = {"X-Forwarded-For: 203.0.113.9"}});
            if (i < FORGOT_LIMIT)
                assert_status(reply, 202);
            else
                assert_error(reply, 429, "too_many_requests");
            assert_non_null(reply_header(reply, "RateLimit-Limit"));
        }
}

static const struct stack_options options = {.environment = {"REQUIRE_VERIFIED_EMAIL=true", "ADMIN_EMAIL=" ADMIN_EMAIL,
                                                             "FORGOT_LIMIT=4", "TRUSTED_PROXIES=127.0.0.1"}};

SUITE_WITH("verified", &options, cmocka_unit_test(nobody_logs_in_before_their_email_is_verified),
           cmocka_unit_test(a_reset_verifies_too),
           cmocka_unit_test(the_admins_email_makes_an_admin_once_it_is_verified),
           cmocka_unit_test(mails_asked_for_are_counted_by_address))
