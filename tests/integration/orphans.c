/* kill -9 of any process at any moment leaves nothing behind that belongs to nobody: people come, make rooms,
 * give others roles in them, join, wait, write posts and go, processes are killed under them, and in the end all
 * schemas must agree. SEED=n plays other moments. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

enum {
    KILLS = 50,
    CALM = 40 /* requests, at most */,
    THREADS = 4,
    KNOWN_ROOMS = 16,
    KNOWN_PEOPLE = 8,
    PATIENCE_MS = 20000
};

static struct stack *stack;
static atomic_bool is_over;
/* Some that came lately; 0 = none yet */
static atomic_llong rooms[KNOWN_ROOMS], people[KNOWN_PEOPLE];
static atomic_int served, deleted;

/* ---- people ---- */

static bool is_good(const struct reply *reply)
{
    bool good = reply->status >= 200 && reply->status < 300;
    atomic_fetch_add(&served, good);
    return good;
}

/* Somebody else is given to do with it, who may be gone by then. */
static void give_a_role(unsigned *seed, const char *token, long long room)
{
    static const char *const roles[] = {"moderators", "invitations", "bans"};
    long long whom = atomic_load(&people[(unsigned)rand_r(seed) % KNOWN_PEOPLE]);
    if (whom != 0)
        is_good(http_put(stack, token, NULL, "/rooms/%lld/%s/%lld", room, roles[(unsigned)rand_r(seed) % 3], whom));
}

static void make_a_room(unsigned *seed, const char *token)
{
    const char *waiting_room = rand_r(seed) % 2 == 0 ? "true" : "false";
    struct reply *reply =
        http_post(stack, token, text("{\"name\":\"%s\",\"waitingRoom\":%s}", unique("room"), waiting_room), "/rooms");
    if (!is_good(reply))
        return;
    give_a_role(seed, token, reply_integer(reply, "id"));
    atomic_store(&rooms[(unsigned)rand_r(seed) % KNOWN_ROOMS], reply_integer(reply, "id"));
}

static void join_a_room(unsigned *seed, const char *token)
{
    long long room = atomic_load(&rooms[(unsigned)rand_r(seed) % KNOWN_ROOMS]);
    if (room != 0)
        is_good(http_post(stack, token, NULL, "/rooms/%lld/join", room));
}

static void write_a_post(const char *token)
{
    is_good(http_post(stack, token, "{\"title\":\"a title\",\"content\":\"words\"}", "/posts"));
}

/* One life: registers, makes rooms, joins others', writes posts, and most leave for good. */
static void live(unsigned *seed)
{
    char *name = unique("soul");
    struct reply *reply =
        http_post(stack, NULL, registration_json(name, text("%s@example.org", name), "a password"), "/auth/register");
    if (!is_good(reply))
        return;
    json_int_t id = object_integer(json_object_get(reply->json, "user"), "id");
    const char *token = reply_string(reply, "access_token");
    atomic_store(&people[(unsigned)rand_r(seed) % KNOWN_PEOPLE], id);
    for (int i = 0; i < 3; i++) {
        make_a_room(seed, token);
        join_a_room(seed, token);
        join_a_room(seed, token);
        write_a_post(token);
    }
    if (rand_r(seed) % 4 != 0 && is_good(http_delete(stack, token, "/users/%lld", (long long)id)))
        atomic_fetch_add(&deleted, 1);
}

static void *run(void *seed)
{
    while (!atomic_load(&is_over))
        live(seed);
    return NULL;
}

/* ---- whether all schemas agree ---- */

/* Each: what must find nothing. */
static const char *const orphans[] = {
    "select 'password of nobody', user_id from auth.credential where user_id not in (select id from users.person)",
    "select 'person without a password', id from users.person where id not in (select user_id from auth.credential)",
    "select 'session of nobody', user_id from auth.session where user_id not in (select id from users.person)",
    "select 'seat of nobody', user_id from rooms.participant where user_id not in (select id from users.person)",
    "select 'moderator who is nobody', user_id from rooms.moderator where user_id not in (select id from users.person)",
    "select 'ban of nobody', user_id from rooms.ban where user_id not in (select id from users.person)",
    "select 'invitation of nobody', user_id from rooms.invitation where user_id not in (select id from users.person)",
    "select 'nobody waits', user_id from rooms.waiting where user_id not in (select id from users.person)",
    "select 'post of nobody', id from posts.post where author_id not in (select id from users.person)",
    "select 'room of nobody', id from rooms.room where owner_id not in (select id from users.person)",
    "select 'wrong count of seats', id from rooms.room where participant_count <> (select count(*) from "
    "rooms.participant "
    "where room_id = room.id)",
};

static void assert_agreement(void)
{
    int64_t deadline = now_ms() + PATIENCE_MS;
    for (size_t i = 0; i < sizeof orphans / sizeof *orphans; i++) {
        char *what;
        while ((what = database_value(
                    stack, text("select concat_ws(' ', what, whose) from (%s limit 1) as orphan (what, whose)",
                                orphans[i]))) != NULL) {
            if (now_ms() > deadline)
                fail_msg("%s", what);
            sleep_ms(20);
        }
    }
}

/* So that each kill meets work under way. */
static void await_service(int more)
{
    int64_t deadline = now_ms() + PATIENCE_MS;
    for (int begun = atomic_load(&served); atomic_load(&served) < begun + more; sleep_ms(1))
        if (now_ms() > deadline)
            fail_msg("nothing is served any more");
}

static unsigned seed_of_run(void)
{
    const char *given = getenv("SEED");
    return given != NULL ? (unsigned)strtoul(given, NULL, 10) : 1;
}

static void kills_leave_no_orphans(void **state)
{
    stack = *state;
    unsigned seed = seed_of_run(), seeds[THREADS];
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        seeds[i] = seed + 1 + (unsigned)i;
        assert_int_equal(pthread_create(&threads[i], NULL, run, &seeds[i]), 0);
    }
    for (int i = 0; i < KILLS; i++) {
        await_service(1 + rand_r(&seed) % CALM);
        enum stack_part part = (enum stack_part)((unsigned)rand_r(&seed) % STACK_PARTS);
        stack_kill(stack, part, SIGKILL);
        stack_revive(stack, part);
    }
    atomic_store(&is_over, true);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    stack_await_ready(stack, PATIENCE_MS);
    assert_true(atomic_load(&deleted) > 0);
    /* No registration is under way any more: what is left of broken ones needs to wait no longer. */
    assert_non_null(database_value(stack,
                                   "with aged as (update auth.credential set updated_at = now() - interval '1 hour' "
                                   "returning 1) select count(*) from aged"));
    assert_agreement();
}

static const struct stack_options options = {.environment = {"RETENTION_INTERVAL_S=1"}};

SUITE_WITH("orphans", &options, cmocka_unit_test(kills_leave_no_orphans))
