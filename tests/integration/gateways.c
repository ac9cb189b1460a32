/* Two gateways, each with an auth service of its own, on one database: what is ended, changed or taken away at one
 * holds at the other from the next request on, also where the other could not hear of it; and tokens are exchanged
 * once. */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "common/feed.h"
#include "tests/support/database.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"
#include "tests/support/second.h"

enum { CONNECTIONS = 8, TABS = 64, EVENTS = 20000 };

static struct second *second;

/* Each gateway listens to both auth services, as several copies are configured. */
static int begin(void **state)
{
    struct stack *stack = *state;
    if (second != NULL)
        return 0;
    char *feed = text("%s.feed", stack_endpoint(stack, STACK_AUTH));
    stack_set(stack, text("AUTH_FEED_ENDPOINTS=%s,ipc://%s/auth2.feed", feed, stack->folder));
    stack_kill(stack, STACK_GATEWAY, SIGTERM);
    stack_revive(stack, STACK_GATEWAY);
    second = second_start(stack, STACK_AUTH);
    stack_await_ready(stack, 20000);
    return 0;
}

static int end(void **state)
{
    (void)state;
    second_stop(second);
    return 0;
}

/* ---- asking ---- */

static const struct stack *gateway_of(const struct stack *stack, int which)
{
    return which == 0 ? stack : &second->stack;
}

/* Of several connections to each gateway, so that each thread is met. */
static void assert_path_everywhere(const struct stack *stack, const char *token, const char *path, long status)
{
    struct request requests[2 * CONNECTIONS];
    struct reply *replies[2 * CONNECTIONS];
    for (int i = 0; i < 2 * CONNECTIONS; i++)
        requests[i] = (struct request){.path = path, .token = token, .base = gateway_of(stack, i % 2)->url};
    http_send_many(stack, requests, replies, 2 * CONNECTIONS);
    for (int i = 0; i < 2 * CONNECTIONS; i++)
        assert_status(replies[i], status);
}

static void assert_everywhere(const struct stack *stack, const char *token, long status)
{
    assert_path_everywhere(stack, token, "/auth/profile", status);
}

struct login {
    char *access, *refresh;
};

static struct login take(const struct reply *reply)
{
    assert_status(reply, 200);
    return (struct login){text("%s", reply_string(reply, "access_token")),
                          text("%s", reply_string(reply, "refresh_token"))};
}

static struct login begin_at(const struct stack *gateway, const struct user *user)
{
    return take(http_post(gateway, NULL, login_json(user->username, user->password), "/auth/login"));
}

static char *refresh_json(const char *token)
{
    return text("{\"refresh_token\":\"%s\"}", token);
}

static void assert_no_refresh(const struct stack *stack, const struct login *login)
{
    for (int at = 0; at < 2; at++) {
        const struct stack *gateway = gateway_of(stack, at);
        assert_error(http_post(gateway, NULL, refresh_json(login->refresh), "/auth/refresh"), 401, "unauthorized");
        assert_error(http_post(gateway, login->access, NULL, "/auth/refresh"), 401, "unauthorized");
    }
}

static struct reply *patch(const struct stack *gateway, const struct user *by, const struct user *whom,
                           const char *json)
{
    return http_patch(gateway, by->token, json, "/users/%lld", (long long)whom->id);
}

/* ---- what ends at one ---- */

static void logging_out(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    for (int at = 0; at < 2; at++) {
        struct login login = begin_at(gateway_of(stack, at), &user);
        assert_everywhere(stack, login.access, 200);
        assert_status(http_post(gateway_of(stack, at), login.access, NULL, "/auth/logout"), 204);
        assert_everywhere(stack, login.access, 401);
        assert_no_refresh(stack, &login);
        /* what one auth service began, the other ends */
        login = begin_at(gateway_of(stack, at), &user);
        assert_everywhere(stack, login.access, 200);
        assert_status(http_post(gateway_of(stack, !at), user.token, "{\"scope\":\"others\"}", "/auth/logout"), 204);
        assert_everywhere(stack, login.access, 401);
        assert_everywhere(stack, user.token, 200);
    }
}

static void another_password(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    for (int at = 0; at < 2; at++) {
        struct login login = begin_at(gateway_of(stack, !at), &user);
        assert_everywhere(stack, login.access, 200);
        assert_everywhere(stack, user.token, 200);
        assert_status(http_post(gateway_of(stack, at), user.token,
                                text("{\"currentPassword\":\"%s\",\"password\":\"secret %d\"}", user.password, at),
                                "/auth/password"),
                      204);
        assert_everywhere(stack, login.access, 401);
        assert_everywhere(stack, user.token, 200);
        assert_no_refresh(stack, &login);
        user.password = text("secret %d", at);
    }
}

static void another_role(void **state)
{
    struct stack *stack = *state;
    struct user admin = make_admin(stack), user = make_user(stack);
    for (int at = 0; at < 2; at++) {
        assert_path_everywhere(stack, user.token, "/admin/audit", 403);
        assert_status(patch(gateway_of(stack, at), &admin, &user, "{\"role\":\"admin\"}"), 200);
        assert_path_everywhere(stack, user.token, "/admin/audit", 200);
        assert_status(patch(gateway_of(stack, !at), &admin, &user, "{\"role\":\"user\"}"), 200);
    }
    assert_path_everywhere(stack, user.token, "/admin/audit", 403);
}

static void disabling(void **state)
{
    struct stack *stack = *state;
    struct user admin = make_admin(stack);
    for (int at = 0; at < 2; at++) {
        struct user user = make_user(stack);
        struct login login = begin_at(gateway_of(stack, !at), &user);
        assert_everywhere(stack, login.access, 200);
        assert_status(patch(gateway_of(stack, at), &admin, &user, "{\"disabled\":true}"), 200);
        assert_everywhere(stack, login.access, 401);
        assert_no_refresh(stack, &login);
        assert_status(patch(gateway_of(stack, !at), &admin, &user, "{\"disabled\":false}"), 200);
        assert_everywhere(stack, login.access, 401);
        assert_no_refresh(stack, &login);
        assert_everywhere(stack, begin_at(gateway_of(stack, at), &user).access, 200);
    }
}

static void deletion(void **state)
{
    struct stack *stack = *state;
    for (int at = 0; at < 2; at++) {
        struct user user = make_user(stack);
        struct login login = begin_at(gateway_of(stack, !at), &user);
        assert_everywhere(stack, login.access, 200);
        assert_status(http_delete(gateway_of(stack, at), user.token, "/users/%lld", (long long)user.id), 204);
        assert_everywhere(stack, login.access, 401);
        assert_everywhere(stack, user.token, 401);
        assert_no_refresh(stack, &login);
        assert_error(http_post(gateway_of(stack, !at), NULL, login_json(user.username, user.password), "/auth/login"),
                     401, "unauthorized");
    }
}

static void a_token_presented_again(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct login first = begin_at(stack, &user);
    struct login second_one = take(http_post(&second->stack, NULL, refresh_json(first.refresh), "/auth/refresh"));
    struct login third = take(http_post(stack, NULL, refresh_json(second_one.refresh), "/auth/refresh"));
    assert_everywhere(stack, third.access, 200);
    assert_error(http_post(&second->stack, NULL, refresh_json(first.refresh), "/auth/refresh"), 401, "unauthorized");
    assert_everywhere(stack, third.access, 401);
    assert_no_refresh(stack, &third);
}

/* ---- many at once ---- */

static void sixty_four_refreshes_of_one_token_give_one_session_and_one_token(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct login first = begin_at(stack, &user);
    char *id = text("%lld", (long long)user.id);
    struct request requests[TABS];
    struct reply *replies[TABS];
    for (int i = 0; i < TABS; i++)
        requests[i] = (struct request){.verb = "POST",
                                       .path = "/auth/refresh",
                                       .json = refresh_json(first.refresh),
                                       .base = gateway_of(stack, i % 2)->url};
    http_send_many(stack, requests, replies, TABS);
    const struct login current = take(replies[0]);
    for (int i = 0; i < TABS; i++)
        assert_string_equal(take(replies[i]).refresh, current.refresh);
    assert_string_equal(
        database_value(stack, "select count(*) from auth.session where user_id = $1 and expires_at > now()", id),
        "2"); /* this one, and that of the registration */
    take(http_post(&second->stack, NULL, refresh_json(current.refresh), "/auth/refresh"));
}

/* ---- a gateway that does not hear ---- */

/* The thread of libzmq that receives for a process. */
static pid_t receiving_thread(pid_t process)
{
    char *folder = text("/proc/%d/task", (int)process), name[64];
    DIR *tasks = opendir(folder);
    assert_non_null(tasks);
    pid_t found = 0;
    for (struct dirent *task; found == 0 && (task = readdir(tasks)) != NULL;) {
        FILE *file = fopen(text("%s/%s/comm", folder, task->d_name), "r");
        if (file != NULL && fgets(name, sizeof name, file) != NULL && strncmp(name, "ZMQbg/IO", 8) == 0)
            found = (pid_t)atoi(task->d_name);
        if (file != NULL)
            fclose(file);
    }
    closedir(tasks);
    assert_true(found != 0);
    return found;
}

enum { DEAF_MS = 300 };
static atomic_bool is_deaf;

/* As if the machine were too busy to run it: what comes waits in the kernel, while the gateway answers. */
static void *deafen_for_a_while(void *memory)
{
    pid_t thread = *(pid_t *)memory;
    if (ptrace(PTRACE_SEIZE, thread, NULL, NULL) != 0 || ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) != 0 ||
        waitpid(thread, NULL, __WALL) != thread)
        return NULL;
    atomic_store(&is_deaf, true);
    sleep_ms(DEAF_MS);
    ptrace(PTRACE_DETACH, thread, NULL, NULL);
    return memory;
}

/* Who has the reply does not meet what was cached before, not even where the news is late. */
static void what_a_gateway_has_not_heard_is_not_answered_yet(void **state)
{
    struct stack *stack = *state;
    struct user admin = make_admin(stack), user = make_user(stack);
    assert_path_everywhere(stack, user.token, "/admin/audit", 403);
    pid_t thread = receiving_thread(second->gateway.pid);
    pthread_t deafening;
    void *was_deaf = NULL;
    assert_int_equal(pthread_create(&deafening, NULL, deafen_for_a_while, &thread), 0);
    for (int64_t until_ms = now_ms() + 20000; !atomic_load(&is_deaf); sleep_ms(1))
        if (now_ms() >= until_ms)
            fail_msg("its receiving thread cannot be stopped");
    assert_error(http_get(&second->stack, user.token, "/admin/audit"), 403, "forbidden"); /* it answers */
    assert_status(patch(stack, &admin, &user, "{\"role\":\"admin\"}"), 200);
    assert_path_everywhere(stack, user.token, "/admin/audit", 200);
    pthread_join(deafening, &was_deaf);
    assert_non_null(was_deaf);
}

/* While it stood still much happened, which waits for it or was dropped, as long as that took: what it remembers is not
 * to be trusted. It may not answer (503) before it hears the services again. */
static void a_gateway_that_missed_events_asks(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack), crowd = make_user(stack);
    struct login login = begin_at(stack, &user);
    assert_everywhere(stack, login.access, 200);
    database_value(stack,
                   "insert into auth.session (user_id, key_hash, token_hash, expires_at, address, agent)"
                   " select $1, sha256('k'), sha256('t'), now() + interval '1 hour', '', ''"
                   " from generate_series(1, $2::integer) returning 1",
                   text("%lld", (long long)crowd.id), text("%d", EVENTS));
    assert_int_equal(kill(second->gateway.pid, SIGSTOP), 0);
    int64_t stopped_ms = now_ms();
    assert_status(http_post(stack, crowd.token, "{\"scope\":\"all\"}", "/auth/logout"), 204);
    assert_status(http_post(stack, login.access, NULL, "/auth/logout"), 204);
    while (now_ms() <= stopped_ms + FEED_PAUSE_MS)
        sleep_ms(10);
    assert_int_equal(kill(second->gateway.pid, SIGCONT), 0);
    int64_t deadline = now_ms() + 20000;
    for (long status = 0; status != 401;) {
        status = http_get(&second->stack, login.access, "/auth/profile")->status;
        if (status != 401 && status != 503)
            fail_msg("%ld", status);
        assert_true(now_ms() < deadline);
    }
    stack_await_ready(&second->stack, 20000);
    assert_everywhere(stack, login.access, 401);
    assert_everywhere(stack, user.token, 200);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)
SUITE("gateways", TEST(logging_out), TEST(another_password), TEST(another_role), TEST(disabling), TEST(deletion),
      TEST(a_token_presented_again), TEST(sixty_four_refreshes_of_one_token_give_one_session_and_one_token),
      TEST(what_a_gateway_has_not_heard_is_not_answered_yet),
      cmocka_unit_test_setup_teardown(a_gateway_that_missed_events_asks, begin, end))
