/* What the logs tell of a request, through all processes; what they never tell; and where a reply says its time went.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/mail.h"
#include "tests/support/scratch.h"

enum { PATIENCE_MS = 10000 };

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00-" TRACE "-00f067aa0ba902b7-01"

/* Waits for lines of the part's log that hold both; as an array. Fails the test if none comes. */
static json_t *lines_with(const struct stack *stack, enum stack_part part, const char *one, const char *other)
{
    for (int64_t deadline = now_ms() + PATIENCE_MS;; sleep_ms(10)) {
        char *lines = shell("grep -hF '%s' %s/%s.log | grep -F '%s' | jq -cs . || true", one, stack->folder,
                            stack_part_name(part), other);
        json_t *array = json_loads(lines, 0, NULL);
        scratch_defer((void (*)(void *))json_decref, array);
        if (json_array_size(array) > 0)
            return array;
        if (now_ms() > deadline)
            fail_msg("%s.log has no line with %s and %s", stack_part_name(part), one, other);
    }
}

static size_t count_of(const struct stack *stack, const char *word)
{
    return (size_t)atol(shell("cat %s/*.log | grep -cF '%s' || true", stack->folder, word));
}

/* ---- following a request ---- */

static void every_line_is_an_object(void **state)
{
    struct stack *stack = *state;
    make_user(stack);
    for (int part = 0; part < STACK_PARTS; part++)
        shell("jq -es 'length > 0 and all(has(\"time\") and has(\"level\") and .process == \"%s\" and has(\"pid\") and "
              "has(\"msg\"))' %s/%s.log",
              stack_part_name(part), stack->folder, stack_part_name(part));
}

/* Registering goes through auth, which asks user. */
static void a_request_is_followed_through_all_processes(void **state)
{
    struct stack *stack = *state;
    char *name = unique("traced"), *id = unique("request");
    struct request request = {.verb = "POST",
                              .path = "/auth/register",
                              .json = registration_json(name, text("%s@example.org", name), "correct horse"),
                              .headers = {text("X-Request-Id: %s", id), "traceparent: " PARENT}};
    assert_status(http_send(stack, &request), 201);
    static const enum stack_part parts[] = {STACK_GATEWAY, STACK_AUTH, STACK_USER};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const json_t *line = json_array_get(lines_with(stack, parts[i], id, "request_id"), 0);
        assert_string_equal(object_string(line, "trace_id"), TRACE);
        assert_string_equal(object_string(line, "request_id"), id);
    }
    json_t *lines = lines_with(stack, STACK_GATEWAY, id, "\"msg\":\"request\"");
    assert_int_equal(json_array_size(lines), 1);
    const json_t *line = json_array_get(lines, 0);
    assert_string_equal(object_string(line, "path"), "/auth/register");
    assert_int_equal(object_integer(line, "status"), 201);
}

static void assert_untraced(const struct stack *stack, const char *header, const char *second_header)
{
    char *id = unique("untraced");
    struct request request = {.path = "/nope", .headers = {text("X-Request-Id: %s", id), header, second_header}};
    assert_status(http_send(stack, &request), 404);
    const json_t *line = json_array_get(lines_with(stack, STACK_GATEWAY, id, "\"msg\":\"request\""), 0);
    if (json_object_get(line, "trace_id") != NULL)
        fail_msg("%s is taken for a trace", header);
}

static void a_malformed_trace_is_none(void **state)
{
    struct stack *stack = *state;
    assert_untraced(stack, NULL, NULL);
    assert_untraced(stack, "traceparent: 00-" TRACE "-00f067aa0ba902b7", NULL);
    assert_untraced(stack, "traceparent: ff-" TRACE "-00f067aa0ba902b7-01", NULL);
    assert_untraced(stack, "traceparent: 00-00000000000000000000000000000000-00f067aa0ba902b7-01", NULL);
    assert_untraced(stack, "traceparent: " PARENT, "traceparent: " PARENT);
    assert_untraced(stack, "traceparent: x", "Traceparent: " PARENT);
}

static void events_have_a_line(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    assert_status(http_delete(stack, user.token, "/users/%lld", (long long)user.id), 204);
    lines_with(stack, STACK_ROOM, "\"msg\":\"event\"", "\"publisher\":\"user\"");
}

/* ---- where the time went ---- */

/* The milliseconds of a part; fails the test where the header does not have it. */
static double part_of(const char *timing, const char *name)
{
    const char *place = strstr(timing, text("%s;dur=", name));
    if (place == NULL)
        fail_msg("no %s in %s", name, timing);
    return strtod(place + strlen(name) + strlen(";dur="), NULL);
}

static void a_reply_says_where_its_time_went(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct room room = make_room(stack, &user, (struct room_options){0});
    int64_t began_ms = now_ms();
    struct reply *reply = http_get(stack, user.token, "/rooms/%lld", (long long)room.id);
    double took_ms = (double)(now_ms() - began_ms + 1);
    char *timing = reply_header(reply, "Server-Timing");
    double sum = part_of(timing, "gateway") + part_of(timing, "queue") + part_of(timing, "service") +
                 part_of(timing, "database");
    if (sum <= 0 || sum > took_ms || part_of(timing, "database") <= 0)
        fail_msg("%s in a request of %g ms", timing, took_ms);
    /* of another service's time in the database, the asking one tells too: posts ask user for their authors */
    make_post(stack, &user);
    reply = http_get(stack, user.token, "/posts");
    assert_true(part_of(reply_header(reply, "Server-Timing"), "database") > 0);
    /* what no service was asked for */
    timing = reply_header(http_get(stack, NULL, "/nope"), "Server-Timing");
    assert_null(strchr(timing, ','));
    part_of(timing, "gateway");
}

/* What takes the same time in all cases must not say how it is made up. */
static void a_login_does_not_say_what_the_database_knows(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    const char *const names[] = {user.username, "nobody-of-this-name"};
    for (size_t i = 0; i < 2; i++) {
        char *timing =
            reply_header(http_post(stack, NULL, login_json(names[i], "wrong"), "/auth/login"), "Server-Timing");
        assert_null(strstr(timing, "database"));
        assert_true(part_of(timing, "service") > 0);
    }
}

/* ---- what is never told ---- */

static void assert_untold(const struct stack *stack, const char *what, const char *secret)
{
    assert_true(strlen(secret) >= 8);
    if (count_of(stack, secret) > 0)
        fail_msg("%s is in the logs: %s", what, shell("grep -hF '%s' %s/*.log | head -3", secret, stack->folder));
}

/* With a password that the server does not ask for; and once with one that has no server. */
static void restart_with_a_database_password(struct stack *stack)
{
    char *good = text("DATABASE_URL=%s&password=distinct-database-password", stack->database_url);
    const char *const urls[] = {"DATABASE_URL=postgresql://me:distinct-database-password@127.0.0.1:1/nothing", good};
    for (size_t i = 0; i < 2; i++) {
        stack_set(stack, urls[i]);
        for (int part = 0; part < STACK_GATEWAY; part++) {
            stack_kill(stack, part, SIGTERM);
            stack_revive(stack, part);
        }
        lines_with(stack, STACK_AUTH, i == 0 ? "no database connection" : "\"ready\"", "");
    }
    stack_await_ready(stack, PATIENCE_MS);
}

static void no_secret_is_ever_logged(void **state)
{
    struct stack *stack = *state;
    restart_with_a_database_password(stack);
    struct user user = make_user(stack);
    char *password = "distinct-password-19", *next = "distinct-password-20", *room_password = "distinct-room-password";

    /* a session of good requests */
    char *name = unique("secretive"), *email = text("%s@example.org", name);
    struct reply *reply = http_post(stack, NULL, registration_json(name, email, password), "/auth/register");
    assert_status(reply, 201);
    const char *token = reply_string(reply, "access_token"), *refresh = reply_string(reply, "refresh_token");
    reply = http_post(stack, NULL, text("{\"refresh_token\":\"%s\"}", refresh), "/auth/refresh");
    const char *second_refresh = reply_string(reply, "refresh_token");
    struct room room = make_room(stack, &user, (struct room_options){.password = room_password});
    http_post(stack, token, text("{\"password\":\"%s\"}", room_password), "/rooms/%lld/join", (long long)room.id);
    char *change = text("{\"currentPassword\":\"%s\",\"password\":\"%s\"}", password, next);
    assert_status(http_post(stack, token, change, "/auth/password"), 204);
    http_post(stack, NULL, text("{\"email\":\"%s\"}", email), "/auth/password/forgot");
    char *mailed = mail_token(mail_await(mail_folder(stack), email, "new password", 1));

    /* and of bad ones, which leave more words behind */
    http_post(stack, NULL, login_json(name, "distinct-wrong-password"), "/auth/login");
    http_post(stack, NULL, registration_json(name, email, password), "/auth/register");
    http_post(stack, NULL, text("{\"token\":\"%s\",\"password\":\"x\"}", mailed), "/auth/password/reset");
    http_post(stack, NULL, text("{\"username\":\"%s\",\"password\":\"%s\"", name, password), "/auth/login");
    http_post(stack, NULL, text("{\"password\":[\"%s\"],\"%s\":1}", password, next), "/auth/register");
    http_post(stack, token, text("{\"password\":\"wrong-%s\"}", room_password), "/rooms/%lld/join", (long long)room.id);
    http_get(stack, token, "/rooms?access_token=%s&password=%s", token, password);
    http_get(stack, text("%s-and-more", token), "/rooms");
    http_post(stack, NULL, text("{\"refresh_token\":\"%s\"}", refresh), "/auth/refresh");

    struct {
        const char *what, *secret;
    } secrets[] = {
        {"a password", "distinct-password"},
        {"a wrong password", "distinct-wrong-password"},
        {"an access token", token},
        {"an access token's signature", strrchr(token, '.') + 1},
        {"a refresh token", refresh},
        {"another refresh token", second_refresh},
        {"a mail's token", mailed},
        {"a room's password", room_password},
        {"the secret of tokens", STACK_SECRET},
        {"the database's password", "distinct-database-password"},
        {"a hash", "$argon2id$"},
    };
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        assert_untold(stack, secrets[i].what, secrets[i].secret);
}

static const struct stack_options options = {
    .environment = {"LOG_FORMAT=json", "LOG_LEVEL=debug"},
};
SUITE_WITH("logs", &options, cmocka_unit_test(every_line_is_an_object),
           cmocka_unit_test(a_request_is_followed_through_all_processes), cmocka_unit_test(a_malformed_trace_is_none),
           cmocka_unit_test(events_have_a_line), cmocka_unit_test(a_reply_says_where_its_time_went),
           cmocka_unit_test(a_login_does_not_say_what_the_database_knows), cmocka_unit_test(no_secret_is_ever_logged))
