/* Shares are found by what they ask, and for whom where the last reply to that was not for all: a table holds the
 * latest one of each hash, and whom it has no room for is not shared. A share is held behind the one that asks the same
 * and is under way, then unsent, then under way itself. */
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

/* For whom a service answers. */
struct asker {
    int64_t user_id, session_id;
    char role[PRINCIPAL_MAX_ROLE_LEN];
    size_t role_len;
};

struct share {
    struct thread *thread;
    const struct method *method;
    uint64_t what, hash;          /* of what is asked; the same, and by whom if it is personal */
    bool is_personal;             /* all who wait are the asker */
    struct asker asker;           /* for whom the call is made */
    h2o_linklist_t requests;      /* who waits */
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
    uint64_t personal[SLOTS];   /* what was last answered for one user alone, by hash; 0 = nothing */
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
static uint64_t hash_of(const struct method *method, struct str arguments)
{
    uint64_t hash = 14695981039346656037U ^ (uintptr_t)method;
    for (size_t i = 0; i < arguments.len; i++)
        hash = (hash ^ (unsigned char)arguments.ptr[i]) * 1099511628211U;
    return hash;
}

static struct asker asker_of(const struct request *request)
{
    struct asker asker = {.user_id = request->subject.user_id,
                          .session_id = request->subject.session_id,
                          .role_len = request->principal.role_len};
    memcpy(asker.role, request->principal.role, asker.role_len);
    return asker;
}

static bool is_of(const struct request *request, const struct asker *asker)
{
    return asker->user_id == request->subject.user_id && asker->session_id == request->subject.session_id &&
           str_equal((struct str){asker->role, asker->role_len},
                     (struct str){request->principal.role, request->principal.role_len});
}

static bool asks_the_same(const struct share *share, const struct request *request, struct str arguments)
{
    return (!share->is_personal || is_of(request, &share->asker)) &&
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

static struct share *open_share(struct request *request, const struct method *method, struct str arguments)
{
    struct share *share = allocate(sizeof *share + arguments.len);
    share->thread = request->thread;
    share->method = method;
    share->asker = asker_of(request);
    share->arguments_len = arguments.len;
    memcpy(share->arguments, arguments.ptr, arguments.len);
    h2o_linklist_init_anchor(&share->requests);
    return share;
}

static void join_share(struct request *request, const struct method *method, struct str arguments,
                       void (*on_reply)(h2o_linklist_t *requests, const struct bus_reply *reply))
{
    struct shares *shares = request->thread->shares;
    uint64_t what = hash_of(method, arguments), hash = what;
    bool is_personal = shares->personal[what % SLOTS] == what;
    if (is_personal)
        hash ^= (uint64_t)request->subject.user_id * 1099511628211U;
    struct share **slot = slot_of(shares, hash), *share = *slot;
    bool is_same = share != NULL && share->hash == hash && share->method == method && share->on_reply == on_reply &&
                   share->is_personal == is_personal && asks_the_same(share, request, arguments);
    if (!is_same || share->is_sent) {
        struct share *ahead = is_same ? share : NULL;
        share = *slot = open_share(request, method, arguments);
        share->what = what;
        share->hash = hash;
        share->is_personal = is_personal;
        share->on_reply = on_reply;
        if (ahead != NULL)
            hold(share, ahead);
        else
            line_up(share);
    }
    request->share = share;
    h2o_linklist_insert(&share->requests, &request->share_link);
    request_note_call(request);
}

void share_call(struct request *request, const struct method *method, struct str arguments,
                void (*on_reply)(h2o_linklist_t *requests, const struct bus_reply *reply))
{
    struct shares *shares = request->thread->shares;
    join_share(request, method, arguments, on_reply);
    if (shares->unsent_count >= UNSENT_MAX)
        shares_send(shares);
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

static void note_for_whom(const struct share *share, const struct bus_reply *reply)
{
    uint64_t *personal = &share->thread->shares->personal[share->what % SLOTS];
    if (!reply->is_for_all)
        *personal = share->what;
    else if (*personal == share->what)
        *personal = 0;
}

/* Who may have the reply, and who may not. */
static void part(struct share *share, const struct bus_reply *reply, h2o_linklist_t *answered, h2o_linklist_t *others)
{
    h2o_linklist_init_anchor(answered);
    h2o_linklist_init_anchor(others);
    for (struct request *request; (request = share_next(&share->requests)) != NULL;) {
        request->share = NULL;
        bool is_answered = reply->is_for_all || is_of(request, &share->asker);
        h2o_linklist_insert(is_answered ? answered : others, &request->share_link);
    }
}

/* The share is gone before the first is answered: those on the lists may leave them meanwhile, and others may come. */
static void on_reply(void *context, const struct bus_reply *reply)
{
    struct share *share = context;
    h2o_linklist_t answered, others;
    end_share(share);
    note_for_whom(share, reply);
    part(share, reply, &answered, &others);
    if (!h2o_linklist_is_empty(&answered)) /* the asker may have left */
        share->on_reply(&answered, reply);
    assert(h2o_linklist_is_empty(&answered));
    for (struct request *request; (request = share_next(&others)) != NULL;) {
        request_note_reply(request, reply);
        join_share(request, share->method, (struct str){share->arguments, share->arguments_len}, share->on_reply);
    }
    free(share);
}

static struct share *next_unsent(struct shares *shares)
{
    if (h2o_linklist_is_empty(&shares->unsent))
        return NULL;
    struct share *share = H2O_STRUCT_FROM_MEMBER(struct share, link, shares->unsent.next);
    // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what has ended has left the line
    assert(share->link.prev == &shares->unsent);
    h2o_linklist_unlink(&share->link);
    shares->unsent_count--;
    return share;
}

void shares_send(struct shares *shares)
{
    for (struct share *share; (share = next_unsent(shares)) != NULL;) {
        share->is_sent = true;
        share->asker = asker_of(first_of(share));
        struct str arguments = {share->arguments, share->arguments_len};
        enum error error = api_send(first_of(share), share->method, arguments, on_reply, share, &share->call);
        if (error != OK)
            on_reply(share, &(struct bus_reply){.error = error, .body = STR("\xc0")}); /* nil: the default text */
    }
}
