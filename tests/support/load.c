/* Traffic on a stack: threads that ask at random and remember what was acknowledged. */
#include "tests/support/load.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

enum { PEOPLE = 4, ROOMS = 8, MAX_CREATED = 4096, PAUSE_MS = 1, PAUSE_AFTER_FAILURE_MS = 10, STANDSTILL_MS = 15000 };

struct worker {
    struct load *load;
    pthread_t thread;
    unsigned seed;
    struct load_result result;
    atomic_size_t succeeded;
    json_int_t created[MAX_CREATED];
};

static struct load {
    const struct stack *stack;
    struct user users[PEOPLE];
    struct user visitors[PEOPLE]; /* who log in again and again, which ends the oldest sessions */
    struct room rooms[ROOMS];
    struct worker workers[LOAD_THREADS];
    bool is_running;
    atomic_bool stopped;
} * current;

static unsigned pick(struct worker *worker, unsigned count)
{
    return (unsigned)rand_r(&worker->seed) % count;
}

/* ---- judging ---- */

static const char *describe(const struct reply *reply)
{
    return text("%s %s → %ld %.300s", reply->verb, reply->path, reply->status, reply->body);
}

static void note_wrong(struct worker *worker, const char *what, const struct reply *reply)
{
    if (worker->result.wrong == NULL)
        worker->result.wrong = text("%s: %s", what, describe(reply));
}

static void note_failure(struct worker *worker, const struct reply *reply)
{
    if (worker->result.failure == NULL)
        worker->result.failure = describe(reply);
}

/* Whether the request was served. */
static bool judge(struct worker *worker, const struct reply *reply)
{
    struct load_result *result = &worker->result;
    if (reply->status >= 200 && reply->status < 300) {
        atomic_fetch_add(&worker->succeeded, 1);
        return true;
    }
    note_failure(worker, reply);
    if (reply->status == 0)
        result->unreachable++;
    else if ((reply->status == 503 || reply->status == 504) && reply_header(reply, "Retry-After") != NULL)
        result->unavailable++;
    else
        note_wrong(worker, "neither served nor unavailable with Retry-After", reply);
    sleep_ms(PAUSE_AFTER_FAILURE_MS);
    return false;
}

static void expect_integer(struct worker *worker, const struct reply *reply, const json_t *object, json_int_t id)
{
    if (json_integer_value(json_object_get(object, "id")) != id)
        note_wrong(worker, "somebody else's reply", reply);
}

/* ---- asking ---- */

static void read_room(struct worker *worker, const struct user *user)
{
    const struct room *room = &worker->load->rooms[pick(worker, ROOMS)];
    struct reply *reply = http_get(worker->load->stack, user->token, "/rooms/%lld", (long long)room->id);
    if (judge(worker, reply))
        expect_integer(worker, reply, reply->json, room->id);
}

static void read_user(struct worker *worker, const struct user *user)
{
    const struct user *other = &worker->load->users[pick(worker, PEOPLE)];
    struct reply *reply = http_get(worker->load->stack, user->token, "/users/%lld", (long long)other->id);
    if (judge(worker, reply))
        expect_integer(worker, reply, reply->json, other->id);
}

/* Where a kept connection ends without a reply, curl asks once more on another. The name is new: if it is taken, it is
 * so by the first time. */
static bool is_own_shadow(const struct reply *reply)
{
    return reply->status == 409 && strstr(reply->body, "\"room_exists\"") != NULL;
}

static void create_room(struct worker *worker, const struct user *user)
{
    if (worker->result.rooms == MAX_CREATED)
        return;
    char *name = unique("loaded");
    struct reply *reply = http_post(worker->load->stack, user->token, text("{\"name\":\"%s\"}", name), "/rooms");
    if (is_own_shadow(reply)) {
        note_failure(worker, reply);
        worker->result.unreachable++;
        return;
    }
    if (!judge(worker, reply))
        return;
    const char *told = json_string_value(json_object_get(reply->json, "name"));
    if (told == NULL || strcmp(told, name) != 0)
        note_wrong(worker, "somebody else's reply", reply);
    worker->created[worker->result.rooms++] = json_integer_value(json_object_get(reply->json, "id"));
}

static void join_room(struct worker *worker, const struct user *user)
{
    const struct room *room = &worker->load->rooms[pick(worker, ROOMS)];
    const char *verb = pick(worker, 2) == 0 ? "join" : "leave";
    struct reply *reply =
        http_post(worker->load->stack, user->token, NULL, "/rooms/%lld/%s", (long long)room->id, verb);
    if (judge(worker, reply))
        expect_integer(worker, reply, reply->json, room->id);
}

static void log_in_again(struct worker *worker, const struct user *user)
{
    const struct user *visitor = &worker->load->visitors[user - worker->load->users];
    struct reply *reply =
        http_post(worker->load->stack, NULL, login_json(visitor->username, visitor->password), "/auth/login");
    if (judge(worker, reply))
        expect_integer(worker, reply, json_object_get(reply->json, "user"), visitor->id);
}

static void *run(void *argument)
{
    static void (*const asks[])(struct worker *, const struct user *) = {read_room, read_user, create_room, join_room,
                                                                         log_in_again};
    struct worker *worker = argument;
    while (!atomic_load(&worker->load->stopped)) {
        asks[pick(worker, 5)](worker, &worker->load->users[pick(worker, PEOPLE)]);
        sleep_ms(PAUSE_MS); /* leaves the machine room for what is tested */
    }
    return NULL;
}

/* ---- start and stop ---- */

struct load *load_start(const struct stack *stack)
{
    assert(current == NULL);
    struct load *load = current = scratch_alloc(sizeof *load);
    load->stack = stack;
    make_users(stack, load->users, PEOPLE);
    make_users(stack, load->visitors, PEOPLE);
    for (size_t i = 0; i < ROOMS; i++)
        load->rooms[i] = make_room(stack, &load->users[i % PEOPLE], (struct room_options){0});
    for (size_t i = 0; i < LOAD_THREADS; i++) {
        load->workers[i].load = load;
        load->workers[i].seed = (unsigned)i + 1;
        assert_int_equal(pthread_create(&load->workers[i].thread, NULL, run, &load->workers[i]), 0);
    }
    load->is_running = true;
    return load;
}

static size_t succeeded(const struct load *load)
{
    size_t sum = 0;
    for (size_t i = 0; i < LOAD_THREADS; i++)
        sum += atomic_load(&load->workers[i].succeeded);
    return sum;
}

void load_await(const struct load *load, size_t more)
{
    size_t goal = succeeded(load) + more;
    int64_t deadline = now_ms() + STANDSTILL_MS;
    while (succeeded(load) < goal) {
        if (now_ms() > deadline)
            fail_msg("the traffic stands still");
        sleep_ms(5);
    }
}

static void join_workers(struct load *load)
{
    atomic_store(&load->stopped, true);
    for (size_t i = 0; load->is_running && i < LOAD_THREADS; i++)
        pthread_join(load->workers[i].thread, NULL);
    load->is_running = false;
    current = NULL;
}

static bool is_there(const struct load *load, json_int_t room)
{
    return http_get(load->stack, load->users[0].token, "/rooms/%lld", (long long)room)->status == 200;
}

static size_t count_lost(const struct load *load)
{
    size_t lost = 0;
    for (size_t i = 0; i < LOAD_THREADS; i++)
        for (size_t room = 0; room < load->workers[i].result.rooms; room++)
            lost += !is_there(load, load->workers[i].created[room]);
    return lost;
}

struct load_result load_end(struct load *load)
{
    struct load_result sum = {.succeeded = succeeded(load)};
    join_workers(load);
    for (size_t i = 0; i < LOAD_THREADS; i++) {
        const struct load_result *one = &load->workers[i].result;
        sum.unavailable += one->unavailable;
        sum.unreachable += one->unreachable;
        sum.rooms += one->rooms;
        sum.failure = sum.failure != NULL ? sum.failure : one->failure;
        sum.wrong = sum.wrong != NULL ? sum.wrong : one->wrong;
    }
    sum.lost = count_lost(load);
    return sum;
}

struct load_result load_stop(struct load *load)
{
    struct load_result sum = load_end(load);
    print_message("%zu succeeded, %zu unavailable, %zu unreachable, %zu rooms\n", sum.succeeded, sum.unavailable,
                  sum.unreachable, sum.rooms);
    if (sum.wrong != NULL)
        fail_msg("%s", sum.wrong);
    assert_int_equal(sum.lost, 0);
    return sum;
}

int load_teardown(void **state)
{
    (void)state;
    if (current != NULL)
        join_workers(current);
    return 0;
}
