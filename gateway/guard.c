/* The guard's stages, driven by the socket's callbacks. */
#include "gateway/guard.h"

#include <errno.h>

#include "common/allocate.h"
#include "common/log.h"
#include "gateway/body.h"
#include "gateway/refusal.h"
#include "gateway/thread.h"

enum { LINGER_MAX_BYTES = 8 << 20 };

static void on_read(h2o_socket_t *socket, const char *err);
static void on_written(h2o_socket_t *socket, const char *err);

static struct str input_of(const struct guard *guard)
{
    return (struct str){guard->socket->input->bytes, guard->socket->input->size};
}

/* ---- going in and out of h2o ---- */

/* h2o installs its callbacks anew with each request and each write; the guard's go before them again. While a request
 * is answered h2o reads nothing: the descriptor stays watched all the same, so that epoll need not be told twice a
 * request. */
static void take_over(struct guard *guard);

static void enter(struct guard *guard)
{
    guard->depth++;
}

static void destroy(struct guard *guard)
{
    buffer_free(&guard->refusal);
    free(guard);
}

static void leave(struct guard *guard)
{
    if (--guard->depth > 0)
        return;
    if (guard->is_closed) {
        destroy(guard);
        return;
    }
    guard->body_read = guard->socket->input->size;
    if (guard->stage != GUARD_PASSING)
        take_over(guard);
}

static void call_h2o(struct guard *guard, h2o_socket_cb callback, const char *err)
{
    enter(guard);
    callback(guard->socket, err);
    leave(guard);
}

/* h2o closes a connection whose socket reports an error, whatever it was doing; the guard goes with it. */
static void drop(struct guard *guard)
{
    if (guard->stage == GUARD_PASSING)
        shutdown(h2o_socket_get_fd(guard->socket), SHUT_RDWR);
    else
        call_h2o(guard, guard->h2o_on_read, h2o_socket_error_closed);
}

static void start_timer(struct guard *guard, h2o_timeout_t *timeout)
{
    h2o_timeout_unlink(&guard->timer);
    h2o_timeout_link(guard->thread->context.loop, timeout, &guard->timer);
}

/* ---- refusing ---- */

/* Reads past h2o: its requests point into the socket's input buffer. */
static void on_lingering(h2o_socket_t *socket, const char *err)
{
    struct guard *guard = socket->on_close.data;
    char waste[16384];
    ssize_t len = err == NULL ? recv(h2o_socket_get_fd(socket), waste, sizeof waste, 0) : 0;
    if (len > 0)
        guard->lingered += (size_t)len;
    if (len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR) || guard->lingered > LINGER_MAX_BYTES)
        drop(guard);
}

/* Closing with bytes unread would make the kernel reset the connection, and the client lose the refusal. */
static void on_refused(h2o_socket_t *socket, const char *err)
{
    struct guard *guard = socket->on_close.data;
    if (err != NULL) {
        drop(guard);
        return;
    }
    guard->stage = GUARD_LINGERING;
    shutdown(h2o_socket_get_fd(socket), SHUT_WR);
    h2o_socket_dont_read(socket, 1);
    h2o_socket_read_start(socket, on_lingering);
}

static void refuse(struct guard *guard, struct str head)
{
    guard->stage = GUARD_REFUSING;
    h2o_socket_read_stop(guard->socket);
    start_timer(guard, &guard->thread->linger_timeout);
    refusal_write(&guard->refusal, guard, head);
    h2o_iovec_t bytes = iovec_of(buffer_str(&guard->refusal));
    h2o_socket_write(guard->socket, &bytes, 1, on_refused);
}

/* Or the kernel would keep the reply for a client that takes nothing of it. */
static void forget_unsent(struct guard *guard)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (setsockopt(h2o_socket_get_fd(guard->socket), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) != 0)
        log_warn("cannot reset a connection", LOG_Z("error", strerror(errno)));
}

static void on_timer(h2o_timeout_entry_t *entry)
{
    struct guard *guard = H2O_STRUCT_FROM_MEMBER(struct guard, timer, entry);
    if (guard->stage == GUARD_ANSWERING)
        forget_unsent(guard);
    bool has_begun = guard->socket->input->size > 0;
    if ((has_begun && (guard->stage == GUARD_READING_HEAD || guard->stage == GUARD_READING_BODY)) ||
        guard->stage == GUARD_ANSWERING)
        log_info("client too slow", LOG_Z("remote", guard->remote));
    drop(guard);
}

/* ---- heads ---- */

static bool is_http2(struct str bytes)
{
    return str_starts_with(bytes, STR("PRI * HTTP/2.0\r\n"));
}

/* The upgrade to h2c is dropped by RFC 9113, and would take the connection out of the guard's hands. */
static void disarm_upgrade(struct guard *guard, struct str head)
{
    if (guard->head.upgrade_value_at > 0)
        ((char *)(uintptr_t)head.ptr)[guard->head.upgrade_value_at] = '-';
}

/* h2o decodes chunks where they lie: what it has read lies before body, decoded. */
static bool admit_body(struct guard *guard, struct str head, struct str body)
{
    if (!guard->head.is_chunked || chunk_check(&guard->chunks, body, BODY_MAX_LEN))
        return true;
    guard->head.error = guard->chunks.error;
    guard->head.why = guard->chunks.why;
    refuse(guard, head);
    return false;
}

/* Whether h2o may go on with the bytes that begin at head. */
static bool admit(struct guard *guard, struct str head)
{
    if (guard->requests == 0 && guard->thread->gateway->config->http2 && is_http2(head)) {
        h2o_timeout_unlink(&guard->timer);
        guard->stage = GUARD_PASSING;
        return true;
    }
    switch (head_check(&guard->head, head, BODY_MAX_LEN)) {
    case HEAD_INCOMPLETE:
        return false;
    case HEAD_GOOD:
        disarm_upgrade(guard, head);
        guard->stage = GUARD_READING_BODY;
        guard->chunks = (struct chunk_check){0};
        return admit_body(guard, head, (struct str){head.ptr + guard->head.len, head.len - guard->head.len});
    case HEAD_REFUSED:
        break;
    }
    refuse(guard, head);
    return false;
}

static bool is_admitted(struct guard *guard)
{
    struct str input = input_of(guard);
    if (guard->stage == GUARD_READING_BODY)
        return admit_body(guard, input, (struct str){input.ptr + guard->body_read, input.len - guard->body_read});
    if (guard->is_idle)
        start_timer(guard, &guard->thread->read_timeout);
    guard->is_idle = false;
    return admit(guard, input);
}

static void on_read(h2o_socket_t *socket, const char *err)
{
    struct guard *guard = socket->on_close.data;
    if (err != NULL || is_admitted(guard))
        call_h2o(guard, guard->h2o_on_read, err);
}

/* ---- replies ---- */

/* What follows the request that was answered: the next ones, if the client sends them without waiting. */
static struct str rest_of(const struct guard *guard)
{
    struct str input = input_of(guard);
    size_t used = guard->head.len + guard->request->entity.len;
    assert(used <= input.len);
    return (struct str){input.ptr + used, input.len - used};
}

/* h2o goes on to the next head at once where the buffer holds some of it: it must not see less than all. What there is
 * of it is taken away and put back. */
static void go_on_to_incomplete(struct guard *guard, struct str rest)
{
    struct buffer held = {0};
    buffer_append_str(&held, rest);
    guard->socket->input->size -= held.len;
    enter(guard);
    guard->h2o_on_written(guard->socket, NULL);
    if (!guard->is_closed && held.len > 0) {
        h2o_iovec_t room = h2o_buffer_reserve(&guard->socket->input, held.len);
        memcpy(room.base, held.data, held.len);
        guard->socket->input->size += held.len;
    }
    leave(guard);
    buffer_free(&held);
}

static void move_to_end(struct guard *guard)
{
    h2o_linklist_unlink(&guard->link);
    h2o_linklist_insert(&guard->listener->guards, &guard->link);
}

static void go_on(struct guard *guard)
{
    struct str rest = rest_of(guard);
    guard->head = (struct head_check){0};
    guard->stage = GUARD_READING_HEAD;
    guard->is_idle = rest.len == 0;
    if (guard->is_idle)
        move_to_end(guard);
    start_timer(guard, guard->is_idle ? &guard->thread->idle_timeout : &guard->thread->read_timeout);
    if (rest.len > 0 && admit(guard, rest))
        call_h2o(guard, guard->h2o_on_written, NULL);
    else if (guard->stage == GUARD_READING_HEAD)
        go_on_to_incomplete(guard, rest);
}

static void on_written(h2o_socket_t *socket, const char *err)
{
    struct guard *guard = socket->on_close.data;
    h2o_socket_dont_read(socket, 0);
    if (guard->stage == GUARD_REFUSING && err == NULL)
        on_refused(socket, NULL);
    else if (guard->stage == GUARD_ANSWERING && err == NULL && guard->request->http1_is_persistent)
        go_on(guard);
    else
        call_h2o(guard, guard->h2o_on_written, err);
}

/* While a request is answered: its client is gone only if the connection was reset. It may be half-closed, or send the
 * next request already: both can wait. */
static void on_early_input(h2o_socket_t *socket, const char *err)
{
    struct guard *guard = socket->on_close.data;
    char byte;
    if (err != NULL || (recv(h2o_socket_get_fd(socket), &byte, 1, MSG_PEEK) < 0 && errno != EAGAIN && errno != EINTR))
        drop(guard);
    else
        h2o_socket_read_stop(socket);
}

static void take_over(struct guard *guard)
{
    h2o_socket_t *socket = guard->socket;
    if (socket->_cb.read == guard->h2o_on_read)
        socket->_cb.read = on_read;
    if (socket->_cb.write != NULL && socket->_cb.write != on_written && socket->_cb.write != on_refused) {
        guard->h2o_on_written = socket->_cb.write;
        socket->_cb.write = on_written;
    }
    if (guard->stage == GUARD_ANSWERING && socket->_cb.read == NULL && socket->_cb.write == NULL) {
        h2o_socket_dont_read(socket, 1);
        h2o_socket_read_start(socket, on_early_input);
    }
}

/* ---- lives ---- */

static void on_closed(void *data)
{
    struct guard *guard = data;
    h2o_timeout_unlink(&guard->timer);
    h2o_linklist_unlink(&guard->link);
    if (guard->listener->role == LISTENER_API) {
        atomic_fetch_sub(&guard->thread->gateway->connections, 1);
        atomic_fetch_sub(&guard->thread->connections, 1);
    }
    guard->is_closed = true;
    if (guard->depth == 0)
        destroy(guard);
}

static void note_remote(struct guard *guard)
{
    struct sockaddr_storage peer;
    if (h2o_socket_getpeername(guard->socket, (struct sockaddr *)&peer) != 0 &&
        address_of_socket((struct sockaddr *)&peer, &guard->address))
        address_write(&guard->address, guard->remote);
}

void guard_accept(struct listener *listener, h2o_socket_t *socket)
{
    struct thread *thread = listener->thread;
    struct guard *guard = allocate(sizeof *guard);
    guard->listener = listener;
    guard->thread = thread;
    guard->socket = socket;
    guard->timer.cb = on_timer;
    note_remote(guard);
    start_timer(guard, &thread->read_timeout);
    h2o_linklist_insert(&listener->guards, &guard->link);
    socket->on_close.cb = on_closed;
    socket->on_close.data = guard;
    h2o_accept(&listener->accept, socket);
    guard->h2o_on_read = socket->_cb.read;
    assert(guard->h2o_on_read != NULL);
    take_over(guard);
}

struct guard *guard_of(const h2o_req_t *req)
{
    return req->conn->callbacks->get_socket(req->conn)->on_close.data;
}

void guard_on_request(struct guard *guard, h2o_req_t *req)
{
    guard->requests++;
    if (guard->stage == GUARD_PASSING)
        return;
    h2o_timeout_unlink(&guard->timer);
    guard->stage = GUARD_ANSWERING;
    guard->request = req;
}

void guard_on_own_answer(struct guard *guard, h2o_req_t *req)
{
    if (guard->stage == GUARD_PASSING)
        return;
    req->http1_is_persistent = 0;
    guard->stage = GUARD_REFUSING;
    start_timer(guard, &guard->thread->linger_timeout);
}

void guard_on_reply(struct guard *guard)
{
    if (guard->stage == GUARD_PASSING)
        return;
    if (guard->stage == GUARD_ANSWERING)
        start_timer(guard, &guard->thread->write_timeout);
    take_over(guard);
}

void guard_spend_reset(struct guard *guard, bool was_reset)
{
    if (!reset_budget_spend(&guard->resets, was_reset, h2o_now(guard->thread->context.loop)) || guard->is_overdrawn)
        return;
    guard->is_overdrawn = true;
    log_warn("too many requests reset", LOG_Z("remote", guard->remote), LOG_I("requests", guard->resets.requests),
             LOG_I("resets", guard->resets.resets));
    shutdown(h2o_socket_get_fd(guard->socket), SHUT_RDWR);
}

void guard_close(struct guard *guard)
{
    drop(guard);
}

bool guard_close_idle(struct guard *guard, enum guard_idle which)
{
    bool is_idle = guard->stage == GUARD_READING_HEAD && guard->socket->input->size == 0;
    bool is_closed = is_idle && (which == GUARD_ANY || guard->requests > 0);
    if (is_closed)
        drop(guard);
    return is_closed;
}
