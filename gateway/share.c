/* Shares are found by what they ask: a table holds the latest one of each hash, and whom it has no room for is not
 * shared. A share is held behind the one that asks the same and is under way, then unsent, then under way itself. */
#include "gateway/share.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/allocate.h"
#include "gateway/api.h"
#include "gateway/request.h"
#include "gateway/thread.h"

enum {
    SLOTS = 512,
    UNSENT_MAX = BUS_BATCH_CALLS, /* so many fill a batch, which then leaves */
};

struct share {
    struct thread *thread;
    const struct method *method;
    uint64_t hash;
    h2o_linklist_t requests;      /* who waits; the first one speaks for all */
    h2o_linklist_t link;          /* in shares->unsent */
    struct share *ahead, *behind; /* whom it is held behind; who is held behind it; NULL = none */
    h2o_timeout_entry_t held;     /* linked while it is */
    void (*on_reply)(h2o_linklist_t *requests, const struct bus_reply *reply);
    bool is_sent; /* nobody joins it any more */
    bus_call_id call;
    size_t arguments_len;
    char arguments[];
};

struct shares {
    h2o_linklist_t unsent;
    size_t unsent_count;
    struct share *slots[SLOTS]; /* the latest ones, by hash */
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
static uint64_t hash_of(const struct request *request, const struct method *method, struct str arguments)
{
    uint64_t hash = 14695981039346656037U ^ (uint64_t)request->subject.user_id ^ (uintptr_t)method;
    for (size_t i = 0; i < arguments.len; i++)
        hash = (hash ^ (unsigned char)arguments.ptr[i]) * 1099511628211U;
    return hash;
}

static bool asks_the_same(const struct share *share, const struct request *request, struct str arguments)
{
    const struct request *first = first_of(share);
    return first->subject.user_id == request->subject.user_id &&
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

/* To be sent at the turn's end. */
static void line_up(struct share *share)
{
    h2o_linklist_insert(&share->thread->shares->unsent, &share->link);
    share->thread->shares->unsent_count++;
    thread_plan_turn(share->thread);
}

static void leave_line(struct share *share)
{
    if (!h2o_linklist_is_linked(&share->link))
        return;
    h2o_linklist_unlink(&share->link);
    share->thread->shares->unsent_count--;
}

static void let_go(struct share *share)
{
    h2o_timeout_unlink(&share->held);
    if (share->ahead != NULL)
        share->ahead->behind = NULL;
    share->ahead = NULL;
}

static void on_held_for_long(h2o_timeout_entry_t *entry)
{
    struct share *share = H2O_STRUCT_FROM_MEMBER(struct share, held, entry);
    let_go(share);
    line_up(share);
}

static void hold(struct share *share, struct share *ahead)
{
    share->ahead = ahead;
    ahead->behind = share;
    share->held.cb = on_held_for_long;
    h2o_timeout_link(share->thread->context.loop, &share->thread->hold_timeout, &share->held);
}

/* Its requests are answered, or have left. */
static void end_share(struct share *share)
{
    struct share **slot = slot_of(share->thread->shares, share->hash), *behind = share->behind;
    if (*slot == share)
        *slot = NULL;
    leave_line(share);
    let_go(share);
    if (behind == NULL)
        return;
    let_go(behind);
    line_up(behind);
}

static struct share *open_share(struct thread *thread, const struct method *method, struct str arguments, uint64_t hash)
{
    struct share *share = allocate(sizeof *share + arguments.len);
    share->thread = thread;
    share->method = method;
    share->hash = hash;
    share->arguments_len = arguments.len;
    memcpy(share->arguments, arguments.ptr, arguments.len);
    h2o_linklist_init_anchor(&share->requests);
    return share;
}

void share_call(struct request *request, const struct method *method, struct str arguments,
                void (*on_reply)(h2o_linklist_t *requests, const struct bus_reply *reply))
{
    struct thread *thread = request->thread;
    uint64_t hash = hash_of(request, method, arguments);
    struct share **slot = slot_of(thread->shares, hash), *share = *slot;
    bool is_same = share != NULL && share->hash == hash && share->method == method && share->on_reply == on_reply &&
                   asks_the_same(share, request, arguments);
    if (!is_same || share->is_sent) {
        struct share *ahead = is_same ? share : NULL;
        share = *slot = open_share(thread, method, arguments, hash);
        share->on_reply = on_reply;
        if (ahead != NULL)
            hold(share, ahead);
        else
            line_up(share);
    }
    request->share = share;
    h2o_linklist_insert(&share->requests, &request->share_link);
    request_note_call(request);
    if (thread->shares->unsent_count >= UNSENT_MAX)
        shares_send(thread->shares);
}

void share_leave(struct request *request)
{
    struct share *share = request->share;
    if (h2o_linklist_is_linked(&request->share_link))
        h2o_linklist_unlink(&request->share_link);
    request->share = NULL;
    if (share == NULL || !h2o_linklist_is_empty(&share->requests))
        return;
    end_share(share);
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
    end_share(share);
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
        leave_line(share);
        share->is_sent = true;
        struct str arguments = {share->arguments, share->arguments_len};
        enum error error = api_send(first_of(share), share->method, arguments, on_reply, share, &share->call);
        if (error != OK)
            on_reply(share, &(struct bus_reply){.error = error, .body = STR("\xc0")}); /* nil: the default text */
    }
}
