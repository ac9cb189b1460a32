/* Sessions: refresh tokens and their rotation, logging out, the list of sessions, and that an ended one is refused at
 * once by every gateway. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/jwt.h"
#include "tests/support/scratch.h"

enum { TABS = 64, GATEWAY_CONNECTIONS = 8 };

/* What a login gives. */
struct login {
    char *access, *refresh;
};

static struct login take(const struct reply *reply, long status)
{
    assert_status(reply, status);
    return (struct login){text("%s", reply_string(reply, "access_token")),
                          text("%s", reply_string(reply, "refresh_token"))};
}

static struct login begin(const struct stack *stack, const struct user *user)
{
    return take(http_post(stack, NULL, login_json(user->username, user->password), "/auth/login"), 200);
}

static struct reply *refresh(const struct stack *stack, const char *token)
{
    return http_post(stack, NULL, text("{\"refresh_token\":\"%s\"}", token), "/auth/refresh");
}

/* Of several connections, so that each thread of the gateway is met. */
static void assert_everywhere(const struct stack *stack, const char *token, long status)
{
    struct request requests[GATEWAY_CONNECTIONS];
    struct reply *replies[GATEWAY_CONNECTIONS];
    for (int i = 0; i < GATEWAY_CONNECTIONS; i++)
        requests[i] = (struct request){.path = "/auth/profile", .token = token};
    http_send_many(stack, requests, replies, GATEWAY_CONNECTIONS);
    for (int i = 0; i < GATEWAY_CONNECTIONS; i++)
        assert_status(replies[i], status);
}

static json_int_t session_of(const char *access)
{
    json_t *payload = jwt_payload(access);
    json_int_t id = object_integer(payload, "sid");
    json_decref(payload);
    return id;
}

static int sessions_of(const struct stack *stack, const struct user *user)
{
    return atoi(database_value(stack, "select count(*) from auth.session where user_id = $1 and expires_at > now()",
                               text("%lld", (long long)user->id)));
}

/* Lets the session's last rotation lie in the past. */
static void age_rotation(const struct stack *stack, const char *access, const char *interval)
{
    database_value(stack, "update auth.session set rotated_at = rotated_at - $1::interval where id = $2 returning id",
                   interval, text("%lld", (long long)session_of(access)));
}

/* ---- the answer ---- */

static void login_and_register_answer_a_refresh_token(void **state)
{
    struct stack *stack = *state;
    struct reply *reply =
        http_post(stack, NULL, registration_json("Rita", "rita@example.org", "secret1"), "/auth/register");
    assert_status(reply, 201);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(object_keys(reply->json), "access_token,user,refresh_token,expires_in,token_type");
        assert_string_equal(reply_string(reply, "token_type"), "Bearer");
        assert_int_equal(reply_integer(reply, "expires_in"), 86400);
        json_t *payload = jwt_payload(reply_string(reply, "access_token"));
        assert_string_equal(object_keys(payload), "username,sub,iat,exp,sid,role");
        json_decref(payload);
        reply = http_post(stack, NULL, login_json("Rita", "secret1"), "/auth/login");
        assert_status(reply, 200);
    }
}

static void the_database_keeps_no_token(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct login login = begin(stack, &user);
    char *row = database_value(stack, "select session::text from auth.session where id = $1",
                               text("%lld", (long long)session_of(login.access)));
    assert_null(strstr(row, login.refresh));
}

/* ---- rotation ---- */

static void a_refresh_token_gives_the_next(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct login first = begin(stack, &user), login = first;
    for (int i = 0; i < 3; i++) {
        struct reply *reply = refresh(stack, login.refresh);
        struct login next = take(reply, 200);
        assert_string_not_equal(next.refresh, login.refresh);
        assert_int_equal(session_of(next.access), session_of(first.access));
        assert_int_equal(object_integer(json_object_get(reply->json, "user"), "id"), user.id);
        assert_status(http_get(stack, next.access, "/auth/profile"), 200);
        login = next;
    }
    assert_status(http_get(stack, first.access, "/auth/profile"), 200);
}

static void the_parent_is_good_again_for_ten_seconds(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct login first = begin(stack, &user);
    struct login second = take(refresh(stack, first.refresh), 200);
    struct login again = take(refresh(stack, first.refresh), 200);
    assert_string_equal(again.refresh, second.refresh);
    age_rotation(stack, first.access, "9 seconds");
    assert_string_equal(take(refresh(stack, first.refresh), 200).refresh, second.refresh);
    take(refresh(stack, second.refresh), 200);
}

static void the_parent_ends_the_session_after_ten_seconds(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct login first = begin(stack, &user);
    struct login second = take(refresh(stack, first.refresh), 200);
    assert_everywhere(stack, second.access, 200);
    age_rotation(stack, first.access, "11 seconds");
    assert_error(refresh(stack, first.refresh), 401, "unauthorized");
    assert_everywhere(stack, second.access, 401);
    assert_error(refresh(stack, second.refresh), 401, "unauthorized");
    assert_everywhere(stack, user.token, 200); /* another session of the user's */
}

static void an_older_token_ends_the_session(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct login first = begin(stack, &user);
    struct login second = take(refresh(stack, first.refresh), 200);
    struct login third = take(refresh(stack, second.refresh), 200);
    assert_error(refresh(stack, first.refresh), 401, "unauthorized");
    assert_everywhere(stack, third.access, 401);
    assert_error(refresh(stack, third.refresh), 401, "unauthorized");
    assert_int_equal(sessions_of(stack, &user), 1);
}

/* The token begins with the session's id, the user's and the key that all of a session's tokens share. */
static void a_guess_is_refused_and_ends_nothing(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack), other = make_user(stack);
    struct login login = begin(stack, &user);
    for (size_t i = 0; i < strlen(login.refresh) * 32 / 64; i += 5) {
        char *guess = text("%s", login.refresh);
        guess[i] = guess[i] == 'A' ? 'B' : 'A';
        assert_error(refresh(stack, guess), 401, "unauthorized");
    }
    assert_everywhere(stack, login.access, 200);
    static const char *const nonsense[] = {"x", "null", "AAAA", "å", "....", "eyJhbGciOiJIUzI1NiJ9.e30."};
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++)
        assert_error(refresh(stack, nonsense[i]), 401, "unauthorized");
    assert_error(refresh(stack, other.token), 401, "unauthorized");
    assert_everywhere(stack, other.token, 200);
    take(refresh(stack, login.refresh), 200);
    assert_invalid(refresh(stack, ""), "refresh_token should not be empty");
    assert_invalid(http_post(stack, NULL, "{\"refresh_token\":7}", "/auth/refresh"), "refresh_token must be a string");
}

static void many_tabs_get_one_current_token(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct login first = begin(stack, &user);
    struct request requests[TABS];
    struct reply *replies[TABS];
    for (int i = 0; i < TABS; i++)
        requests[i] = (struct request){
            .verb = "POST", .path = "/auth/refresh", .json = text("{\"refresh_token\":\"%s\"}", first.refresh)};
    http_send_many(stack, requests, replies, TABS);
    const char *current = reply_string(replies[0], "refresh_token");
    for (int i = 0; i < TABS; i++) {
        struct login got = take(replies[i], 200);
        assert_string_equal(got.refresh, current);
        assert_int_equal(session_of(got.access), session_of(first.access));
    }
    assert_int_equal(sessions_of(stack, &user), 2); /* this one, and that of the registration */
    take(refresh(stack, current), 200);
}

static void a_session_ends_by_its_time(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct login login = begin(stack, &user);
    database_value(stack, "update auth.session set expires_at = now() where id = $1 returning id",
                   text("%lld", (long long)session_of(login.access)));
    assert_error(refresh(stack, login.refresh), 401, "unauthorized");
}

/* Days before SESSION_TTL_S, and an hour before it. */
static void refreshing_prolongs_a_session_but_not_beyond_its_time(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct login login = begin(stack, &user);
    char *id = text("%lld", (long long)session_of(login.access));
    const char *left = "select round(extract(epoch from expires_at - now()) / 86400) from auth.session where id = $1";
    assert_string_equal(database_value(stack, left, id), "30"); /* REFRESH_TTL_S */
    database_value(stack,
                   "update auth.session set created_at = now() - interval '80 days', expires_at = now() + interval '5 "
                   "days' where id = $1 returning id",
                   id);
    struct reply *reply = refresh(stack, login.refresh);
    assert_int_equal(reply_integer(reply, "expires_in"), 86400);
    assert_string_equal(database_value(stack, left, id), "10");
    database_value(stack,
                   "update auth.session set created_at = now() - interval '90 days' + interval '1 hour' where id = $1 "
                   "returning id",
                   id);
    reply = refresh(stack, take(reply, 200).refresh);
    assert_in_range(reply_integer(reply, "expires_in"), 3500, 3600);
    json_t *payload = jwt_payload(reply_string(reply, "access_token"));
    assert_in_range(object_integer(payload, "exp") - object_integer(payload, "iat"), 3500, 3600);
    json_decref(payload);
}

/* ---- today's front end ---- */

static void an_access_token_refreshes_its_session(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct login login = begin(stack, &user);
    struct login renewed = take(http_post(stack, login.access, NULL, "/auth/refresh"), 200);
    assert_int_equal(session_of(renewed.access), session_of(login.access));
    assert_everywhere(stack, login.access, 200);
    take(refresh(stack, renewed.refresh), 200);
    assert_error(refresh(stack, login.refresh), 401, "unauthorized");
    assert_everywhere(stack, renewed.access, 200);
}

static void a_token_of_another_signer_gets_a_session(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    int before = sessions_of(stack, &user);
    struct login login = take(http_post(stack, jwt_of(&user, STACK_SECRET, 60), NULL, "/auth/refresh"), 200);
    assert_true(session_of(login.access) > 0);
    assert_int_equal(sessions_of(stack, &user), before + 1);
    assert_error(http_post(stack, "no token", NULL, "/auth/refresh"), 401, "unauthorized");
    assert_error(http_post(stack, jwt_of(&user, "another secret of enough bytes, for sure", 60), NULL, "/auth/refresh"),
                 401, "unauthorized");
}

/* ---- ending ---- */

static void logging_out_ends_this_session_everywhere_at_once(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct login login = begin(stack, &user);
    assert_everywhere(stack, login.access, 200);
    struct reply *reply = http_post(stack, login.access, NULL, "/auth/logout");
    assert_status(reply, 204);
    assert_int_equal(reply->body_len, 0);
    assert_everywhere(stack, login.access, 401);
    assert_everywhere(stack, user.token, 200);
    assert_error(refresh(stack, login.refresh), 401, "unauthorized");
    assert_error(http_post(stack, login.access, NULL, "/auth/logout"), 401, "unauthorized");
    assert_error(http_post(stack, login.access, NULL, "/auth/refresh"), 401, "unauthorized");
}

static void logging_out_of_others_and_of_all(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct login one = begin(stack, &user), two = begin(stack, &user);
    assert_everywhere(stack, two.access, 200);
    assert_invalid(http_post(stack, one.access, "{\"scope\":\"some\"}", "/auth/logout"),
                   "scope must be one of the following values: this, others, all");
    assert_status(http_post(stack, one.access, "{\"scope\":\"others\"}", "/auth/logout"), 204);
    assert_everywhere(stack, one.access, 200);
    assert_everywhere(stack, two.access, 401);
    assert_everywhere(stack, user.token, 401);
    two = begin(stack, &user);
    assert_status(http_post(stack, one.access, "{\"scope\":\"all\"}", "/auth/logout"), 204);
    assert_everywhere(stack, one.access, 401);
    assert_everywhere(stack, two.access, 401);
    assert_int_equal(sessions_of(stack, &user), 0);
}

static void sessions_are_listed_and_ended_one_by_one(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack), other = make_user(stack);
    struct login phone = take(http_send(stack, &(struct request){.verb = "POST",
                                                                 .path = "/auth/login",
                                                                 .json = login_json(user.username, user.password),
                                                                 .headers = {"User-Agent: Phone/1.0 (ünï)"}}),
                              200);
    struct reply *list = http_get(stack, user.token, "/auth/sessions");
    assert_status(list, 200);
    assert_int_equal(json_array_size(list->json), 2);
    const json_t *newest = json_array_get(list->json, 0);
    assert_string_equal(object_keys(newest), "id,createdAt,lastUsedAt,expiresAt,address,userAgent,current");
    assert_int_equal(object_integer(newest, "id"), session_of(phone.access));
    assert_string_equal(object_string(newest, "userAgent"), "Phone/1.0 (ünï)");
    assert_string_equal(object_string(newest, "address"), "127.0.0.1");
    assert_true(json_is_false(json_object_get(newest, "current")));
    assert_true(json_is_true(json_object_get(json_array_get(list->json, 1), "current")));

    long long id = (long long)session_of(phone.access);
    assert_error_text(http_delete(stack, other.token, "/auth/sessions/%lld", id), 404, "session_not_found",
                      text("Session with ID %lld not found", id));
    assert_everywhere(stack, phone.access, 200);
    assert_status(http_delete(stack, user.token, "/auth/sessions/%lld", id), 204);
    assert_everywhere(stack, phone.access, 401);
    assert_error(http_delete(stack, user.token, "/auth/sessions/%lld", id), 404, "session_not_found");
    assert_error(http_delete(stack, user.token, "/auth/sessions/x"), 400, "id_not_numeric");
}

static void the_oldest_session_gives_way_to_one_too_many(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct login logins[5];
    for (int i = 0; i < 5; i++) {
        logins[i] = begin(stack, &user);
        assert_everywhere(stack, logins[i].access, 200);
    }
    assert_int_equal(sessions_of(stack, &user), 5); /* SESSIONS_PER_USER */
    assert_everywhere(stack, user.token, 401);
    assert_everywhere(stack, logins[0].access, 200);
}

/* ---- passwords ---- */

static char *change_json(const char *current, const char *password)
{
    return text("{\"currentPassword\":\"%s\",\"password\":\"%s\"}", current, password);
}

static void changing_the_password_ends_the_other_sessions(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct login login = begin(stack, &user);
    assert_everywhere(stack, user.token, 200);
    assert_error_text(http_post(stack, login.access, change_json("wrong", "another secret"), "/auth/password"), 403,
                      "password_wrong", "Current password is wrong");
    assert_everywhere(stack, user.token, 200);
    assert_invalid(http_post(stack, login.access, change_json(user.password, "short"), "/auth/password"),
                   "password must be longer than or equal to 6 characters");
    assert_status(http_post(stack, login.access, change_json(user.password, "another secret"), "/auth/password"), 204);
    assert_everywhere(stack, login.access, 200);
    assert_everywhere(stack, user.token, 401);
    assert_error(http_post(stack, NULL, login_json(user.username, user.password), "/auth/login"), 401, "unauthorized");
    user.password = "another secret";
    begin(stack, &user);
}

static void a_patched_password_ends_the_other_sessions(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack), admin = make_admin(stack);
    struct login login = begin(stack, &user);
    assert_everywhere(stack, user.token, 200);
    assert_status(http_patch(stack, login.access, "{\"password\":\"patched\"}", "/users/%lld", (long long)user.id),
                  200);
    assert_everywhere(stack, login.access, 200);
    assert_everywhere(stack, user.token, 401);
    assert_status(http_patch(stack, admin.token, "{\"password\":\"by admin\"}", "/users/%lld", (long long)user.id),
                  200);
    assert_everywhere(stack, login.access, 401);
}

/* ---- a login and a change of its password at the same moment ---- */

struct errand {
    pthread_t thread;
    const struct stack *stack;
    struct request request;
    struct reply *reply;
};

static void *run(void *memory)
{
    struct errand *errand = memory;
    errand->reply = http_send(errand->stack, &errand->request);
    return NULL;
}

static void send_beside(struct errand *errand)
{
    assert_int_equal(pthread_create(&errand->thread, NULL, run, errand), 0);
}

static void await_value(const struct stack *stack, const char *sql, const char *value)
{
    int64_t deadline = now_ms() + 10000;
    while (strcmp(database_value(stack, sql), value) != 0) {
        assert_true(now_ms() < deadline);
        sleep_ms(5);
    }
}

/* The login has found the old password to be right, and waits (for the audit trail, which we hold) until it has been
 * changed. */
static void a_login_by_the_old_password_does_not_outlive_its_change(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct errand login = {
        .stack = stack,
        .request = {.verb = "POST", .path = "/auth/login", .json = login_json(user.username, user.password)}};
    struct errand change = {.stack = stack,
                            .request = {.verb = "POST",
                                        .path = "/auth/password",
                                        .token = user.token,
                                        .json = change_json(user.password, "another secret")}};
    /* Who prunes the trail, a second after the start, waits for it too. */
    const char *waiting = "select count(*) from pg_locks join pg_stat_activity using (pid) "
                          "where relation = 'auth.audit'::regclass and not granted "
                          "and query not like '%delete from auth.audit%'";
    struct database *holder = database_connect(stack->database_url);
    database_run(holder, "begin; lock table auth.audit in share mode");
    send_beside(&login);
    await_value(stack, waiting, "1");
    send_beside(&change);
    await_value(stack, waiting, "2");
    database_close(&holder);
    pthread_join(login.thread, NULL);
    pthread_join(change.thread, NULL);
    assert_status(change.reply, 204);
    assert_error(login.reply, 401, "unauthorized");
    assert_int_equal(sessions_of(stack, &user), 1);
    assert_everywhere(stack, user.token, 200);
}

/* ---- gateways that do not hear ---- */

/* Nobody told the gateways: they know by the publisher's other instance, at its first heartbeat. */
static void a_gateway_whose_feed_was_broken_asks(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct login login = begin(stack, &user);
    assert_everywhere(stack, login.access, 200);
    stack_kill(stack, STACK_AUTH, SIGKILL);
    database_value(stack, "delete from auth.session where id = $1 returning id",
                   text("%lld", (long long)session_of(login.access)));
    stack_revive(stack, STACK_AUTH);
    stack_await_ready(stack, 10000);
    int64_t deadline = now_ms() + 5000;
    while (http_get(stack, login.access, "/auth/profile")->status != 401)
        assert_true(now_ms() < deadline);
    assert_everywhere(stack, user.token, 200);
}

static const struct stack_options options = {.environment = {"SESSIONS_PER_USER=5"}};

SUITE_WITH("sessions", &options, cmocka_unit_test(login_and_register_answer_a_refresh_token),
           cmocka_unit_test(the_database_keeps_no_token), cmocka_unit_test(a_refresh_token_gives_the_next),
           cmocka_unit_test(the_parent_is_good_again_for_ten_seconds),
           cmocka_unit_test(the_parent_ends_the_session_after_ten_seconds),
           cmocka_unit_test(an_older_token_ends_the_session), cmocka_unit_test(a_guess_is_refused_and_ends_nothing),
           cmocka_unit_test(many_tabs_get_one_current_token), cmocka_unit_test(a_session_ends_by_its_time),
           cmocka_unit_test(refreshing_prolongs_a_session_but_not_beyond_its_time),
           cmocka_unit_test(an_access_token_refreshes_its_session),
           cmocka_unit_test(a_token_of_another_signer_gets_a_session),
           cmocka_unit_test(logging_out_ends_this_session_everywhere_at_once),
           cmocka_unit_test(logging_out_of_others_and_of_all),
           cmocka_unit_test(sessions_are_listed_and_ended_one_by_one),
           cmocka_unit_test(the_oldest_session_gives_way_to_one_too_many),
           cmocka_unit_test(changing_the_password_ends_the_other_sessions),
           cmocka_unit_test(a_patched_password_ends_the_other_sessions),
           cmocka_unit_test(a_login_by_the_old_password_does_not_outlive_its_change),
           cmocka_unit_test(a_gateway_whose_feed_was_broken_asks))
