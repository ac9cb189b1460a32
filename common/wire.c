/* Wires: ZeroMQ sockets with this project's options. What goes over them is the bus's and the feed's business. */
#include "common/wire.h"

#include <assert.h>
#include <czmq.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* czmq.h brings syslog.h, whose levels are named as ours. */
#undef LOG_DEBUG
#undef LOG_INFO
#include "common/log.h"
#include "common/str.h"
#include "common/wire_internal.h"

enum {
    LINGER_MS = 1000,
    HIGH_WATER = 1024, /* messages that wait on one connection */
    /* For a listener: more than are said before it takes its own pause for a gap (FEED_PAUSE_MS). What is dropped
     * sooner it would learn of only by the next heartbeat, and trust what it remembers until then. */
    FEED_HIGH_WATER = 65536,
    HEARTBEAT_MS = 1000,
    SILENCE_MS = 3000, /* after which a peer counts as gone */
    HANDSHAKE_MS = 3000,
    CONNECT_MS = 3000,
    COPIED_MAX = 64 * 1024, /* larger messages take the buffer with them */
    REFUSED_EVENTS =
        ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH,
};

static const char NO_KEYS[] = "tcp:// needs keys: set BUS_KEY and BUS_PEERS (deploy/keys makes them)";

/* ---- the process ---- */

/* CZMQ would take over SIGINT and SIGTERM and print to standard output. */
static void prepare(void)
{
    zsys_handler_set(NULL);
    zsys_init();
    zsys_set_logstream(NULL);
    zsys_set_io_threads(1);
}

/* ---- opening and closing ---- */

/* libzmq 4.3.4 aborts where a heartbeat is due on a connection that is lost while what it received has reached the
 * limit (libzmq issues 3937 and 4364). So who sends heartbeats has no limit: on the bus each peer limits itself, to so
 * many calls that are pending, and there are no more replies than our own calls. */
static void set_heartbeats(zsock_t *socket)
{
    zsock_set_heartbeat_ivl(socket, HEARTBEAT_MS);
    zsock_set_heartbeat_timeout(socket, SILENCE_MS);
    zsock_set_heartbeat_ttl(socket, SILENCE_MS);
    zsock_set_rcvhwm(socket, 0);
}

/* A feed has heartbeats of its own (feed.h), and limits, since nobody asks for what it says: there the kernel looks
 * whether the other host is there. */
static void set_keepalive(zsock_t *socket)
{
    zsock_set_tcp_keepalive(socket, 1);
    zsock_set_tcp_keepalive_idle(socket, HEARTBEAT_MS / 1000);
    zsock_set_tcp_keepalive_intvl(socket, HEARTBEAT_MS / 1000);
    zsock_set_tcp_keepalive_cnt(socket, SILENCE_MS / HEARTBEAT_MS);
    zsock_set_tcp_maxrt(socket, SILENCE_MS);
    zsock_set_rcvhwm(socket, HIGH_WATER);
}

static void set_options(zsock_t *socket, int type)
{
    zsock_set_linger(socket, LINGER_MS);
    zsock_set_sndhwm(socket, HIGH_WATER);
    zsock_set_maxmsgsize(socket, WIRE_MAX_MESSAGE);
    if (type == ZMQ_XPUB || type == ZMQ_XSUB)
        set_keepalive(socket);
    else if (type == ZMQ_PAIR)
        zsock_set_rcvhwm(socket, 0); /* a monitor's: news that met a limit would stop libzmq's thread */
    else
        set_heartbeats(socket);
    zsock_set_handshake_ivl(socket, HANDSHAKE_MS);
    zsock_set_connect_timeout(socket, CONNECT_MS);
    zsock_set_reconnect_ivl(socket, WIRE_RECONNECT_MS);
    zsock_set_reconnect_ivl_max(socket, WIRE_RECONNECT_MAX_MS);
    if (type == ZMQ_ROUTER)
        zsock_set_router_mandatory(socket, 1); /* or it drops what goes to a peer that has left, and says nothing */
    if (type == ZMQ_DEALER)
        zsock_set_immediate(socket, 1); /* or it queues for a peer that is not there */
    if (type == ZMQ_XPUB)
        zsock_set_sndhwm(socket, FEED_HIGH_WATER);
}

void wire_open(struct wire *wire, int type)
{
    static pthread_once_t prepared = PTHREAD_ONCE_INIT;
    pthread_once(&prepared, prepare);
    zsock_t *socket = zsock_new(type);
    if (socket == NULL) {
        log_error("no ZeroMQ socket", LOG_Z("reason", zmq_strerror(errno)));
        abort();
    }
    set_options(socket, type);
    *wire = (struct wire){.socket = socket, .handle = zsock_resolve(socket), .fd = (int)zsock_fd(socket)};
}

void wire_close(struct wire *wire)
{
    zsock_t *socket = wire->socket;
    zsock_destroy(&socket);
    *wire = (struct wire){.fd = -1};
}

/* ---- addresses ---- */

static bool is_tcp(const char *address)
{
    return str_starts_with(str_from(address), STR("tcp://"));
}

static bool is_supported(const char *address)
{
    return is_tcp(address) || str_starts_with(str_from(address), STR("ipc://"));
}

static enum error refuse(const char *address, const char *reason)
{
    log_error("address refused", LOG_Z("address", address), LOG_Z("reason", reason));
    return ERROR_MALFORMED;
}

static void set_option(struct wire *wire, int option, const void *value, size_t size)
{
    int result = zmq_setsockopt(wire->handle, option, value, size);
    assert(result == 0);
}

/* An IPv6 address stands in brackets. Elsewhere the option would need IPv6 on the host for IPv4 too. */
static void allow_ipv6(struct wire *wire, const char *address)
{
    int on = 1;
    if (strchr(address, '[') != NULL)
        set_option(wire, ZMQ_IPV6, &on, sizeof on);
}

enum error wire_check_trust(const char *endpoints, const struct wire_trust *trust)
{
    if (strstr(endpoints, "tcp://") == NULL)
        return OK;
    if (trust->keys == NULL)
        return refuse(endpoints, NO_KEYS);
    if (wire_keys_of(trust->keys, trust->peer, 0) == NULL)
        return refuse(endpoints, "BUS_PEERS lists no key of the service that is to be there");
    return OK;
}

/* From here on the wire talks to who has the trusted key, and to nobody else. */
static void set_trust(struct wire *wire, const struct wire_trust *trust)
{
    set_option(wire, ZMQ_CURVE_SERVERKEY, wire_keys_of(trust->keys, trust->peer, trust->attempt), WIRE_KEY_SIZE);
    set_option(wire, ZMQ_CURVE_PUBLICKEY, trust->keys->public_key, WIRE_KEY_SIZE);
    set_option(wire, ZMQ_CURVE_SECRETKEY, trust->keys->secret_key, WIRE_KEY_SIZE);
}

enum error wire_connect(struct wire *wire, const char *address, const struct wire_trust *trust)
{
    if (!is_supported(address))
        return refuse(address, "neither ipc://PATH nor tcp://HOST:PORT");
    TRY(wire_check_trust(address, trust));
    if (is_tcp(address)) {
        set_trust(wire, trust);
        allow_ipv6(wire, address);
    }
    if (zmq_connect(wire->handle, address) != 0)
        return refuse(address, zmq_strerror(errno));
    return OK;
}

/* Whether somebody listens on the socket file of an ipc address. libzmq would take the file from a living process. */
static bool is_taken(const char *address)
{
    const struct str scheme = STR("ipc://"), text = str_from(address);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (!str_starts_with(text, scheme) || text.len - scheme.len >= sizeof name.sun_path)
        return false;
    memcpy(name.sun_path, text.ptr + scheme.len, text.len - scheme.len);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return false;
    bool is_taken = connect(fd, (const struct sockaddr *)&name, sizeof name) == 0;
    close(fd);
    return is_taken;
}

/* ZeroMQ lets in who has a key that the keys know (wire_zap.c), and nobody else. */
static void lock(struct wire *wire, struct wire_keys *keys)
{
    int on = 1;
    wire_zap_begin(keys);
    set_option(wire, ZMQ_CURVE_SERVER, &on, sizeof on);
    set_option(wire, ZMQ_CURVE_SECRETKEY, keys->secret_key, WIRE_KEY_SIZE);
    set_option(wire, ZMQ_ZAP_DOMAIN, keys->domain, strlen(keys->domain));
    wire->has_names = true;
}

enum error wire_bind(struct wire *wire, const char *address, struct wire_keys *keys)
{
    if (!is_supported(address))
        return refuse(address, "neither ipc://PATH nor tcp://HOST:PORT");
    if (is_taken(address))
        return refuse(address, zmq_strerror(EADDRINUSE));
    if (is_tcp(address)) {
        if (keys == NULL)
            return refuse(address, NO_KEYS);
        lock(wire, keys);
        allow_ipv6(wire, address);
    }
    if (zmq_bind(wire->handle, address) != 0)
        return refuse(address, zmq_strerror(errno));
    return OK;
}

/* ---- receiving ---- */

/* One frame into an initialised one; false for none. */
static bool receive_frame(struct wire *wire, zmq_msg_t *frame)
{
    int result;
    do
        result = zmq_msg_recv(frame, wire->handle, ZMQ_DONTWAIT);
    while (result == -1 && errno == EINTR);
    wire->is_drained = result == -1; /* EAGAIN; or ETERM, and then nothing ever comes */
    return result != -1;
}

void wire_release(zmq_msg_t *frames, size_t count)
{
    for (size_t i = 0; i < count; i++)
        zmq_msg_close(&frames[i]);
}

struct str wire_sender(const struct wire *wire, zmq_msg_t *frame)
{
    return str_from(wire->has_names ? zmq_msg_gets(frame, "User-Id") : NULL);
}

static enum wire_received skip_frame(struct wire *wire)
{
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    bool is_received = receive_frame(wire, &frame);
    if (is_received)
        wire->is_skipping = zmq_msg_more(&frame);
    zmq_msg_close(&frame);
    return is_received ? WIRE_SKIPPED : WIRE_EMPTY;
}

enum wire_received wire_receive(struct wire *wire, zmq_msg_t *frames, size_t count)
{
    if (wire->is_skipping)
        return skip_frame(wire);
    for (size_t i = 0; i < count; i++) {
        zmq_msg_init(&frames[i]);
        if (!receive_frame(wire, &frames[i])) {
            wire_release(frames,
                         i + 1); /* there is none at i = 0: libzmq hands over whole messages, unless it closes down */
            return WIRE_EMPTY;
        }
        bool is_last = i + 1 == count, has_more = zmq_msg_more(&frames[i]);
        if (has_more == is_last) {
            wire_release(frames, i + 1);
            wire->is_skipping = has_more;
            return WIRE_GARBAGE;
        }
    }
    return WIRE_MESSAGE;
}

/* ---- sending ---- */

static void free_bytes(void *bytes, void *unused)
{
    (void)unused;
    free(bytes);
}

/* A small message is a copy, and the buffer's memory serves again; a large one takes the memory along, so that it is
 * neither copied nor kept. */
static void make_message(zmq_msg_t *message, struct buffer *buffer)
{
    if (buffer->len > COPIED_MAX) {
        zmq_msg_init_data(message, buffer->data, buffer->len, free_bytes, NULL);
        *buffer = (struct buffer){0};
        return;
    }
    zmq_msg_init_size(message, buffer->len);
    memcpy(zmq_msg_data(message), buffer->data, buffer->len);
    buffer_clear(buffer);
}

/* libzmq looks at what its thread says only now and then while sending: before it refuses in earnest it must look. */
static int send_frame(struct wire *wire, zmq_msg_t *frame, int flags)
{
    int result = zmq_msg_send(frame, wire->handle, flags | ZMQ_DONTWAIT);
    if (result == -1 && errno == EAGAIN && wire_can_send(wire))
        result = zmq_msg_send(frame, wire->handle, flags | ZMQ_DONTWAIT);
    return result;
}

static enum wire_sent send_peer(struct wire *wire, struct str peer)
{
    zmq_msg_t frame;
    zmq_msg_init_size(&frame, peer.len);
    memcpy(zmq_msg_data(&frame), peer.ptr, peer.len);
    if (send_frame(wire, &frame, ZMQ_SNDMORE) != -1)
        return WIRE_SENT;
    enum wire_sent sent = errno == EHOSTUNREACH ? WIRE_NO_PEER : WIRE_FULL;
    zmq_msg_close(&frame);
    return sent;
}

enum wire_sent wire_send(struct wire *wire, struct str peer, struct buffer *buffer)
{
    wire->is_drained = false;
    enum wire_sent sent = peer.len > 0 ? send_peer(wire, peer) : WIRE_SENT;
    if (sent != WIRE_SENT) {
        buffer_clear(buffer);
        return sent;
    }
    zmq_msg_t message;
    make_message(&message, buffer);
    if (send_frame(wire, &message, 0) != -1)
        return WIRE_SENT;
    zmq_msg_close(&message);
    return WIRE_FULL;
}

bool wire_can_send(struct wire *wire)
{
    int events = 0;
    size_t size = sizeof events;
    wire->is_drained = false;
    return zmq_getsockopt(wire->handle, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLOUT);
}

/* ---- the state of a connection ---- */

void wire_monitor(struct wire *wire, struct wire *monitor)
{
    static atomic_uint count;
    char address[64];
    snprintf(address, sizeof address, "inproc://wire-monitor-%u", atomic_fetch_add(&count, 1));
    wire_open(monitor, ZMQ_PAIR);
    if (zmq_socket_monitor(wire->handle, address,
                           ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | REFUSED_EVENTS) != 0 ||
        zmq_connect(monitor->handle, address) != 0) {
        log_error("no ZeroMQ monitor", LOG_Z("reason", zmq_strerror(errno)));
        abort();
    }
}

void wire_unmonitor(struct wire *wire, struct wire *monitor)
{
    if (wire->handle != NULL)
        zmq_socket_monitor(wire->handle, NULL, 0);
    wire_close(monitor);
}

enum wire_news wire_next_news(struct wire *monitor)
{
    zmq_msg_t frames[2]; /* what happened, as zmq_socket_monitor(3) lays it out, and to which address */
    for (;;) {
        enum wire_received received = wire_receive(monitor, frames, 2);
        if (received == WIRE_EMPTY)
            return WIRE_NO_NEWS;
        if (received != WIRE_MESSAGE)
            continue;
        uint16_t event = 0;
        if (zmq_msg_size(&frames[0]) >= sizeof event)
            memcpy(&event, zmq_msg_data(&frames[0]), sizeof event);
        wire_release(frames, 2);
        if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
            return WIRE_CONNECTED;
        if (event == ZMQ_EVENT_DISCONNECTED)
            return WIRE_DISCONNECTED;
        if ((event & REFUSED_EVENTS) != 0)
            return WIRE_REFUSED;
    }
}
