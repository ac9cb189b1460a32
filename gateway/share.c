/* Shares of this turn: a list, and a table that finds the one that asks the same. What the table has no room for is not
 * shared. */
#include "gateway/share.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/allocate.h"
#include "gateway/api.h"
#include "gateway/request.h"
#include "gateway/thread.h"

enum { SLOTS = 512 };

struct share {
    struct thread *thread;
    uint64_t hash;
    h2o_linklist_t requests; /* who waits; the first one speaks for all */
    h2o_linklist_t link;     /* in shares->unsent */
    void (*on_reply)(h2o_linklist_t *requests, const struct bus_reply *reply);
    bus_call_id call; /* 0 = not made yet */
    size_t arguments_len;
    char arguments[];
};

struct shares {
    h2o_linklist_t unsent;
    struct share *slots[SLOTS]; /* of the unsent ones, by hash */
};

struct shares *shares_new(void)
{
    struct shares *shares = allocate(sizeof *shares);
    h2o_linklist_init_anchor(&shares->unsent);
    return shares;
}

void shares_destroy(struct shares **shares)
{
    if (*shares != NULL)
        assert(h2o_linklist_is_empty(&(*shares)->unsent));
    free(*shares);
    *shares = NULL;
}

/* The auth service is told the client's address and counts by it, so it is asked for each. */
bool share_is_possible(const struct request *request)
{
    return request->is_read && request->subject.user_id != 0 && request->match.route->method->target != SERVICE_auth;
}

/* ---- which ask the same ---- */

static struct request *first_of(const struct share *share)
{
    return H2O_STRUCT_FROM_MEMBER(struct request, share_link, share->requests.next);
}

/* FNV-1a. Who makes others' requests meet in a slot keeps them from being shared, no more. */
static uint64_t hash_of(const struct request *request, struct str arguments)
{
    uint64_t hash = 14695981039346656037U ^ (uint64_t)request->subject.user_id ^ (uintptr_t)request->match.route;
    for (size_t i = 0; i < arguments.len; i++)
        hash = (hash ^ (unsigned char)arguments.ptr[i]) * 1099511628211U;
    return hash;
}

static bool asks_the_same(const struct share *share, const struct request *request, struct str arguments)
{
    const struct request *first = first_of(share);
    return first->match.route == request->match.route && first->subject.user_id == request->subject.user_id &&
           first->subject.session_id == request->subject.session_id &&
           first->principal.role_len == request->principal.role_len &&
           memcmp(first->principal.role, request->principal.role, request->principal.role_len) == 0 &&
           str_equal((struct str){share->arguments, share->arguments_len}, arguments);
}

/* ---- the life of a share ---- */

static struct share **slot_of(struct shares *shares, uint64_t hash)
{
    return &shares->slots[hash % SLOTS];
}

/* Nobody joins it any more. */
static void close_share(struct share *share)
{
    struct share **slot = slot_of(share->thread->shares, share->hash);
    if (*slot == share)
        *slot = NULL;
    if (h2o_linklist_is_linked(&share->link))
        h2o_linklist_unlink(&share->link);
}

static struct share *open_share(struct thread *thread, uint64_t hash, struct str arguments)
{
    struct share *share = allocate(sizeof *share + arguments.len);
    share->thread = thread;
    share->hash = hash;
    share->arguments_len = arguments.len;
    memcpy(share->arguments, arguments.ptr, arguments.len);
    h2o_linklist_init_anchor(&share->requests);
    h2o_linklist_insert(&thread->shares->unsent, &share->link);
    *slot_of(thread->shares, hash) = share;
    return share;
}

void share_call(struct request *request, struct str arguments,
                void (*on_reply)(h2o_linklist_t *requests, const struct bus_reply *reply))
{
    struct thread *thread = request->thread;
    uint64_t hash = hash_of(request, arguments);
    struct share *share = *slot_of(thread->shares, hash);
    if (share == NULL || share->hash != hash || share->on_reply != on_reply ||
        !asks_the_same(share, request, arguments)) {
        share = open_share(thread, hash, arguments);
        share->on_reply = on_reply;
    }
    request->share = share;
    h2o_linklist_insert(&share->requests, &request->share_link);
    request_note_call(request);
    thread_plan_turn(thread);
}

void share_leave(struct request *request)
{
    struct share *share = request->share;
    if (h2o_linklist_is_linked(&request->share_link))
        h2o_linklist_unlink(&request->share_link);
    request->share = NULL;
    if (share == NULL || !h2o_linklist_is_empty(&share->requests))
        return;
    close_share(share);
    if (share->call != 0)
        bus_cancel(share->thread->bus, share->call);
    free(share);
}

/* ---- answering ---- */

struct request *share_next(h2o_linklist_t *requests)
{
    if (h2o_linklist_is_empty(requests))
        return NULL;
    struct request *request = H2O_STRUCT_FROM_MEMBER(struct request, share_link, requests->next);
    h2o_linklist_unlink(&request->share_link);
    return request;
}

/* The share is gone before the first is answered: those on the list may leave it meanwhile, and others may come. */
static void on_reply(void *context, const struct bus_reply *reply)
{
    struct share *share = context;
    h2o_linklist_t requests;
    h2o_linklist_init_anchor(&requests);
    h2o_linklist_insert_list(&requests, &share->requests);
    for (h2o_linklist_t *link = requests.next; link != &requests; link = link->next)
        H2O_STRUCT_FROM_MEMBER(struct request, share_link, link)->share = NULL;
    share->on_reply(&requests, reply);
    assert(h2o_linklist_is_empty(&requests));
    free(share);
}

void shares_send(struct shares *shares)
{
    while (!h2o_linklist_is_empty(&shares->unsent)) {
        struct share *share = H2O_STRUCT_FROM_MEMBER(struct share, link, shares->unsent.next);
        close_share(share);
        struct str arguments = {share->arguments, share->arguments_len};
        enum error error = api_send(first_of(share), arguments, on_reply, share, &share->call);
        if (error != OK)
            on_reply(share, &(struct bus_reply){.error = error, .body = STR("\xc0")}); /* nil: the default text */
    }
}
