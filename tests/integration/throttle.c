/* Throttling: exact under load and over two gateways with an auth service each; alike for known and unknown names; by
 * account, and by address as a trusted proxy names it. */
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"
#include "tests/support/second.h"

enum {
    CROWD = 64,
    ACCOUNT_LIMIT = 10,
    ADDRESS_LIMIT = 20,
    REGISTER_LIMIT = 6,
    REFRESH_LIMIT = 5,
    FORGOT_LIMIT = 4,
    WINDOW_S = 900
};

/* ---- asking ---- */

/* An address that no other test has. */
static char *new_address(void)
{
    static int last;
    return text("203.0.113.%d", ++last);
}

static struct request request_from(const char *address, const char *path, const char *json)
{
    return (struct request){
        .verb = "POST", .path = path, .json = json, .headers = {text("X-Forwarded-For: %s", address)}};
}

static struct reply *post_from(const struct stack *stack, const char *address, const char *path, const char *json)
{
    struct request request = request_from(address, path, json);
    return http_send(stack, &request);
}

static struct reply *log_in_from(const struct stack *stack, const char *address, const char *username,
                                 const char *password)
{
    return post_from(stack, address, "/auth/login", login_json(username, password));
}

static struct reply *register_from(const struct stack *stack, const char *address, const char *path)
{
    char *name = unique("newcomer");
    return post_from(stack, address, path, registration_json(name, text("%s@example.org", name), "secret1"));
}

/* A user, with the token of a session. */
static struct user new_user(const struct stack *stack)
{
    struct user user = {.username = unique("Person"), .password = "the right one"};
    user.email = text("%s@example.org", user.username);
    struct reply *reply =
        post_from(stack, new_address(), "/auth/register", registration_json(user.username, user.email, user.password));
    assert_status(reply, 201);
    user.token = text("%s", reply_string(reply, "access_token"));
    user.id = object_integer(json_object_get(reply->json, "user"), "id");
    return user;
}

/* Wrong passwords for a name, all at once, each from an address of its own. */
static void fail_at_once(const struct stack *stack, const char *username, struct reply **replies, size_t count)
{
    struct request requests[CROWD];
    for (size_t i = 0; i < count; i++)
        requests[i] = request_from(text("198.51.100.%zu", i), "/auth/login", login_json(username, "wrong"));
    http_send_many(stack, requests, replies, count);
}

/* ---- by account ---- */

static void exactly_ten_of_64_wrong_logins_are_tried_over_two_gateways(void **state)
{
    struct stack *stack = *state;
    struct second *second = second_start(stack, STACK_AUTH);
    struct user user = new_user(stack);
    struct request requests[CROWD];
    struct reply *replies[CROWD];
    for (size_t i = 0; i < CROWD; i++) {
        requests[i] = request_from(text("198.51.100.%zu", i), "/auth/login", login_json(user.username, "wrong"));
        requests[i].base = i % 2 == 0 ? stack->url : second->stack.url;
    }
    http_send_many(stack, requests, replies, CROWD);
    assert_int_equal(count_status(replies, CROWD, 401), ACCOUNT_LIMIT);
    assert_int_equal(count_status(replies, CROWD, 429), CROWD - ACCOUNT_LIMIT);
    for (size_t i = 0; i < CROWD; i++)
        if (replies[i]->status == 429)
            assert_throttled(replies[i], ACCOUNT_LIMIT, WINDOW_S);
    assert_throttled(log_in_from(&second->stack, new_address(), user.username, user.password), ACCOUNT_LIMIT, WINDOW_S);
    second_stop(second);
}

static void who_has_a_session_stays_while_logins_are_refused(void **state)
{
    struct stack *stack = *state;
    struct user user = new_user(stack);
    struct reply *replies[CROWD];
    fail_at_once(stack, user.username, replies, ACCOUNT_LIMIT);
    assert_throttled(log_in_from(stack, new_address(), user.username, user.password), ACCOUNT_LIMIT, WINDOW_S);
    assert_status(http_get(stack, user.token, "/auth/profile"), 200);
    assert_status(http_get(stack, user.token, "/rooms"), 200);
    struct reply *refreshed = http_post(stack, user.token, NULL, "/auth/refresh");
    assert_status(refreshed, 200);
    assert_status(http_post(stack, NULL, text("{\"refresh_token\":\"%s\"}", reply_string(refreshed, "refresh_token")),
                            "/auth/refresh"),
                  200);
}

static void a_window_that_is_over_begins_anew(void **state)
{
    struct stack *stack = *state;
    struct user user = new_user(stack);
    struct reply *replies[CROWD];
    fail_at_once(stack, user.username, replies, ACCOUNT_LIMIT + 1);
    assert_int_equal(count_status(replies, ACCOUNT_LIMIT + 1, 429), 1);
    database_value(stack,
                   "update auth.throttle set ends_at = now() where key = auth.throttle_key('login_account', $1) "
                   "returning used",
                   user.username);
    struct reply *first = log_in_from(stack, new_address(), user.username, "wrong");
    assert_error(first, 401, "unauthorized");
    assert_int_equal(reply_header_number(first, "RateLimit-Remaining"), ACCOUNT_LIMIT - 1);
    assert_in_range(reply_header_number(first, "RateLimit-Reset"), WINDOW_S - 60, WINDOW_S);
    assert_status(log_in_from(stack, new_address(), user.username, user.password), 200);
}

static void a_good_login_forgives_the_failures_before_it(void **state)
{
    struct stack *stack = *state;
    struct user user = new_user(stack);
    struct reply *replies[CROWD];
    for (int round = 0; round < 2; round++) {
        fail_at_once(stack, user.username, replies, ACCOUNT_LIMIT - 1);
        assert_int_equal(count_status(replies, ACCOUNT_LIMIT - 1, 401), ACCOUNT_LIMIT - 1);
        struct reply *good = log_in_from(stack, new_address(), user.username, user.password);
        assert_status(good, 200);
        assert_int_equal(reply_header_number(good, "RateLimit-Remaining"), ACCOUNT_LIMIT);
    }
}

static char *in_upper_case(const char *name)
{
    char *upper = text("%s", name);
    for (char *at = upper; *at != '\0'; at++)
        *at = (char)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
    return upper;
}

/* The names of the reply's header fields, in their order. */
static char *header_names(const struct reply *reply)
{
    char *names = text("%s", "");
    for (const char *line = strchr(reply->head, '\n') + 1; *line != '\0'; line = strchr(line, '\n') + 1)
        names = text("%s%.*s,", names, (int)strcspn(line, ":\r"), line);
    return names;
}

/* Statuses, bodies and header fields of both, try by try; the spelling of the name changes on the way. */
static void an_unknown_name_is_throttled_as_a_known_one(void **state)
{
    struct stack *stack = *state;
    struct user user = new_user(stack);
    char *names[] = {user.username, unique("Nobody")};
    for (int try = 1; try <= ACCOUNT_LIMIT + 2; try++) {
        struct request requests[2];
        struct reply *replies[2];
        for (int i = 0; i < 2; i++)
            requests[i] =
                request_from(new_address(), "/auth/login",
                             login_json(try % 2 == 0 ? in_upper_case(names[i]) : names[i], "not the right one"));
        http_send_many(stack, requests, replies, 2);
        long status = try <= ACCOUNT_LIMIT ? 401 : 429;
        assert_status(replies[0], status);
        assert_status(replies[1], status);
        assert_string_equal(reply_string(replies[0], "code"), reply_string(replies[1], "code"));
        assert_string_equal(reply_string(replies[0], "message"), reply_string(replies[1], "message"));
        assert_int_equal(reply_header_number(replies[0], "RateLimit-Remaining"),
                         reply_header_number(replies[1], "RateLimit-Remaining"));
        assert_int_equal(reply_header_number(replies[0], "Content-Length"),
                         reply_header_number(replies[1], "Content-Length"));
        assert_string_equal(header_names(replies[0]), header_names(replies[1]));
    }
}

static void failures_are_answered_later_and_later(void **state)
{
    struct stack *stack = *state;
    struct user user = new_user(stack);
    const char *names[] = {user.username, unique("nobody")};
    for (int i = 0; i < 2; i++) {
        static const int64_t least_ms[] = {0, 0, 0, 100, 200};
        for (size_t try = 0; try < sizeof least_ms / sizeof *least_ms; try++) {
            int64_t begun_ms = now_ms();
            assert_status(log_in_from(stack, new_address(), names[i], "wrong"), 401);
            assert_true(now_ms() - begun_ms >= least_ms[try]);
        }
    }
}

static void what_says_nothing_about_the_password_does_not_count(void **state)
{
    struct stack *stack = *state;
    struct user user = new_user(stack), admin = make_admin(stack);
    assert_status(http_patch(stack, admin.token, "{\"disabled\":true}", "/users/%lld", (long long)user.id), 200);
    char *address = new_address();
    for (int i = 0; i < ADDRESS_LIMIT + 1; i++)
        assert_error(log_in_from(stack, address, user.username, user.password), 403, "account_disabled");
}

static struct reply *change_password(const struct stack *stack, const struct user *user, const char *current)
{
    return http_post(stack, user->token, text("{\"currentPassword\":\"%s\",\"password\":\"another one\"}", current),
                     "/auth/password");
}

static void a_session_does_not_find_out_the_password(void **state)
{
    struct stack *stack = *state;
    struct user user = new_user(stack);
    for (int i = 0; i < ACCOUNT_LIMIT; i++)
        assert_error(change_password(stack, &user, "wrong"), 403, "password_wrong");
    assert_throttled(change_password(stack, &user, user.password), ACCOUNT_LIMIT, WINDOW_S);
    assert_status(log_in_from(stack, new_address(), user.username, user.password), 200);

    struct user other = new_user(stack);
    assert_error(change_password(stack, &other, "wrong"), 403, "password_wrong");
    struct reply *changed = change_password(stack, &other, other.password);
    assert_status(changed, 204);
    assert_int_equal(reply_header_number(changed, "RateLimit-Remaining"), ACCOUNT_LIMIT);
}

/* ---- by address ---- */

static void fail_from(const struct stack *stack, const char *address, struct reply **replies, size_t count)
{
    struct request requests[CROWD];
    for (size_t i = 0; i < count; i++)
        requests[i] = request_from(address, "/auth/login", login_json(unique("stranger"), "wrong"));
    http_send_many(stack, requests, replies, count);
}

static void an_address_that_tries_many_names_is_refused(void **state)
{
    struct stack *stack = *state;
    struct user user = new_user(stack);
    char *address = new_address();
    struct reply *replies[CROWD];
    fail_from(stack, address, replies, CROWD);
    assert_int_equal(count_status(replies, CROWD, 401), ADDRESS_LIMIT);
    assert_int_equal(count_status(replies, CROWD, 429), CROWD - ADDRESS_LIMIT);
    assert_throttled(log_in_from(stack, address, user.username, user.password), ADDRESS_LIMIT, WINDOW_S);
    assert_status(log_in_from(stack, new_address(), user.username, user.password), 200);
    assert_string_equal(database_value(stack,
                                       "select count(*) from auth.throttle where key = "
                                       "auth.throttle_key('login_account', $1)",
                                       user.username),
                        "0"); /* who may not try does not touch the account */
}

static void an_ipv6_client_is_its_network(void **state)
{
    struct stack *stack = *state;
    struct user user = new_user(stack);
    struct reply *replies[CROWD];
    fail_from(stack, "2001:db8:1:2::1", replies, ADDRESS_LIMIT);
    assert_int_equal(count_status(replies, ADDRESS_LIMIT, 401), ADDRESS_LIMIT);
    assert_throttled(log_in_from(stack, "2001:db8:1:2:3:4:5:6", user.username, user.password), ADDRESS_LIMIT, WINDOW_S);
    assert_status(log_in_from(stack, "2001:db8:1:3::1", user.username, user.password), 200);
}

static void good_logins_and_refused_ones_do_not_count_for_the_address(void **state)
{
    struct stack *stack = *state;
    struct user user = new_user(stack), other = new_user(stack);
    char *address = new_address();
    struct reply *replies[CROWD];
    fail_at_once(stack, other.username, replies, ACCOUNT_LIMIT);
    for (int i = 0; i < ADDRESS_LIMIT + 1; i++) {
        assert_status(log_in_from(stack, address, user.username, user.password), 200);
        assert_status(log_in_from(stack, address, other.username, other.password), 429);
    }
}

static void registrations_are_counted_by_address(void **state)
{
    struct stack *stack = *state;
    char *address = new_address();
    for (int i = 0; i < REGISTER_LIMIT / 2; i++) {
        assert_status(register_from(stack, address, "/auth/register"), 201);
        struct reply *reply = register_from(stack, address, "/users");
        assert_status(reply, 201);
        assert_int_equal(reply_header_number(reply, "RateLimit-Remaining"), REGISTER_LIMIT - 2 * (i + 1));
    }
    assert_throttled(register_from(stack, address, "/auth/register"), REGISTER_LIMIT, 3600);
    assert_throttled(register_from(stack, address, "/users"), REGISTER_LIMIT, 3600);
    assert_status(register_from(stack, new_address(), "/users"), 201);
}

static void refreshes_are_counted_by_address(void **state)
{
    struct stack *stack = *state;
    struct user user = new_user(stack);
    struct request request = request_from(new_address(), "/auth/refresh", NULL);
    request.token = user.token;
    for (int i = 1; i <= REFRESH_LIMIT; i++) {
        struct reply *reply = http_send(stack, &request);
        assert_status(reply, 200);
        assert_int_equal(reply_header_number(reply, "RateLimit-Remaining"), REFRESH_LIMIT - i);
    }
    assert_throttled(http_send(stack, &request), REFRESH_LIMIT, WINDOW_S);
    assert_status(http_get(stack, user.token, "/auth/profile"), 200);
}

/* Mails of each kind are counted for themselves; whether anybody has the email makes no difference. */
static void mails_are_counted_by_address(void **state)
{
    struct stack *stack = *state;
    struct user user = new_user(stack);
    char *emails[] = {user.email, text("%s@example.org", unique("nobody"))};
    static const char *const paths[] = {"/auth/password/forgot", "/auth/verify-email/send"};
    char *address = new_address();
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char *message = NULL;
        for (int asked = 1; asked <= FORGOT_LIMIT; asked++) {
            struct reply *reply = post_from(stack, address, paths[i], text("{\"email\":\"%s\"}", emails[asked % 2]));
            assert_status(reply, 202);
            assert_int_equal(reply_header_number(reply, "RateLimit-Remaining"), FORGOT_LIMIT - asked);
            if (message != NULL)
                assert_string_equal(reply->body, message);
            message = reply->body;
        }
        struct reply *reply = post_from(stack, address, paths[i], text("{\"email\":\"%s\"}", user.email));
        assert_throttled(reply, FORGOT_LIMIT, 3600);
        assert_status(post_from(stack, new_address(), paths[i], text("{\"email\":\"%s\"}", user.email)), 202);
    }
}

/* Each new email gets a mail: whoever is logged in sends no more of them to strangers than who asks for them. */
static void another_email_is_counted_by_address_as_a_mail(void **state)
{
    struct stack *stack = *state;
    struct user user = new_user(stack);
    char *address = new_address();
    struct request request = {.verb = "PATCH",
                              .path = text("/users/%lld", (long long)user.id),
                              .token = user.token,
                              .headers = {text("X-Forwarded-For: %s", address)}};
    for (int i = 0; i < FORGOT_LIMIT; i++) {
        char *email = text("%s@example.org", unique("stranger"));
        request.json = text("{\"email\":\"%s\"}", email);
        assert_status(http_send(stack, &request), 200);
        assert_status(http_send(stack, &request), 200); /* no other: no mail */
    }
    const char *taken = request.json;
    request.json = text("{\"email\":\"%s@example.org\"}", unique("stranger"));
    assert_throttled(http_send(stack, &request), FORGOT_LIMIT, 3600);
    request.json = taken;
    assert_status(http_send(stack, &request), 200);
    request.json = text("{\"username\":\"%s\"}", unique("renamed"));
    assert_status(http_send(stack, &request), 200);
}

/* ---- what pages of other origins see ---- */

static void pages_may_read_the_rate(void **state)
{
    struct stack *stack = *state;
    struct request request = request_from(new_address(), "/auth/login", login_json("nobody at all", "wrong"));
    request.headers[1] = "Origin: " STACK_ORIGIN;
    char *exposed = reply_header(http_send(stack, &request), "Access-Control-Expose-Headers");
    assert_non_null(exposed);
    assert_non_null(strstr(exposed, "RateLimit-Limit,RateLimit-Remaining,RateLimit-Reset,Retry-After"));
}

static const struct stack_options options = {
    .environment = {"TRUSTED_PROXIES=127.0.0.0/8", "LOGIN_ADDRESS_LIMIT=20", "REGISTER_LIMIT=6", "REFRESH_LIMIT=5",
                    "FORGOT_LIMIT=4"},
};

SUITE_WITH("throttle", &options, cmocka_unit_test(exactly_ten_of_64_wrong_logins_are_tried_over_two_gateways),
           cmocka_unit_test(who_has_a_session_stays_while_logins_are_refused),
           cmocka_unit_test(a_window_that_is_over_begins_anew),
           cmocka_unit_test(a_good_login_forgives_the_failures_before_it),
           cmocka_unit_test(an_unknown_name_is_throttled_as_a_known_one),
           cmocka_unit_test(failures_are_answered_later_and_later),
           cmocka_unit_test(what_says_nothing_about_the_password_does_not_count),
           cmocka_unit_test(a_session_does_not_find_out_the_password),
           cmocka_unit_test(an_address_that_tries_many_names_is_refused),
           cmocka_unit_test(an_ipv6_client_is_its_network),
           cmocka_unit_test(good_logins_and_refused_ones_do_not_count_for_the_address),
           cmocka_unit_test(registrations_are_counted_by_address), cmocka_unit_test(refreshes_are_counted_by_address),
           cmocka_unit_test(mails_are_counted_by_address),
           cmocka_unit_test(another_email_is_counted_by_address_as_a_mail), cmocka_unit_test(pages_may_read_the_rate))
