/* More than it can take: a full hashing queue, more connections than it holds, a service that does not answer. Each is
 * told, and all works afterwards. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/raw.h"
#include "tests/support/scratch.h"

enum {
    CROWD = 64,
    MAX_CONNECTIONS = 80,
    CONNECTIONS = 40,
    PENDING = 8 /* MAX_PENDING_CALLS, of each of two threads */,
    PATIENCE_MS = 15000
};

/* One request and its reply: then it has been accepted, and lies idle. */
static void ask_on(int fd)
{
    static const char request[] = "GET /api HTTP/1.1\r\nHost: localhost\r\n\r\n";
    char reply[4096];
    assert_int_equal(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
    assert_true(recv(fd, reply, sizeof reply, 0) > 0);
}

static bool has_been_closed(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

/* One for one: no other, and not the one that has just come. The first test: nobody else is connected. */
static void no_more_give_way_than_must(void **state)
{
    enum { ALL = MAX_CONNECTIONS + 20 };
    struct stack *stack = *state;
    int fds[ALL];
    size_t closed = 0;
    for (size_t i = 0; i < ALL; i++) {
        fds[i] = raw_connect(stack);
        ask_on(fds[i]);
    }
    for (size_t i = 0; i < ALL; i++) {
        closed += has_been_closed(fds[i]);
        close(fds[i]);
    }
    assert_int_equal(closed, ALL - MAX_CONNECTIONS);
}

static void a_full_hashing_queue_is_503(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct request requests[CROWD];
    struct reply *replies[CROWD];
    for (size_t i = 0; i < CROWD; i++)
        requests[i] = (struct request){.verb = "POST",
                                       .path = "/auth/login",
                                       .json = login_json(user.username, i % 2 == 0 ? user.password : "wrong")};
    http_send_many(stack, requests, replies, CROWD);
    size_t refused = count_status(replies, CROWD, 503);
    assert_in_range(refused, 1, CROWD - 1);
    for (size_t i = 0; i < CROWD; i++) {
        if (replies[i]->status == 503) {
            assert_error(replies[i], 503, "overloaded");
            assert_non_null(reply_header(replies[i], "Retry-After"));
        } else {
            assert_status(replies[i], i % 2 == 0 ? 200 : 401);
        }
    }
    log_in(stack, &user);
    assert_status(http_get(stack, user.token, "/auth/profile"), 200);
}

static void connections_are_capped(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    int fds[CONNECTIONS * 2];
    for (size_t i = 0; i < CONNECTIONS * 2; i++)
        fds[i] = raw_connect(stack);
    stack_assert_alive(stack); /* the admin listener is not among them */
    for (size_t i = 0; i < CONNECTIONS * 2; i++)
        close(fds[i]);
    assert_status(http_get(stack, user.token, "/auth/profile"), 200);
}

static void idle_connections_give_way(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    int fds[CONNECTIONS * 2];
    for (size_t i = 0; i < CONNECTIONS * 2; i++)
        fds[i] = raw_connect(stack);
    struct request request = {.path = "/auth/profile", .token = user.token};
    struct reply *reply;
    int64_t began = now_ms();
    for (int i = 0; i < 10; i++) {
        http_send_many(stack, &request, &reply, 1); /* on a connection of its own */
        assert_status(reply, 200);
    }
    assert_true(now_ms() - began < PATIENCE_MS / 2); /* without it, as long as the others may be silent */
    for (size_t i = 0; i < CONNECTIONS * 2; i++)
        close(fds[i]);
}

/* ---- one service that hangs ---- */

struct crowd {
    const struct stack *stack;
    struct request requests[CROWD];
    struct reply *replies[CROWD];
    atomic_bool is_done;
};

static void *ask_all(void *argument)
{
    struct crowd *crowd = argument;
    http_send_many(crowd->stack, crowd->requests, crowd->replies, CROWD);
    atomic_store(&crowd->is_done, true);
    return NULL;
}

static void one_that_hangs_takes_no_other_along(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    static struct crowd crowd; /* a failure does not end the thread */
    crowd.stack = stack;
    pthread_t thread;
    for (size_t i = 0; i < CROWD; i++)
        crowd.requests[i] = (struct request){.path = text("/rooms?after=%zu", i), .token = user.token};
    kill(stack->parts[STACK_ROOM].pid, SIGSTOP);
    assert_int_equal(pthread_create(&thread, NULL, ask_all, &crowd), 0);
    size_t answered = 0;
    for (; !atomic_load(&crowd.is_done); answered++)
        assert_int_equal(http_get(stack, user.token, "/auth/profile")->status, 200);
    pthread_join(thread, NULL);
    kill(stack->parts[STACK_ROOM].pid, SIGCONT);
    assert_true(answered > 10);
    size_t refused = 0;
    for (size_t i = 0; i < CROWD; i++) {
        assert_true(crowd.replies[i]->status == 503 || crowd.replies[i]->status == 504);
        refused += strstr(crowd.replies[i]->body, "\"overloaded\"") != NULL;
    }
    assert_in_range(refused, CROWD - 2 * PENDING, CROWD);
    for (int64_t deadline = now_ms() + PATIENCE_MS; http_get(stack, user.token, "/rooms")->status != 200; sleep_ms(10))
        assert_true(now_ms() < deadline);
}

static const struct stack_options options = {
    .environment = {"HASH_QUEUE=4", "PASSWORD_MEMORY_KIB=8192", "PASSWORD_ITERATIONS=2", "MAX_CONNECTIONS=80",
                    "LOGIN_FAILURES_LIMIT=0", "MAX_PENDING_CALLS=8", "REQUEST_TIMEOUT_MS=2000"},
};
SUITE_WITH("overload", &options, cmocka_unit_test(no_more_give_way_than_must),
           cmocka_unit_test(a_full_hashing_queue_is_503), cmocka_unit_test(connections_are_capped),
           cmocka_unit_test(idle_connections_give_way), cmocka_unit_test(one_that_hangs_takes_no_other_along))
