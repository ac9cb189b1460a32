/* kill -9 of each process under load: 503 and 504 only, nobody gets another's reply, all works within 2 s of its
 * return, and nothing acknowledged is lost. */
#include <signal.h>

#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/load.h"
#include "tests/support/scratch.h"

enum { UNDER_WAY = 100, DOWN_MS = 300, BACK_MS = 2000, READY_MS = 20000 };

static bool all_works(const struct stack *stack, const struct user *user)
{
    struct reply *replies[] = {
        http_post(stack, NULL, login_json(user->username, user->password), "/auth/login"),
        http_get(stack, user->token, "/auth/profile"),
        http_get(stack, user->token, "/rooms?limit=1"),
    };
    return count_status(replies, 3, 200) == 3;
}

static void await_all_works(const struct stack *stack, const struct user *user)
{
    int64_t began = now_ms();
    int64_t limit_ms = stack_is_sanitized() ? 5 * BACK_MS : BACK_MS;
    while (!all_works(stack, user)) {
        if (now_ms() - began > limit_ms)
            fail_msg("does not work %lld ms after its return", (long long)limit_ms);
        sleep_ms(10);
    }
    print_message("works after %lld ms\n", (long long)(now_ms() - began));
}

/* Kills the part under load and lets it return; tells what the clients saw. */
static struct load_result kill_and_revive(struct stack *stack, enum stack_part part)
{
    struct user user = make_user(stack);
    struct load *load = load_start(stack);
    load_await(load, UNDER_WAY);
    stack_kill(stack, part, SIGKILL);
    sleep_ms(DOWN_MS);
    stack_revive(stack, part);
    stack_await_part(stack, part, READY_MS);
    await_all_works(stack, &user);
    load_await(load, UNDER_WAY);
    return load_stop(load);
}

static void killed_service(struct stack *stack, enum stack_part part)
{
    struct load_result result = kill_and_revive(stack, part);
    assert_int_equal(result.unreachable, 0); /* the gateway answers each */
    assert_true(result.unavailable > 0);
}

static void auth_killed(void **state)
{
    killed_service(*state, STACK_AUTH);
}

static void user_killed(void **state)
{
    killed_service(*state, STACK_USER);
}

static void room_killed(void **state)
{
    killed_service(*state, STACK_ROOM);
}

static void gateway_killed(void **state)
{
    kill_and_revive(*state, STACK_GATEWAY);
}

static void a_service_that_is_down_is_503_at_once(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    assert_status(http_get(stack, user.token, "/rooms"), 200);
    stack_kill(stack, STACK_ROOM, SIGKILL);
    int64_t deadline = now_ms() + 3000;
    struct reply *reply;
    do {
        reply = http_get(stack, user.token, "/rooms");
    } while (reply->status != 503 && now_ms() < deadline);
    int64_t began = now_ms();
    reply = http_get(stack, user.token, "/rooms");
    assert_true(now_ms() - began < 500);
    assert_error(reply, 503, "unavailable");
    assert_string_equal(object_keys(reply->json), "statusCode,message,code,requestId");
    assert_non_null(reply_header(reply, "Retry-After"));
    struct reply *probe = http_probe(stack, "/readyz");
    assert_status(probe, 503);
    assert_true(json_is_false(json_object_get(probe->json, "ready")));
    assert_status(http_probe(stack, "/healthz"), 200);
    assert_status(http_get(stack, user.token, "/auth/profile"), 200); /* the others serve on */
    stack_revive(stack, STACK_ROOM);
    stack_await_ready(stack, 5000);
}

static void a_service_that_hangs_is_504_at_the_deadline(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    assert_status(http_get(stack, user.token, "/rooms"), 200);
    kill(stack->parts[STACK_ROOM].pid, SIGSTOP);
    int64_t began = now_ms();
    struct reply *reply = http_get(stack, user.token, "/rooms");
    kill(stack->parts[STACK_ROOM].pid, SIGCONT);
    assert_true(now_ms() - began < 4000);
    if (reply->status == 504)
        assert_error(reply, 504, "timeout");
    else
        assert_error(reply, 503, "unavailable"); /* its heartbeats stopped first */
    assert_non_null(reply_header(reply, "Retry-After"));
    stack_await_ready(stack, 5000);
    assert_status(http_get(stack, user.token, "/rooms"), 200);
}

static void ready_is_said_when_every_connection_is_served(void **state)
{
    enum { CONNECTIONS = 16, ROUNDS = 4 };
    struct stack *stack = *state;
    for (int round = 0; round < ROUNDS; round++) {
        stack_kill(stack, STACK_AUTH, SIGTERM);
        stack_revive(stack, STACK_AUTH);
        stack_await_ready(stack, 5000);
        struct request requests[CONNECTIONS];
        struct reply *replies[CONNECTIONS];
        for (size_t i = 0; i < CONNECTIONS; i++)
            requests[i] = (struct request){
                .verb = "POST", .path = "/auth/login", .json = login_json(unique("nobody"), "no secret")};
        http_send_many(stack, requests, replies, CONNECTIONS);
        assert_int_equal(count_status(replies, CONNECTIONS, 401), CONNECTIONS);
    }
}

static void services_stop_in_order_and_return(void **state)
{
    struct stack *stack = *state;
    struct load *load = load_start(stack);
    load_await(load, UNDER_WAY);
    for (int part = 0; part < STACK_GATEWAY; part++) {
        stack_kill(stack, part, SIGTERM);
        stack_revive(stack, part);
        stack_await_ready(stack, 5000);
    }
    assert_int_equal(load_stop(load).unreachable, 0);
}

static const struct stack_options options = {.environment = {"REQUEST_TIMEOUT_MS=1500"}};
#define LOAD_TEST(test) cmocka_unit_test_teardown(test, load_teardown)
SUITE_WITH("faults", &options, LOAD_TEST(auth_killed), LOAD_TEST(user_killed), LOAD_TEST(room_killed),
           LOAD_TEST(gateway_killed), cmocka_unit_test(a_service_that_is_down_is_503_at_once),
           cmocka_unit_test(a_service_that_hangs_is_504_at_the_deadline),
           cmocka_unit_test(ready_is_said_when_every_connection_is_served),
           LOAD_TEST(services_stop_in_order_and_return))
