/* Sixty-four people at once in a few rooms for ten seconds: joining, leaving, kicking, banning, inviting, admitting,
 * appointing, editing. At every moment the seats hold and the count is the number of rows; and who replays the events
 * from the first on knows who is in, and who waits. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/events.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

enum { PEOPLE = 64, ROOMS = 4, SEATS = 5, TIME_MS = 10000, LOOK_PAUSE_MS = 20 };

static struct crowd {
    const struct stack *stack;
    struct user owner, people[PEOPLE];
    json_int_t rooms[ROOMS];
    atomic_bool stopped;
    atomic_size_t served;
    _Atomic(const char *) strange; /* a reply that must not be; NULL = none */
} crowd;

struct person {
    pthread_t thread;
    unsigned index, seed;
};

static unsigned pick(struct person *person, unsigned count)
{
    return (unsigned)rand_r(&person->seed) % count;
}

/* ---- what they do: verb, path with the room and a person, body; by the person itself or the owner ---- */

static const struct deed {
    unsigned weight;
    bool is_owners;
    const char *verb, *path, *json;
} deeds[] = {
    {40, false, "POST", "join", NULL},
    {20, false, "POST", "leave", NULL},
    {10, true, "POST", "waiting/%lld/admit", NULL},
    {4, true, "POST", "waiting/%lld/deny", NULL},
    {3, true, "POST", "waiting/admit", NULL},
    {6, true, "DELETE", "participants/%lld", NULL},
    {3, true, "PUT", "bans/%lld", NULL},
    {12, true, "DELETE", "bans/%lld", NULL},
    {2, true, "PUT", "invitations/%lld", NULL},
    {4, true, "DELETE", "invitations/%lld", NULL},
    {2, true, "PUT", "moderators/%lld", NULL},
    {4, true, "DELETE", "moderators/%lld", NULL},
    {2, true, "PATCH", "", "{\"waitingRoom\":true}"},
    {2, true, "PATCH", "", "{\"waitingRoom\":false}"},
    {2, true, "PATCH", "", "{\"description\":\"edited\"}"},
};
enum { DEEDS = sizeof deeds / sizeof *deeds };

static const struct deed *pick_deed(struct person *person)
{
    unsigned total = 0;
    for (size_t i = 0; i < DEEDS; i++)
        total += deeds[i].weight;
    unsigned place = pick(person, total);
    size_t i = 0;
    while (place >= deeds[i].weight)
        place -= deeds[i++].weight;
    return &deeds[i];
}

static const char *path_of(struct person *person, const struct deed *deed)
{
    long long room = crowd.rooms[pick(person, ROOMS)], whom = crowd.people[pick(person, PEOPLE)].id;
    const char *id = strstr(deed->path, "%lld");
    if (*deed->path == '\0')
        return text("/rooms/%lld", room);
    if (id == NULL)
        return text("/rooms/%lld/%s", room, deed->path);
    return text("/rooms/%lld/%.*s%lld%s", room, (int)(id - deed->path), deed->path, whom, id + strlen("%lld"));
}

/* Refusals are part of the game: full, banned, not waiting, banned and so not invited. */
static bool is_fair(const struct reply *reply)
{
    const json_t *count = json_object_get(reply->json, "participantCount");
    if (count != NULL && json_integer_value(count) > SEATS)
        return false;
    return (reply->status >= 200 && reply->status < 300) || reply->status == 403 || reply->status == 404 ||
           reply->status == 409;
}

static void *live(void *argument)
{
    struct person *person = argument;
    while (!atomic_load(&crowd.stopped)) {
        const struct deed *deed = pick_deed(person);
        const struct user *user = deed->is_owners ? &crowd.owner : &crowd.people[person->index];
        const struct request request = {
            .verb = deed->verb, .path = path_of(person, deed), .token = user->token, .json = deed->json};
        struct reply *reply = http_send(crowd.stack, &request);
        if (!is_fair(reply))
            atomic_store(&crowd.strange,
                         text("%s %s → %ld %.300s", deed->verb, request.path, reply->status, reply->body));
        else if (reply->status < 300)
            atomic_fetch_add(&crowd.served, 1);
    }
    return NULL;
}

/* ---- looking on ---- */

/* NULL = none. One statement sees one moment. */
static char *find_wrong_rooms(void)
{
    return database_value(crowd.stack,
                          "SELECT string_agg(format('room %s: %s of %s seats, %s rows', id, participant_count, "
                          "max_participants, rows), '; ') FROM rooms.room, LATERAL (SELECT count(*) AS rows FROM "
                          "rooms.participant WHERE room_id = room.id) AS seen WHERE participant_count <> rows OR "
                          "rows > max_participants");
}

/* "5 7 9": the people of a room in that table. */
static const char *people_in(const char *table, json_int_t room)
{
    char *people = database_value(
        crowd.stack,
        text("SELECT string_agg(user_id::text, ' ' ORDER BY user_id) FROM rooms.%s WHERE room_id = $1::bigint", table),
        text("%lld", (long long)room));
    return people != NULL ? people : "";
}

/* ---- replaying ---- */

struct replay {
    bool is_in[PEOPLE], waits[PEOPLE];
    unsigned members, events;
};

static size_t index_of(json_int_t user)
{
    for (size_t i = 0; i < PEOPLE; i++)
        if (crowd.people[i].id == user)
            return i;
    fail_msg("an event about user %lld", (long long)user);
    return 0;
}

static void replay_event(struct replay *replay, const char *name, const char *reason, size_t who)
{
    if (strcmp(name, "room.joined") == 0) {
        assert_false(replay->is_in[who]);
        assert_true(++replay->members <= SEATS);
        replay->is_in[who] = true;
        replay->waits[who] = false;
    } else if (strcmp(name, "room.left") == 0 && strcmp(reason, "left_waiting") != 0) {
        assert_true(replay->is_in[who]);
        replay->members--;
        replay->is_in[who] = false;
    } else if (strcmp(name, "room.kicked") == 0) {
        assert_true(replay->is_in[who]);
    } else if (strcmp(name, "room.waiting") == 0) {
        assert_false(replay->is_in[who] || replay->waits[who]);
        replay->waits[who] = true;
    } else {
        assert_true(strcmp(name, "room.banned") == 0 || replay->waits[who]); /* admitted, denied, left_waiting */
        replay->waits[who] = false;
    }
}

static const char *list(const bool *flags)
{
    char *people = text("%s", "");
    for (size_t i = 0; i < PEOPLE; i++)
        if (flags[i])
            people = text("%s%s%lld", people, *people ? " " : "", (long long)crowd.people[i].id);
    return people;
}

/* Of any room that is there, into its own replay. */
static void on_event(void *context, const char *name, const json_t *body)
{
    struct replay *replays = context;
    json_int_t room = json_integer_value(json_object_get(body, "roomId"));
    const json_t *user = json_object_get(body, "userId");
    const char *reason = json_string_value(json_object_get(body, "reason"));
    for (size_t i = 0; user != NULL && i < ROOMS; i++)
        if (crowd.rooms[i] == room) {
            replay_event(&replays[i], name, reason != NULL ? reason : "", index_of(json_integer_value(user)));
            replays[i].events++;
        }
}

/* As a subscriber who begins with the first event knows it. People are listed by id: so are they in the crowd. */
static void assert_replayed(void)
{
    struct replay replays[ROOMS] = {0};
    struct caller_bus *bus = caller_bus_new(crowd.stack);
    read_events(bus, STACK_ROOM, "replayer", 0, on_event, replays);
    caller_bus_destroy(&bus);
    for (size_t i = 0; i < ROOMS; i++) {
        assert_true(replays[i].events > 100); /* they did get in each other's way */
        assert_string_equal(list(replays[i].is_in), people_in("participant", crowd.rooms[i]));
        assert_string_equal(list(replays[i].waits), people_in("waiting", crowd.rooms[i]));
    }
}

/* ---- the test ---- */

static int compare_ids(const void *a, const void *b)
{
    json_int_t left = ((const struct user *)a)->id, right = ((const struct user *)b)->id;
    return (left > right) - (left < right);
}

static void gather(const struct stack *stack)
{
    crowd.stack = stack;
    crowd.owner = make_user(stack);
    make_users(stack, crowd.people, PEOPLE);
    qsort(crowd.people, PEOPLE, sizeof *crowd.people, compare_ids);
    for (size_t i = 0; i < ROOMS; i++)
        crowd.rooms[i] = make_room(stack, &crowd.owner, (struct room_options){.max_participants = SEATS}).id;
}

/* What was wrong at any moment; NULL = nothing. */
static const char *let_them_live(void)
{
    static struct person persons[PEOPLE];
    const char *wrong = NULL;
    for (unsigned i = 0; i < PEOPLE; i++) {
        persons[i] = (struct person){.index = i, .seed = 4711 + i};
        assert_int_equal(pthread_create(&persons[i].thread, NULL, live, &persons[i]), 0);
    }
    for (int64_t end = now_ms() + TIME_MS; now_ms() < end && wrong == NULL; sleep_ms(LOOK_PAUSE_MS))
        wrong = find_wrong_rooms();
    atomic_store(&crowd.stopped, true);
    for (unsigned i = 0; i < PEOPLE; i++)
        pthread_join(persons[i].thread, NULL);
    if (wrong == NULL)
        wrong = atomic_load(&crowd.strange);
    return wrong != NULL ? wrong : find_wrong_rooms();
}

static void a_crowd_keeps_seats_counts_and_events_in_step(void **state)
{
    gather(*state);
    const char *wrong = let_them_live();
    if (wrong != NULL)
        fail_msg("%s", wrong);
    assert_replayed();
    print_message("%zu requests were served\n", atomic_load(&crowd.served));
}

SUITE("room_crowd", cmocka_unit_test(a_crowd_keeps_seats_counts_and_events_in_step))
