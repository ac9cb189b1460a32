/* Emails: showing that one's mailbox is one's own, changing it, and a new password for a forgotten one. Mails are files
 * here; how they go by SMTP is smtp.c's. */
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/database.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/mail.h"
#include "tests/support/scratch.h"

#define CONFIRM "Confirm your e-mail address"
#define RESET "Choose a new password"

static char *await_token(const struct stack *stack, const char *address, const char *subject, size_t n)
{
    return mail_token(mail_await(mail_folder(stack), address, subject, n));
}

static struct reply *confirm(const struct stack *stack, const char *token)
{
    return http_post(stack, NULL, text("{\"token\":\"%s\"}", token), "/auth/verify-email");
}

static struct reply *forgot(const struct stack *stack, const char *email)
{
    return http_post(stack, NULL, text("{\"email\":\"%s\"}", email), "/auth/password/forgot");
}

static struct reply *reset(const struct stack *stack, const char *token, const char *password)
{
    return http_post(stack, NULL, text("{\"token\":\"%s\",\"password\":\"%s\"}", token, password),
                     "/auth/password/reset");
}

static bool is_verified(const struct stack *stack, const struct user *user)
{
    return reply_boolean(http_get(stack, user->token, "/auth/profile"), "emailVerified");
}

/* So that a mail of the same kind may follow at once. */
static void forget_last_token(const struct stack *stack)
{
    database_value(stack, "update auth.mail_token set created_at = created_at - interval '2 minutes' returning 1");
}

/* ---- verification ---- */

static void registration_sends_a_mail_that_confirms(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    char *token = await_token(stack, user.email, CONFIRM, 1);
    assert_int_equal(strlen(token), 43); /* 256 bits */
    assert_false(is_verified(stack, &user));
    assert_int_equal(confirm(stack, token)->body_len, 0);
    assert_true(is_verified(stack, &user));
    assert_error_text(confirm(stack, token), 400, "token_invalid", "Token is invalid or has expired");
    assert_error(confirm(stack, "nonsense"), 400, "token_invalid");
    assert_invalid(confirm(stack, ""), "token should not be empty");
}

static void the_database_keeps_no_token(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    char *token = await_token(stack, user.email, CONFIRM, 1);
    char *rows = database_value(stack, "select string_agg(t::text, ' ') from auth.mail_token t where user_id = $1",
                                text("%lld", (long long)user.id));
    assert_null(strstr(rows, token));
    char *hash =
        database_value(stack, "select 1 from auth.mail_token where hash = sha256(convert_to($1, 'UTF8'))", token);
    assert_string_equal(hash, "1");
}

static void a_mail_is_a_message_that_others_can_read(void **state)
{
    struct stack *stack = *state;
    char *body = "{\"username\":\"<b>\\\"Ünï\\\" & co</b>\",\"email\":\"uni@example.org\",\"password\":\"secret1\"}";
    assert_status(http_post(stack, NULL, body, "/auth/register"), 201);
    char *plain = mail_await(mail_folder(stack), "uni@example.org", CONFIRM, 1);
    assert_non_null(strstr(plain, "Hello <b>\"Ünï\" & co</b>,"));
    assert_non_null(strstr(plain, "http://localhost:8080/verify-email?token="));
    char *seen = shell(
        "cd %s && grep -l 'To: <uni@' *.eml | head -1 | xargs cat | python3 -c '"
        "import email, email.policy, sys\n"
        "m = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)\n"
        "assert not m.defects and all(not p.defects for p in m.walk()), m.defects\n"
        "html = m.get_body((\"html\",)).get_content()\n"
        "print(m[\"to\"], m[\"from\"], m[\"auto-submitted\"], m[\"date\"].datetime.tzinfo, "
        "\"&lt;b&gt;&quot;Ünï&quot; &amp; co&lt;/b&gt;\" in html, \"token=\" in html, m[\"message-id\"] != \"\")'",
        mail_folder(stack));
    assert_string_equal(seen, "uni@example.org backend <noreply@localhost> auto-generated UTC True True True");
    struct stat status;
    assert_int_equal(stat(mail_folder(stack), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
}

static void the_mail_is_sent_again_when_asked_for(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    char *first = await_token(stack, user.email, CONFIRM, 1);
    forget_last_token(stack);
    struct reply *reply = http_post(stack, user.token, NULL, "/auth/verify-email/send");
    assert_status(reply, 202);
    assert_string_equal(object_keys(reply->json), "message");
    char *second = await_token(stack, user.email, CONFIRM, 2);
    assert_string_not_equal(first, second);
    assert_error(confirm(stack, first), 400, "token_invalid");
    /* without a session, by the address */
    forget_last_token(stack);
    char *body = text("{\"email\":\"%s\"}", user.email);
    struct reply *known = http_post(stack, NULL, body, "/auth/verify-email/send");
    struct reply *unknown = http_post(stack, NULL, "{\"email\":\"nobody@example.org\"}", "/auth/verify-email/send");
    assert_status(known, 202);
    assert_status(unknown, 202);
    assert_string_equal(known->body, unknown->body);
    assert_error(http_post(stack, NULL, "{}", "/auth/verify-email/send"), 401, "unauthorized");
    assert_status(confirm(stack, await_token(stack, user.email, CONFIRM, 3)), 204);
    assert_status(http_post(stack, user.token, NULL, "/auth/verify-email/send"), 202);
}

static void a_token_ends_by_its_time(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    char *token = await_token(stack, user.email, CONFIRM, 1);
    char *id = text("%lld", (long long)user.id);
    char *left = database_value(
        stack, "select round(extract(epoch from expires_at - created_at)) from auth.mail_token where user_id = $1", id);
    assert_string_equal(left, "3600");
    database_value(stack, "update auth.mail_token set expires_at = now() where user_id = $1 returning 1", id);
    assert_error(confirm(stack, token), 400, "token_invalid");
}

/* ---- another email ---- */

static struct reply *change_email(const struct stack *stack, const struct user *user, const char *email)
{
    return http_patch(stack, user->token, text("{\"email\":\"%s\"}", email), "/users/%lld", (long long)user->id);
}

static void an_unverified_email_is_changed_at_once(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    char *old = await_token(stack, user.email, CONFIRM, 1);
    char *email = text("%s@example.org", unique("changed"));
    struct reply *reply = change_email(stack, &user, email);
    assert_status(reply, 200);
    assert_string_equal(reply_string(reply, "email"), email);
    char *token = await_token(stack, email, CONFIRM, 1);
    assert_error(confirm(stack, old), 400, "token_invalid");
    assert_status(confirm(stack, token), 204);
    assert_true(is_verified(stack, &user));
}

static void a_verified_email_stays_until_the_new_one_is_confirmed(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack), other = make_user(stack);
    assert_status(confirm(stack, await_token(stack, user.email, CONFIRM, 1)), 204);
    assert_error(change_email(stack, &user, other.email), 409, "user_exists");
    char *email = text("%s@example.org", unique("moved"));
    struct reply *reply = change_email(stack, &user, email);
    assert_status(reply, 200);
    assert_string_equal(reply_string(reply, "email"), user.email);
    assert_string_equal(reply_string(reply, "pendingEmail"), email);
    assert_false(reply_has(http_get(stack, other.token, "/users/%lld", (long long)user.id), "pendingEmail"));
    assert_status(confirm(stack, await_token(stack, email, CONFIRM, 1)), 204);
    reply = http_get(stack, user.token, "/auth/profile");
    assert_string_equal(reply_string(reply, "email"), email);
    assert_true(reply_boolean(reply, "emailVerified"));
    assert_false(reply_has(reply, "pendingEmail"));
    mail_await(mail_folder(stack), user.email, "Your e-mail address was changed", 1);
}

static void of_two_who_want_an_email_the_first_to_confirm_has_it(void **state)
{
    struct stack *stack = *state;
    struct user one = make_user(stack), two = make_user(stack);
    char *email = text("%s@example.org", unique("wanted"));
    assert_status(confirm(stack, await_token(stack, one.email, CONFIRM, 1)), 204);
    assert_status(confirm(stack, await_token(stack, two.email, CONFIRM, 1)), 204);
    assert_status(change_email(stack, &one, email), 200);
    char *first = await_token(stack, email, CONFIRM, 1);
    assert_status(change_email(stack, &two, email), 200);
    char *second = await_token(stack, email, CONFIRM, 2);
    assert_status(confirm(stack, first), 204);
    assert_error(confirm(stack, second), 409, "user_exists");
}

/* ---- a forgotten password ---- */

static void a_forgotten_password_is_replaced_and_ends_all_sessions(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    assert_status(http_get(stack, user.token, "/auth/profile"), 200);
    assert_status(forgot(stack, text("%s", user.email)), 202);
    char *token = await_token(stack, user.email, RESET, 1);
    assert_invalid(reset(stack, token, "short"), "password must be longer than or equal to 6 characters");
    struct reply *reply = reset(stack, token, "a new password");
    assert_status(reply, 204);
    assert_error(http_get(stack, user.token, "/auth/profile"), 401, "unauthorized");
    assert_error(reset(stack, token, "once more, please"), 400, "token_invalid");
    assert_error(http_post(stack, NULL, login_json(user.username, user.password), "/auth/login"), 401, "unauthorized");
    user.password = "a new password";
    user.token = log_in(stack, &user);
    assert_true(is_verified(stack, &user)); /* who has the mail has the mailbox */
    mail_await(mail_folder(stack), user.email, "Your password was changed", 1);
}

static void mails_to_who_is_gone_are_worth_nothing(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    char *confirmation = await_token(stack, user.email, CONFIRM, 1);
    assert_status(forgot(stack, user.email), 202);
    char *token = await_token(stack, user.email, RESET, 1);
    assert_status(http_delete(stack, user.token, "/users/%lld", (long long)user.id), 204);
    assert_error(reset(stack, token, "from the dead"), 400, "token_invalid");
    assert_error(confirm(stack, confirmation), 400, "token_invalid");
    assert_string_equal(database_value(stack, "select count(*) from auth.credential where user_id = $1",
                                       text("%lld", (long long)user.id)),
                        "0");
}

static void forgot_answers_alike_for_all(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct reply *known = forgot(stack, user.email), *unknown = forgot(stack, "nobody-at-all@example.org");
    assert_status(known, 202);
    assert_status(unknown, 202);
    assert_string_equal(known->body, unknown->body);
    mail_await(mail_folder(stack), user.email, RESET, 1);
    assert_int_equal(mail_count(mail_folder(stack), "nobody-at-all@example.org", ""), 0);
    assert_invalid(forgot(stack, "nonsense"), "email must be an email");
}

static void a_mail_a_minute_is_enough(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    for (int i = 0; i < 5; i++)
        assert_status(forgot(stack, user.email), 202);
    while (strcmp(database_value(stack, "select count(*) from auth.mail"), "0") != 0)
        sleep_ms(10);
    assert_int_equal(mail_count(mail_folder(stack), user.email, RESET), 1);
}

/* Many at once with one token: it is good once. */
static void a_reset_token_is_good_once_however_many_use_it(void **state)
{
    enum { CLIENTS = 16 };
    struct stack *stack = *state;
    struct user user = make_user(stack);
    assert_status(forgot(stack, user.email), 202);
    char *token = await_token(stack, user.email, RESET, 1);
    struct request requests[CLIENTS];
    struct reply *replies[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        requests[i] = (struct request){.verb = "POST",
                                       .path = "/auth/password/reset",
                                       .json = text("{\"token\":\"%s\",\"password\":\"password %d\"}", token, i)};
    http_send_many(stack, requests, replies, CLIENTS);
    assert_int_equal(count_status(replies, CLIENTS, 204), 1);
    assert_int_equal(count_status(replies, CLIENTS, 400), CLIENTS - 1);
}

/* ---- the operator's words ---- */

static void restart_auth(struct stack *stack, const char *const *settings)
{
    for (; *settings != NULL; settings++)
        stack_set(stack, *settings);
    stack_kill(stack, STACK_AUTH, SIGTERM);
    stack_revive(stack, STACK_AUTH);
    stack_await_ready(stack, 20000);
}

static void texts_subjects_and_links_are_the_operators(void **state)
{
    struct stack *stack = *state;
    const char *sources = SOURCE_DIR "/services/auth/mail", *folder = text("%s/templates", stack->folder);
    shell("cp -r %s %s && sed -i -e '1s/.*/Subject: Grüße/' -e 's/^please confirm.*/bitte bestätige:/' "
          "%s/verify_email.txt",
          sources, folder, folder);
    restart_auth(stack, (const char *[]){text("MAIL_TEMPLATES=%s", folder), "MAIL_FROM=Die Post <post@example.net>",
                                         "VERIFY_EMAIL_URL=https://example.net/ja/{token}?von=mail", NULL});
    struct user user = make_user(stack);
    char *plain = mail_await(mail_folder(stack), user.email, "", 1);
    assert_non_null(strstr(plain, "bitte bestätige:"));
    assert_non_null(strstr(plain, "https://example.net/ja/"));
    assert_non_null(strstr(plain, "?von=mail"));
    assert_non_null(strstr(mail_message(), "\r\nFrom: Die Post <post@example.net>\r\n"));
    assert_non_null(strstr(mail_message(), "\r\nSubject: =?UTF-8?"));
    shell("grep -q 'mail written file=%s/.*user_id=%lld' %s/auth.log", mail_folder(stack), (long long)user.id,
          stack->folder);
    restart_auth(stack, (const char *[]){text("MAIL_TEMPLATES=%s", sources), "MAIL_FROM=", "VERIFY_EMAIL_URL=", NULL});
}

SUITE("email", cmocka_unit_test(registration_sends_a_mail_that_confirms), cmocka_unit_test(the_database_keeps_no_token),
      cmocka_unit_test(a_mail_is_a_message_that_others_can_read),
      cmocka_unit_test(the_mail_is_sent_again_when_asked_for), cmocka_unit_test(a_token_ends_by_its_time),
      cmocka_unit_test(an_unverified_email_is_changed_at_once),
      cmocka_unit_test(a_verified_email_stays_until_the_new_one_is_confirmed),
      cmocka_unit_test(of_two_who_want_an_email_the_first_to_confirm_has_it),
      cmocka_unit_test(a_forgotten_password_is_replaced_and_ends_all_sessions),
      cmocka_unit_test(texts_subjects_and_links_are_the_operators),
      cmocka_unit_test(mails_to_who_is_gone_are_worth_nothing), cmocka_unit_test(forgot_answers_alike_for_all),
      cmocka_unit_test(a_mail_a_minute_is_enough), cmocka_unit_test(a_reset_token_is_good_once_however_many_use_it))
