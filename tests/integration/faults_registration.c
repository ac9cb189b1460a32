/* kill -9 in the middle of registrations: afterwards each name is registered and can log in, or is free. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

enum { AT_ONCE = 24, ROUNDS = 5, PATIENCE_MS = 10000 };

struct wave {
    const struct stack *stack;
    char *names[AT_ONCE];
    struct request requests[AT_ONCE];
    struct reply *replies[AT_ONCE];
};

static char *registration_of(const char *name)
{
    return registration_json(name, text("%s@example.org", name), text("secret of %s", name));
}

/* Asks until it is served: what has just returned takes a moment to be found again, and a busy machine has pauses. */
static struct reply *ask(const struct stack *stack, const char *path, const char *json)
{
    int64_t deadline = now_ms() + PATIENCE_MS;
    for (;;) {
        struct reply *reply = http_post(stack, NULL, json, "%s", path);
        if ((reply->status != 503 && reply->status != 504) || now_ms() > deadline)
            return reply;
        sleep_ms(10);
    }
}

static struct reply *log_in_as(const struct stack *stack, const char *name)
{
    return ask(stack, "/auth/login", login_json(name, text("secret of %s", name)));
}

static void *send_wave(void *argument)
{
    struct wave *wave = argument;
    http_send_many(wave->stack, wave->requests, wave->replies, AT_ONCE);
    return NULL;
}

static void prepare(struct wave *wave, const struct stack *stack)
{
    wave->stack = stack;
    for (size_t i = 0; i < AT_ONCE; i++) {
        wave->names[i] = unique("torn");
        wave->requests[i] = (struct request){
            .verb = "POST", .path = i % 2 == 0 ? "/auth/register" : "/users", .json = registration_of(wave->names[i])};
    }
}

/* Returns whether the name was registered. */
static bool assert_whole(const struct stack *stack, const char *name, const struct reply *reply)
{
    if (reply->status != 201 && reply->status != 503 && reply->status != 504)
        fail_msg("%s: %ld %s", name, reply->status, reply->body);
    struct reply *login = log_in_as(stack, name);
    if (login->status == 200)
        return true;
    if (reply->status == 201)
        fail_msg("%s was acknowledged and cannot log in: %s", name, login->body);
    assert_error(login, 401, "unauthorized");
    /* Where the gateway was killed, the first registration may still be under way, and win. */
    struct reply *again = ask(stack, "/auth/register", registration_of(name));
    if (again->status != 201 && again->status != 409)
        fail_msg("%s is not free: %s", name, again->body);
    if (log_in_as(stack, name)->status != 200)
        fail_msg("%s can neither log in nor be registered: %s", name, again->body);
    return again->status == 409;
}

static void kill_during_registrations(struct stack *stack, enum stack_part part)
{
    size_t registered = 0;
    unsigned seed = (unsigned)part + 1;
    for (int round = 0; round < ROUNDS; round++) {
        struct wave wave;
        prepare(&wave, stack);
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, send_wave, &wave), 0);
        sleep_ms(5 + rand_r(&seed) % 80); /* anywhere between the first step of the first and the last of the last */
        stack_kill(stack, part, SIGKILL);
        pthread_join(thread, NULL);
        stack_revive(stack, part);
        stack_await_ready(stack, 5000);
        for (size_t i = 0; i < AT_ONCE; i++)
            registered += assert_whole(stack, wave.names[i], wave.replies[i]);
    }
    print_message("%zu of %d registered\n", registered, AT_ONCE * ROUNDS);
}

static void auth_killed(void **state)
{
    kill_during_registrations(*state, STACK_AUTH);
}

static void user_killed(void **state)
{
    kill_during_registrations(*state, STACK_USER);
}

static void gateway_killed_is_none_of_their_business(void **state)
{
    struct stack *stack = *state;
    struct wave wave;
    prepare(&wave, stack);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, send_wave, &wave), 0);
    sleep_ms(30);
    stack_kill(stack, STACK_GATEWAY, SIGKILL);
    pthread_join(thread, NULL);
    stack_revive(stack, STACK_GATEWAY);
    stack_await_ready(stack, 5000);
    for (size_t i = 0; i < AT_ONCE; i++) {
        struct reply unknown = {.status = wave.replies[i]->status == 0 ? 503 : wave.replies[i]->status, .body = ""};
        assert_whole(stack, wave.names[i], &unknown);
    }
}

/* A cost that makes registrations last long enough to be torn. */
static const struct stack_options options = {
    .environment = {"REQUEST_TIMEOUT_MS=1500", "PASSWORD_MEMORY_KIB=1024"},
};
SUITE_WITH("faults_registration", &options, cmocka_unit_test(auth_killed), cmocka_unit_test(user_killed),
           cmocka_unit_test(gateway_killed_is_none_of_their_business))
