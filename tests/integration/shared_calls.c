/* Who asks the same at the same time is answered by one call, as the same user or where the answer is for all; nobody
 * is answered with what is for another, and nobody waits for another's sake. */
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

enum { CROWD = 32, PEOPLE = 16 };

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

static void ask_on(int fd, const struct user *user, int64_t room)
{
    const char *head =
        text("GET /rooms/%lld HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", (long long)room, user->token);
    assert_int_equal(send(fd, head, strlen(head), MSG_NOSIGNAL), strlen(head));
}

/* A connection on which the request has been sent. */
static int ask(const struct stack *stack, const struct user *user, int64_t room)
{
    int fd = raw_connect(stack);
    ask_on(fd, user, room);
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

/* ---- of several people ---- */

/* People whom the gateway knows, on each of its threads. */
static void make_known(struct stack *stack, struct user *people, size_t count)
{
    make_users(stack, people, count);
    for (size_t i = 0; i < count; i++)
        for (int times = 0; times < 2; times++)
            assert_status(http_get(stack, people[i].token, "/auth/profile"), 200);
}

static void people_are_answered_by_few_calls(void **state)
{
    static const char calls_of_room[] = "backend_method_calls_total{method=\"room.get\",code=\"ok\"}";
    struct stack *stack = *state;
    struct user people[PEOPLE];
    int clients[CROWD];
    make_known(stack, people, PEOPLE);
    struct room room = make_room(stack, &people[0], (struct room_options){0});
    assert_status(http_get(stack, people[0].token, "/rooms/%lld", (long long)room.id), 200);
    double before = metrics_value(stack, STACK_ROOM, calls_of_room);
    hold_rooms(stack);
    for (int i = 0; i < CROWD; i++)
        clients[i] = ask(stack, &people[i % PEOPLE], room.id);
    metrics_await(stack, STACK_GATEWAY, under_way, CROWD);
    let_rooms_go(stack);
    for (int i = 0; i < CROWD; i++)
        assert_answered(clients[i], &room);
    assert_in_range((long)(metrics_value(stack, STACK_ROOM, calls_of_room) - before), 1, PEOPLE - 1);
}

static void assert_not_found(int fd)
{
    char bytes[4096] = {0};
    ssize_t len = recv(fd, bytes, sizeof bytes - 1, 0);
    assert_true(len > 0);
    assert_memory_equal(bytes, "HTTP/1.1 404 ", 13);
}

static void set_unlisted(struct stack *stack, const struct user *owner, const struct room *room, bool is_unlisted)
{
    const char *change = text("{\"unlisted\":%s}", is_unlisted ? "true" : "false");
    assert_status(http_patch(stack, owner->token, change, "/rooms/%lld", (long long)room->id), 200);
}

/* The owner's call is under way, and strangers wait for its answer, when its room is made known to few, and to all
 * again. */
static void nobody_is_answered_with_what_is_for_another(void **state)
{
    struct stack *stack = *state;
    struct user people[PEOPLE];
    int clients[CROWD];
    make_known(stack, people, PEOPLE);
    struct room room = make_room(stack, &people[0], (struct room_options){0});
    for (int round = 0; round < 6; round++) {
        bool is_unlisted = round % 3 != 2;
        set_unlisted(stack, &people[0], &room, is_unlisted);
        hold_rooms(stack);
        for (int i = 0; i < CROWD; i++)
            clients[i] = ask(stack, &people[(i + round) % PEOPLE], room.id);
        metrics_await(stack, STACK_GATEWAY, under_way, CROWD);
        let_rooms_go(stack);
        for (int i = 0; i < CROWD; i++)
            if (!is_unlisted || (i + round) % PEOPLE == 0) {
                assert_answered(clients[i], &room);
            } else {
                assert_not_found(clients[i]);
                close(clients[i]);
            }
    }
}

/* All ask in one turn of the gateway's. Whichever end it begins with: the call is made for the owner, who leaves, and
 * goes on for those who wait with it. */
static void an_owner_who_leaves_leaves_nothing_to_strangers(void **state)
{
    enum { LAST = PEOPLE };
    struct stack *stack = *state;
    struct user people[PEOPLE + 1];
    int clients[PEOPLE + 1];
    make_known(stack, people, PEOPLE);
    people[LAST] = people[0];
    struct room room = make_room(stack, &people[0], (struct room_options){0});
    set_unlisted(stack, &people[0], &room, true);
    for (int i = 0; i <= LAST; i++) {
        clients[i] = ask(stack, &people[i], 0);
        assert_not_found(clients[i]); /* it stays open */
    }
    hold_rooms(stack);
    kill(stack->parts[STACK_GATEWAY].pid, SIGSTOP);
    for (int i = 0; i <= LAST; i++)
        ask_on(clients[i], &people[i], room.id);
    kill(stack->parts[STACK_GATEWAY].pid, SIGCONT);
    metrics_await(stack, STACK_GATEWAY, under_way, PEOPLE + 1);
    leave(clients[0]);
    leave(clients[LAST]);
    metrics_await(stack, STACK_GATEWAY, under_way, PEOPLE - 1);
    let_rooms_go(stack);
    for (int i = 1; i < LAST; i++) {
        assert_not_found(clients[i]);
        close(clients[i]);
    }
    metrics_await(stack, STACK_GATEWAY, waiting, 0);
}

static const struct stack_options options = {.environment = {"GATEWAY_THREADS=2"}};

SUITE_WITH("shared_calls", &options, cmocka_unit_test(a_crowd_is_answered_by_few_calls),
           cmocka_unit_test(who_comes_later_is_asked_for_too), cmocka_unit_test(who_leaves_takes_nobody_along),
           cmocka_unit_test(a_crowd_that_leaves_is_forgotten), cmocka_unit_test(people_are_answered_by_few_calls),
           cmocka_unit_test(nobody_is_answered_with_what_is_for_another),
           cmocka_unit_test(an_owner_who_leaves_leaves_nothing_to_strangers))
