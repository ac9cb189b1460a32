/* Tokens, and whether user and session are still there. What is remembered of them is trusted only while the feeds of
 * changes are known to be whole; else, and for whoever is not remembered, the services are asked: first for the user,
 * then for the session. The requests of one user share their questions (share.h). */
#include "gateway/authorize.h"

#include <time.h>

#include "gateway/api.h"
#include "gateway/respond.h"
#include "gateway/share.h"
#include "gateway/thread.h"
#include "proto/proto.h"

static void check(struct request *request);

/* ---- the outcome ---- */

static void fail(struct request *request, enum error error)
{
    respond_error(request, &(struct failure){.error = error});
}

static void proceed(struct request *request)
{
    request->then(request, request->arguments);
}

/* The token speaks for nobody: where one is not needed, nobody calls. */
static void refuse(struct request *request)
{
    request->subject = (struct bearer_subject){0};
    request->principal = (struct principal_state){0};
    if (request->match.route->who == WHO_MAYBE)
        proceed(request);
    else
        fail(request, ERROR_UNAUTHORIZED);
}

static void admit(struct request *request)
{
    struct http_stats *http = metrics_http(request->thread->metrics);
    counter_add(request->asked_us == 0 ? &http->remembered : &http->looked_up, 1);
    struct str role = {request->principal.role, request->principal.role_len};
    if (request->match.route->who == WHO_ADMIN && !str_equal(role, STR("admin")))
        fail(request, ERROR_FORBIDDEN);
    else
        proceed(request);
}

/* ---- asking ---- */

/* The arguments so far are the thread's, which the next request will use. */
static void keep_arguments(struct request *request)
{
    if (!request->has_own_arguments)
        request->arguments = pool_copy(&request->req->pool, request->arguments);
    request->has_own_arguments = true;
}

static void ask(struct request *request, const struct method *method, const void *in,
                void (*on_reply)(h2o_linklist_t *requests, const struct bus_reply *reply))
{
    struct buffer *encoded = &request->thread->reply;
    buffer_clear(encoded);
    schema_encode_arguments(method->in, in, encoded);
    keep_arguments(request);
    share_call(request, method, buffer_str(encoded), on_reply);
}

/* The next one of those who asked; NULL = none. */
static struct request *next_asker(h2o_linklist_t *requests, const struct bus_reply *reply)
{
    struct request *request = share_next(requests);
    if (request == NULL)
        return NULL;
    request_note_reply(request, reply);
    arena_reset(request->thread->arena);
    return request;
}

/* ---- the user ---- */

/* ERROR_INTERNAL for what is no principal. Who is disabled is as good as gone. */
static enum error read_principal(struct thread *thread, struct str body, struct principal_state *state)
{
    struct principal principal;
    enum error error = schema_decode_view(&principal_message, body, thread->arena, &principal);
    if (error != OK)
        return error;
    if (principal.role.len > PRINCIPAL_MAX_ROLE_LEN)
        return ERROR_INTERNAL;
    *state = (struct principal_state){.exists = !principal.disabled, .role_len = (unsigned char)principal.role.len};
    memcpy(state->role, principal.role.ptr, principal.role.len);
    return OK;
}

/* Who does not exist is not remembered: nobody tells the gateways of a user who comes to be. Nor is who is disabled. */
static void take_principal(struct request *request, const struct bus_reply *reply)
{
    struct thread *thread = request->thread;
    struct principal_state state = {0};
    enum error error = reply->error == OK ? read_principal(thread, reply->body, &state) : reply->error;
    if (error == ERROR_USER_NOT_FOUND || (error == OK && !state.exists)) {
        refuse(request);
    } else if (error != OK) {
        fail(request, error);
    } else {
        principals_remember(thread->principals, request->subject.user_id, &state, request->asked_at_epoch);
        request->principal = state;
        check(request);
    }
}

static void on_principal(h2o_linklist_t *requests, const struct bus_reply *reply)
{
    for (struct request *request; (request = next_asker(requests, reply)) != NULL;)
        take_principal(request, reply);
}

static void ask_for_user(struct request *request)
{
    const struct user_ref ref = {.user_id = request->subject.user_id};
    request->asked_at_epoch = principals_epoch(request->thread->principals);
    ask(request, &user_principal_method, &ref, on_principal);
}

/* ---- the session ---- */

static void take_session(struct request *request, const struct bus_reply *reply)
{
    struct thread *thread = request->thread;
    struct session_ref ref = {0};
    enum error error = reply->error;
    if (error == OK)
        error = schema_decode_view(&session_ref_message, reply->body, thread->arena, &ref);
    if (error != OK && error != ERROR_SESSION_NOT_FOUND) {
        fail(request, error);
    } else if (error != OK || ref.user_id != request->subject.user_id) {
        refuse(request);
    } else {
        sessions_remember(thread->sessions, ref.session_id, ref.user_id, request->asked_at_epoch);
        admit(request);
    }
}

static void on_session(h2o_linklist_t *requests, const struct bus_reply *reply)
{
    for (struct request *request; (request = next_asker(requests, reply)) != NULL;)
        take_session(request, reply);
}

static void ask_for_session(struct request *request)
{
    const struct session_query query = {.session_id = request->subject.session_id};
    request->asked_at_epoch = sessions_epoch(request->thread->sessions);
    ask(request, &session_get_method, &query, on_session);
}

/* ---- both ---- */

/* Goes on where it was left once the user is known: from the cache, or because the user service has answered. */
static void check(struct request *request)
{
    struct thread *thread = request->thread;
    const struct bearer_subject *subject = &request->subject;
    bool is_current = feed_is_current(thread->feed);
    const struct principal_state *known = principals_find(thread->principals, subject->user_id);
    if (known != NULL && is_current)
        request->principal = *known;
    if (!request->principal.exists)
        ask_for_user(request);
    else if (subject->session_id == 0 || /* another holder of the secret signed the token */
             (is_current && sessions_has(thread->sessions, subject->session_id, subject->user_id)))
        admit(request);
    else
        ask_for_session(request);
}

void authorize(struct request *request, struct str arguments,
               void (*then)(struct request *request, struct str arguments))
{
    struct thread *thread = request->thread;
    request->then = then;
    request->arguments = arguments;
    if (request->match.route->who == WHO_ANYONE)
        proceed(request);
    else if (bearer_check(thread->bearer, thread->arena, request->authorization, time(NULL), &request->subject))
        check(request);
    else
        refuse(request);
}
