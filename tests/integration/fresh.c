/* What was written is what is read: with two copies of everything, whoever asks after a write was acknowledged sees it,
 * through whichever gateway and whichever copy, however many ask at the same moment. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

enum { READERS = 24, WRITES = 150, OTHER_ROOMS = 60 };

/* A room whose maximum of participants is written again and again: 2 … 50, then 2 again. */
struct scene {
    const struct stack *stack;
    const char *path;
    const char *list; /* where it stands first; being long, it takes a while */
    atomic_int acknowledged;
    atomic_bool is_over;
};

struct reader {
    const struct scene *scene;
    const char *token;
    pthread_t thread;
    long reads;
    struct reply *wrong; /* the first that was older than what was acknowledged before it was asked for */
    int expected;
};

static int participants_of(int write)
{
    return 2 + write % 49;
}

/* Writes that may be under way make the next one as good. */
static bool is_fresh(const struct reply *reply, int acknowledged)
{
    const json_t *room = json_is_array(reply->json) ? json_array_get(reply->json, 0) : reply->json;
    int seen = (int)json_integer_value(json_object_get(room, "maxParticipants"));
    return reply->status == 200 && (seen == participants_of(acknowledged) || seen == participants_of(acknowledged + 1));
}

/* Later writes than the next may have been made while the answer was on its way: then nothing is known. */
static void read_once(struct reader *reader, const char *path)
{
    const struct scene *scene = reader->scene;
    int before = atomic_load(&scene->acknowledged);
    struct reply *reply = http_get(scene->stack, reader->token, "%s", path);
    bool is_known = atomic_load(&scene->acknowledged) == before;
    if (reader->wrong != NULL || !is_known)
        return;
    reader->reads++;
    if (!is_fresh(reply, before)) {
        reader->wrong = reply;
        reader->expected = participants_of(before);
    }
}

static void *read_on(void *memory)
{
    struct reader *reader = memory;
    while (!atomic_load(&reader->scene->is_over)) {
        read_once(reader, reader->scene->path);
        read_once(reader, reader->scene->list);
    }
    return NULL;
}

static void write_on(struct scene *scene, const struct user *owner)
{
    for (int write = 1; write <= WRITES; write++) {
        struct reply *reply = http_patch(scene->stack, owner->token,
                                         text("{\"maxParticipants\":%d}", participants_of(write)), "%s", scene->path);
        assert_status(reply, 200);
        atomic_store(&scene->acknowledged, write);
    }
}

static void a_read_after_a_write_sees_it(void **state)
{
    struct stack *stack = *state;
    struct user owner = make_user(stack), other = make_user(stack);
    struct room room = make_room(stack, &owner, (struct room_options){.max_participants = participants_of(0)});
    for (int i = 0; i < OTHER_ROOMS; i++)
        make_room(stack, &other, (struct room_options){0});
    struct scene scene = {.stack = stack,
                          .path = text("/rooms/%lld", (long long)room.id),
                          .list = text("/rooms?after=%lld&limit=100", (long long)room.id - 1)};
    struct reader readers[READERS];
    for (int i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.scene = &scene, .token = i % 4 != 0 ? owner.token : other.token};
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
    }
    write_on(&scene, &owner);
    atomic_store(&scene.is_over, true);
    long reads = 0;
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i].thread, NULL);
        reads += readers[i].reads;
    }
    for (int i = 0; i < READERS; i++)
        if (readers[i].wrong != NULL)
            fail_msg("asked after %d was acknowledged: %s", readers[i].expected, readers[i].wrong->body);
    print_message("%ld reads beside %d writes\n", reads, WRITES);
    assert_true(reads > WRITES);
}

/* Few threads: so many ask the same one at once. */
static const struct stack_options two_of_each = {.environment = {"GATEWAY_THREADS=1"}, .copies = 2};

SUITE_WITH("fresh", &two_of_each, cmocka_unit_test(a_read_after_a_write_sees_it))
