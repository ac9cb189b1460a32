/* Listening sockets and accepting. */
#include "gateway/listener.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <poll.h>

#include "common/address.h"
#include "common/allocate.h"
#include "common/log.h"
#include "gateway/guard.h"
#include "gateway/thread.h"

enum {
    BACKLOG = 4096, /* the kernel clips it to net.core.somaxconn */
    ACCEPTS_A_TURN = 16,
    LOOKED_AT_MOST = 64,
    /* So many connections keep all threads busy. With 2 threads on 2 cores, 8 clients are answered a tenth faster by
     * one of them, 64 a twentieth, and 256 a tenth faster by both. */
    ENOUGH_FOR_ALL = 128,
    /* h2o reads until a read comes up short, whatever the body's limit: this bounds what it can find at once. */
    RECEIVE_BUFFER = 128 * 1024,
};

static int bound_socket(const char *host, int64_t port, bool is_shared)
{
    struct sockaddr_storage address;
    socklen_t len = address_to_socket(host, port, &address);
    if (len == 0) {
        errno = EINVAL;
        return -1;
    }
    int on = 1, size = RECEIVE_BUFFER;
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) != 0 ||
        (is_shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) ||
        bind(fd, (struct sockaddr *)&address, len) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

int listener_open(const char *host, int64_t port)
{
    int fd = bound_socket(host, port, true);
    if (fd < 0)
        log_error("cannot listen", LOG_Z("host", host), LOG_I("port", port), LOG_Z("error", strerror(errno)));
    return fd;
}

bool listener_is_free(const char *host, int64_t port)
{
    int fd = bound_socket(host, port, false);
    if (fd < 0 || listen(fd, 1) != 0) {
        log_error("cannot listen", LOG_Z("host", host), LOG_I("port", port), LOG_Z("error", strerror(errno)));
        if (fd >= 0)
            close(fd);
        return false;
    }
    close(fd);
    return true;
}

static void pause_accepting(struct listener *listener, const char *why)
{
    if (!listener->is_full)
        log_warn("not accepting", LOG_Z("why", why));
    listener->is_full = true;
    h2o_socket_read_stop(listener->socket);
    h2o_timeout_link(listener->thread->context.loop, &listener->thread->accept_pause, &listener->pause);
}

static bool is_full(const struct listener *listener)
{
    struct gateway *gateway = listener->thread->gateway;
    return listener->role == LISTENER_API && atomic_load(&gateway->connections) >= gateway->config->max_connections;
}

/* Whether somebody waits to be accepted: else nobody need give way, least of all who was accepted last. */
static bool is_awaited(const struct listener *listener)
{
    struct pollfd poll_fd = {.fd = h2o_socket_get_fd(listener->socket), .events = POLLIN};
    return poll(&poll_fd, 1, 0) > 0;
}

/* Who lies idle gives way to who comes. Only so many are looked at: busy ones may stand before them. */
static bool make_room(struct listener *listener)
{
    h2o_linklist_t *link = listener->guards.next;
    for (int looked = 0; looked < LOOKED_AT_MOST && link != &listener->guards; looked++) {
        struct guard *guard = H2O_STRUCT_FROM_MEMBER(struct guard, link, link);
        link = link->next;
        if (guard_close_idle(guard, GUARD_ANY))
            return true;
    }
    return false;
}

/* ---- which thread serves a connection ---- */

struct handed {
    h2o_multithread_message_t message;
    int fd;
};

static struct thread *choose_thread(const struct listener *listener)
{
    struct gateway *gateway = listener->thread->gateway;
    bool is_own = listener->role != LISTENER_API || atomic_load(&gateway->is_stopping) ||
                  atomic_load(&gateway->listening) < (int)gateway->thread_count;
    if (is_own)
        return listener->thread;
    int few = ENOUGH_FOR_ALL / (int)gateway->thread_count;
    struct thread *best = NULL;
    int fewest = 0;
    for (size_t i = 0; i < gateway->thread_count; i++) {
        int connections = atomic_load(&gateway->threads[i]->connections);
        if (connections < few)
            return gateway->threads[i];
        if (best == NULL || connections < fewest) {
            best = gateway->threads[i];
            fewest = connections;
        }
    }
    return best;
}

static void count_connection(struct listener *listener, struct thread *thread)
{
    if (listener->role != LISTENER_API)
        return;
    atomic_fetch_add(&thread->gateway->connections, 1);
    atomic_fetch_add(&thread->connections, 1);
}

static bool accept_for(struct listener *listener, struct thread *other)
{
    int fd = accept4(h2o_socket_get_fd(listener->socket), NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    if (fd < 0)
        return false;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* as h2o does; works as well without */
    struct handed *handed = allocate(sizeof *handed);
    handed->fd = fd;
    count_connection(listener, other);
    h2o_multithread_send_message(&other->api.handed, &handed->message);
    return true;
}

static bool accept_here(struct listener *listener)
{
    h2o_socket_t *client = h2o_evloop_socket_accept(listener->socket);
    if (client == NULL)
        return false;
    count_connection(listener, listener->thread);
    guard_accept(listener, client);
    return true;
}

static void on_handed(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages)
{
    struct listener *listener = H2O_STRUCT_FROM_MEMBER(struct listener, handed, receiver);
    h2o_linklist_t *next;
    for (h2o_linklist_t *link = messages->next; link != messages; link = next) {
        next = link->next;
        struct handed *handed = H2O_STRUCT_FROM_MEMBER(struct handed, message.link, link);
        guard_accept(listener, h2o_evloop_socket_create(listener->thread->context.loop, handed->fd,
                                                        H2O_SOCKET_FLAG_IS_ACCEPTED_CONNECTION));
        free(handed);
    }
    h2o_linklist_init_anchor(messages); /* it holds none any more */
}

/* ---- accepting ---- */

/* Whether there was one. */
static bool accept_one(struct listener *listener)
{
    struct thread *thread = choose_thread(listener);
    if (thread == listener->thread ? !accept_here(listener) : !accept_for(listener, thread))
        return false;
    listener->is_full = false;
    counter_add(&metrics_http(listener->thread->metrics)->accepted, listener->role == LISTENER_API);
    return true;
}

static void on_connections(h2o_socket_t *socket, const char *err)
{
    struct listener *listener = socket->data;
    for (int n = 0; err == NULL && n < ACCEPTS_A_TURN; n++) {
        if (is_full(listener)) {
            if (!is_awaited(listener))
                return;
            if (!make_room(listener)) {
                pause_accepting(listener, "MAX_CONNECTIONS are open");
                return;
            }
        }
        if (!accept_one(listener)) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                pause_accepting(listener, strerror(errno));
            return;
        }
    }
}

static void on_pause_over(h2o_timeout_entry_t *entry)
{
    struct listener *listener = H2O_STRUCT_FROM_MEMBER(struct listener, pause, entry);
    h2o_socket_read_start(listener->socket, on_connections);
}

void listener_start(struct listener *listener, enum listener_role role, struct thread *thread, int fd,
                    h2o_hostconf_t **hosts)
{
    listener->role = role;
    listener->thread = thread;
    listener->accept = (h2o_accept_ctx_t){.ctx = &thread->context, .hosts = hosts};
    listener->pause.cb = on_pause_over;
    listener->socket = h2o_evloop_socket_create(thread->context.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
    listener->socket->data = listener;
    h2o_multithread_register_receiver(thread->context.queue, &listener->handed, on_handed);
}

bool listener_listen(struct listener *listener)
{
    if (listen(h2o_socket_get_fd(listener->socket), BACKLOG) != 0) {
        log_error("cannot listen", LOG_Z("error", strerror(errno)));
        return false;
    }
    listener->is_listening = true;
    h2o_socket_read_start(listener->socket, on_connections);
    return true;
}

/* A filter sees the segments from their TCP header on; the connections that exist inherit it, and get no SYN. */
void listener_refuse_more(struct listener *listener)
{
    enum { FLAGS_AT = 13, SYN = 0x02, ACK = 0x10, WHOLE = 0x40000 };
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS_AT),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SYN | ACK),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, WHOLE),
    };
    struct sock_fprog filter = {.len = sizeof steps / sizeof *steps, .filter = steps};
    if (setsockopt(h2o_socket_get_fd(listener->socket), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0)
        log_warn("clients that connect now may be reset", LOG_Z("error", strerror(errno)));
}

void listener_accept_rest(struct listener *listener)
{
    while (accept_one(listener))
        continue;
}

void listener_dispose(struct listener *listener)
{
    listener_close(listener);
    if (listener->handed.queue != NULL)
        h2o_multithread_unregister_receiver(listener->handed.queue, &listener->handed);
}

void listener_close(struct listener *listener)
{
    if (listener->socket == NULL)
        return;
    h2o_timeout_unlink(&listener->pause);
    h2o_socket_close(listener->socket);
    listener->socket = NULL;
}
