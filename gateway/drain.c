/* The steps of a stop, by the clock. */
#include "gateway/drain.h"

#include "common/clock.h"
#include "common/log.h"
#include "gateway/guard.h"
#include "gateway/thread.h"

enum {
    QUEUE_MS = 200,  /* for handshakes under way to end: a long round trip */
    FRESH_MS = 1000, /* for who has just connected to ask */
};

static void take_step(struct thread *thread, enum drain_step step)
{
    thread->drain.step = step;
    thread->drain.step_ms = clock_now_ms();
}

bool drain_has_begun(const struct thread *thread)
{
    return thread->drain.step != DRAIN_NONE;
}

/* HTTP/2's way of saying "Connection: close". h2o says it once, to the connections there are: whoever came since is
 * told by saying it again. */
static void say_goaway(struct thread *thread)
{
    h2o_timeout_unlink(&thread->context.http2._graceful_shutdown_timeout);
    thread->context.http2._graceful_shutdown_timeout.cb = NULL;
    h2o_context_request_shutdown(&thread->context);
}

void drain_begin(struct thread *thread)
{
    if (drain_has_begun(thread))
        return;
    take_step(thread, thread->api.is_listening ? DRAIN_NOTICE : DRAIN_QUEUE);
    thread->drain.began_ms = thread->drain.step_ms;
    say_goaway(thread);
}

static void close_idle(struct thread *thread, enum guard_idle which)
{
    h2o_linklist_t *next;
    for (h2o_linklist_t *link = thread->api.guards.next; link != &thread->api.guards; link = next) {
        next = link->next;
        guard_close_idle(H2O_STRUCT_FROM_MEMBER(struct guard, link, link), which);
    }
}

static void close_listener(struct thread *thread)
{
    listener_accept_rest(&thread->api);
    listener_close(&thread->api);
    say_goaway(thread);
    close_idle(thread, GUARD_USED);
    take_step(thread, DRAIN_CLOSED);
}

static bool is_due(const struct drain *drain, int64_t after_ms)
{
    return clock_now_ms() - drain->step_ms >= after_ms;
}

static void take_due_step(struct thread *thread)
{
    switch (thread->drain.step) {
    case DRAIN_NOTICE:
        if (is_due(&thread->drain, thread->gateway->config->drain_notice_ms)) {
            listener_refuse_more(&thread->api);
            take_step(thread, DRAIN_QUEUE);
        }
        break;
    case DRAIN_QUEUE:
        if (is_due(&thread->drain, QUEUE_MS))
            close_listener(thread);
        break;
    case DRAIN_CLOSED:
        if (is_due(&thread->drain, FRESH_MS))
            close_idle(thread, GUARD_ANY);
        break;
    case DRAIN_NONE:
    case DRAIN_DONE:
        break;
    }
}

bool drain_turn(struct thread *thread)
{
    const struct drain *drain = &thread->drain;
    if (!drain_has_begun(thread))
        return false;
    take_due_step(thread);
    if (drain->step == DRAIN_CLOSED && atomic_load(&thread->connections) == 0) {
        atomic_fetch_sub(&thread->gateway->busy, 1);
        take_step(thread, DRAIN_DONE);
    }
    return atomic_load(&thread->gateway->busy) == 0 ||
           clock_now_ms() - drain->began_ms >= thread->gateway->config->drain_ms;
}
