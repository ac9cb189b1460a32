/* Tokens and principals. A principal is trusted from the cache only while the feed of changes is known to be whole. */
#include "gateway/authorize.h"

#include <time.h>

#include "gateway/api.h"
#include "gateway/respond.h"
#include "gateway/thread.h"
#include "proto/proto.h"

static void fail(struct request *request, enum error error)
{
    respond_error(request, &(struct failure){.error = error});
}

static bool is_admitted(const struct request *request)
{
    struct str role = {request->principal.role, request->principal.role_len};
    return request->match.route->who != WHO_ADMIN || str_equal(role, STR("admin"));
}

static void judge(struct request *request, struct str arguments, void (*then)(struct request *, struct str))
{
    if (!request->principal.exists)
        fail(request, ERROR_UNAUTHORIZED);
    else if (!is_admitted(request))
        fail(request, ERROR_FORBIDDEN);
    else
        then(request, arguments);
}

/* ---- asking the user service ---- */

/* ERROR_INTERNAL for what is no principal. */
static enum error read_principal(struct thread *thread, struct str body, struct principal_state *state)
{
    struct principal principal;
    enum error error = schema_decode_view(&principal_message, body, thread->arena, &principal);
    if (error != OK)
        return error;
    if (principal.role.len > PRINCIPAL_MAX_ROLE_LEN)
        return ERROR_INTERNAL;
    *state = (struct principal_state){.exists = true, .role_len = (unsigned char)principal.role.len};
    memcpy(state->role, principal.role.ptr, principal.role.len);
    return OK;
}

static void on_principal(void *context, const struct bus_reply *reply)
{
    struct request *request = context;
    struct thread *thread = request->thread;
    struct principal_state state = {0};
    request->calls[0] = 0;
    arena_reset(thread->arena);
    enum error error = reply->error == OK ? read_principal(thread, reply->body, &state) : reply->error;
    if (error != OK && error != ERROR_USER_NOT_FOUND) {
        fail(request, error);
        return;
    }
    feed_turn(thread->feed); /* what was published before this answer may wait there */
    if (state.exists)        /* nobody tells the gateways of a user who comes to be */
        principals_remember(thread->principals, request->user_id, &state, request->principals_epoch);
    request->principal = state;
    judge(request, request->arguments, request->then);
}

static void ask(struct request *request, struct str arguments)
{
    struct thread *thread = request->thread;
    struct user_ref ref = {.user_id = request->user_id, .has_user_id = true};
    struct buffer *encoded = &thread->reply;
    buffer_clear(encoded);
    schema_encode_arguments(user_principal_method.in, &ref, encoded);
    request->arguments = pool_copy(&request->req->pool, arguments);
    request->principals_epoch = principals_epoch(thread->principals);
    enum error error = api_call(request, &user_principal_method, buffer_str(encoded), on_principal);
    if (error != OK)
        fail(request, error);
}

void authorize(struct request *request, struct str arguments,
               void (*then)(struct request *request, struct str arguments))
{
    struct thread *thread = request->thread;
    if (request->match.route->who == WHO_ANYONE) {
        then(request, arguments);
        return;
    }
    if (!bearer_check(thread->bearer, thread->arena, request->authorization, time(NULL), &request->user_id)) {
        fail(request, ERROR_UNAUTHORIZED);
        return;
    }
    feed_turn(thread->feed);
    const struct principal_state *known = principals_find(thread->principals, request->user_id);
    if (known != NULL && feed_is_current(thread->feed)) {
        request->principal = *known;
        judge(request, arguments, then);
        return;
    }
    request->then = then;
    ask(request, arguments);
}
