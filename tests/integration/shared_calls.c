/* Who asks the same at the same time, as the same user, is answered by one call; and nobody waits for another's sake.
 */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/metrics.h"
#include "tests/support/raw.h"
#include "tests/support/scratch.h"

enum { CROWD = 32 };

static const char calls[] = "backend_bus_calls_total", under_way[] = "backend_http_requests_in_progress",
                  waiting[] = "backend_bus_pending_calls";

static void hold_rooms(struct stack *stack)
{
    kill(stack->parts[STACK_ROOM].pid, SIGSTOP);
}

static void let_rooms_go(struct stack *stack)
{
    kill(stack->parts[STACK_ROOM].pid, SIGCONT);
}

/* A connection on which the request has been sent. */
static int ask(const struct stack *stack, const struct user *user, int64_t room)
{
    int fd = raw_connect(stack);
    const char *head =
        text("GET /rooms/%lld HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", (long long)room, user->token);
    assert_int_equal(send(fd, head, strlen(head), MSG_NOSIGNAL), strlen(head));
    return fd;
}

/* By a reset: who only says that it sends no more may wait for its answer. */
static void leave(int fd)
{
    const struct linger at_once = {.l_onoff = 1};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    close(fd);
}

static void assert_answered(int fd, const struct room *room)
{
    char bytes[4096] = {0};
    ssize_t len = recv(fd, bytes, sizeof bytes - 1, 0);
    assert_true(len > 0);
    assert_memory_equal(bytes, "HTTP/1.1 200 ", 13);
    assert_non_null(strstr(bytes, text("\"id\":%lld,", (long long)room->id)));
    close(fd);
}

struct crowd {
    struct stack *stack;
    struct request requests[CROWD];
    struct reply *replies[CROWD];
};

static void *ask_all(void *memory)
{
    struct crowd *crowd = memory;
    http_send_many(crowd->stack, crowd->requests, crowd->replies, CROWD);
    return NULL;
}

/* The user is not known yet, and the room service holds the first one's call. */
static void a_crowd_is_answered_by_few_calls(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), user = make_user(stack);
    struct room room = make_room(stack, &owner, (struct room_options){0});
    static struct crowd crowd; /* a failure does not end the thread */
    crowd.stack = stack;
    for (size_t i = 0; i < CROWD; i++)
        crowd.requests[i] = (struct request){.path = text("/rooms/%lld", (long long)room.id), .token = user.token};
    hold_rooms(stack);
    double before = metrics_value(stack, STACK_GATEWAY, calls);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, ask_all, &crowd), 0);
    metrics_await(stack, STACK_GATEWAY, under_way, CROWD);
    let_rooms_go(stack);
    pthread_join(thread, NULL);
    for (size_t i = 0; i < CROWD; i++) {
        assert_status(crowd.replies[i], 200);
        assert_string_equal(crowd.replies[i]->body, crowd.replies[0]->body);
    }
    double made = metrics_value(stack, STACK_GATEWAY, calls) - before;
    assert_true(made >= 3 && made < CROWD); /* the user, the session, the room */
}

/* A room of the user, whom the gateway knows; nobody learns of it until rooms are let go. */
static struct room hold_a_room(struct stack *stack, struct user *user)
{
    struct room room = make_room(stack, user, (struct room_options){0});
    assert_status(http_get(stack, user->token, "/auth/profile"), 200);
    hold_rooms(stack);
    return room;
}

static void ask_with_all(const struct stack *stack, const struct user *user, const struct room *room,
                         int clients[CROWD])
{
    for (int i = 0; i < CROWD; i++)
        clients[i] = ask(stack, user, room->id);
    metrics_await(stack, STACK_GATEWAY, under_way, CROWD);
}

/* Held behind a call that hangs, for a moment only. */
static void who_comes_later_is_asked_for_too(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct room room = hold_a_room(stack, &user);
    int first = ask(stack, &user, room.id);
    metrics_await(stack, STACK_GATEWAY, waiting, 1);
    int second = ask(stack, &user, room.id);
    metrics_await(stack, STACK_GATEWAY, waiting, 2);
    let_rooms_go(stack);
    assert_answered(first, &room);
    assert_answered(second, &room);
    metrics_await(stack, STACK_GATEWAY, waiting, 0);
}

static void who_leaves_takes_nobody_along(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    int clients[CROWD];
    struct room room = hold_a_room(stack, &user);
    ask_with_all(stack, &user, &room, clients);
    for (int i = 0; i < CROWD; i++)
        if (i % 4 != 3)
            leave(clients[i]);
    metrics_await(stack, STACK_GATEWAY, under_way, CROWD / 4);
    let_rooms_go(stack);
    for (int i = 3; i < CROWD; i += 4)
        assert_answered(clients[i], &room);
    metrics_await(stack, STACK_GATEWAY, waiting, 0);
}

/* All leave, while one call is under way and others are held; the next one asks for itself. */
static void a_crowd_that_leaves_is_forgotten(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    int clients[CROWD];
    struct room room = hold_a_room(stack, &user);
    ask_with_all(stack, &user, &room, clients);
    for (int i = 0; i < CROWD; i++)
        leave(clients[i]);
    metrics_await(stack, STACK_GATEWAY, under_way, 0);
    metrics_await(stack, STACK_GATEWAY, waiting, 0);
    let_rooms_go(stack);
    assert_status(http_get(stack, user.token, "/rooms/%lld", (long long)room.id), 200);
}

static const struct stack_options options = {.environment = {"GATEWAY_THREADS=2"}};

SUITE_WITH("shared_calls", &options, cmocka_unit_test(a_crowd_is_answered_by_few_calls),
           cmocka_unit_test(who_comes_later_is_asked_for_too), cmocka_unit_test(who_leaves_takes_nobody_along),
           cmocka_unit_test(a_crowd_that_leaves_is_forgotten))
