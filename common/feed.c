/* The feed: one XPUB that numbers what it says, and one XSUB for each publisher, so that the silence and the gaps of
 * each are known. A listener that says what it has heard subscribes to an id of its own beside all events: libzmq tells
 * the publisher when it comes and goes. The bytes are the envelope's. */
#include "common/feed.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/allocate.h"
#include "common/clock.h"
#include "common/discovery.h"
#include "common/envelope.h"
#include "common/log.h"
#include "common/wire.h"

_Static_assert((int)FEED_MAX_NAME == ENVELOPE_MAX_NAME, "the feed's names are the envelope's");

enum {
    RECEIVE_MAX = 4096, /* messages of a peer in one turn */
    BACKLOG = 256,      /* so many in one turn: more are on their way */
    COMPLAIN_MS = 1000,
};

/* ZeroMQ's first bytes of what a listener sends (RFC 29/PUBSUB). */
enum { UNSUBSCRIBE = 0, SUBSCRIBE = 1 };

static _Noreturn void give_up(const char *what)
{
    log_error(what, LOG_Z("reason", strerror(errno)));
    abort();
}

/* ---- speaking ---- */

struct listener {
    int64_t id;
    int64_t heard; /* the last event's number; -1 = none yet */
    int64_t late;  /* the event that was waited for in vain; until it is heard nothing is; 0 = none */
};

struct feed_publisher {
    struct wire wire;
    int64_t instance; /* tells this publisher from the one that had its address before */
    int64_t number;   /* of the last event */
    struct buffer message;
    struct listener *listeners; /* FEED_MAX_LISTENERS; NULL until there is one */
    size_t listener_count;
};

static int64_t random_id(void)
{
    int64_t id;
    if (getrandom(&id, sizeof id, 0) != (ssize_t)sizeof id)
        give_up("no random number");
    return id & INT64_MAX;
}

enum error feed_publisher_new(struct feed_publisher **publisher, const char *endpoint, struct wire_keys *keys)
{
    struct feed_publisher *made = allocate(sizeof *made);
    made->instance = random_id();
    wire_open(&made->wire, ZMQ_XPUB);
    enum error error = wire_bind(&made->wire, endpoint, keys);
    if (error != OK)
        feed_publisher_destroy(&made);
    else
        *publisher = made;
    return error;
}

void feed_publisher_destroy(struct feed_publisher **publisher)
{
    if (*publisher == NULL)
        return;
    wire_close(&(*publisher)->wire);
    buffer_free(&(*publisher)->message);
    free((*publisher)->listeners);
    free(*publisher);
    *publisher = NULL;
}

/* A PUB takes everything, and drops what a listener has no room for: its numbers show the gap. What its listeners took,
 * and who is new among them, libzmq notes only now and then while sending: without asking first it drops for those who
 * keep up.
 */
static void say(struct feed_publisher *publisher, struct str name, struct str body)
{
    const struct envelope_event event = {publisher->instance, publisher->number, name, body};
    envelope_write_event(&publisher->message, &event);
    (void)wire_can_send(&publisher->wire);
    if (wire_send(&publisher->wire, STR(""), &publisher->message) != WIRE_SENT)
        log_error("event not sent", LOG_S("event", name));
}

int64_t feed_publish(struct feed_publisher *publisher, struct str name, struct str body)
{
    assert(name.len > 0 && name.len <= FEED_MAX_NAME && body.len <= FEED_MAX_BODY);
    publisher->number++;
    say(publisher, name, body);
    return publisher->number;
}

/* ---- who has heard it ---- */

static struct listener *find_listener(struct feed_publisher *publisher, int64_t id)
{
    for (size_t i = 0; i < publisher->listener_count; i++)
        if (publisher->listeners[i].id == id)
            return &publisher->listeners[i];
    return NULL;
}

static void add_listener(struct feed_publisher *publisher, int64_t id)
{
    if (find_listener(publisher, id) != NULL)
        return;
    if (publisher->listener_count == FEED_MAX_LISTENERS) {
        log_error("too many listen: one is not waited for", LOG_I("most", FEED_MAX_LISTENERS));
        return;
    }
    if (publisher->listeners == NULL)
        publisher->listeners = allocate(FEED_MAX_LISTENERS * sizeof *publisher->listeners);
    publisher->listeners[publisher->listener_count++] = (struct listener){.id = id, .heard = -1};
}

static void remove_listener(struct feed_publisher *publisher, int64_t id)
{
    struct listener *listener = find_listener(publisher, id);
    if (listener != NULL)
        *listener = publisher->listeners[--publisher->listener_count];
}

static void note_heard(struct feed_publisher *publisher, const struct envelope_heard *heard)
{
    struct listener *listener = find_listener(publisher, heard->listener);
    if (listener == NULL || heard->instance != publisher->instance)
        return;
    listener->heard = heard->number;
    if (listener->heard >= listener->late)
        listener->late = 0;
}

static void take_word(struct feed_publisher *publisher, struct str word)
{
    int64_t id;
    struct envelope_heard heard;
    struct str topic = word.len > 0 ? (struct str){word.ptr + 1, word.len - 1} : word;
    if (envelope_read_heard(word, &heard))
        note_heard(publisher, &heard);
    else if (envelope_read_listener(topic, &id) && word.ptr[0] == SUBSCRIBE)
        add_listener(publisher, id);
    else if (envelope_read_listener(topic, &id) && word.ptr[0] == UNSUBSCRIBE)
        remove_listener(publisher, id);
}

static void listen_to_listeners(struct feed_publisher *publisher)
{
    publisher->wire.is_drained = false;
    for (int count = 0; count < RECEIVE_MAX && !publisher->wire.is_drained; count++) {
        zmq_msg_t frame;
        if (wire_receive(&publisher->wire, &frame, 1) != WIRE_MESSAGE)
            continue;
        take_word(publisher, (struct str){zmq_msg_data(&frame), zmq_msg_size(&frame)});
        wire_release(&frame, 1);
    }
}

bool feed_is_heard(struct feed_publisher *publisher, int64_t number)
{
    listen_to_listeners(publisher);
    for (size_t i = 0; i < publisher->listener_count; i++)
        if (publisher->listeners[i].heard < number && publisher->listeners[i].late == 0)
            return false;
    return true;
}

void feed_wait_no_more(struct feed_publisher *publisher, int64_t number)
{
    size_t late = 0;
    for (size_t i = 0; i < publisher->listener_count; i++) {
        struct listener *listener = &publisher->listeners[i];
        if (listener->heard >= number || listener->late > 0)
            continue;
        listener->late = number;
        late++;
    }
    if (late > 0)
        log_warn("some who listen do not hear", LOG_I("listeners", late), LOG_I("waited_ms", FEED_PATIENCE_MS));
}

void feed_heartbeat(struct feed_publisher *publisher)
{
    listen_to_listeners(publisher);
    say(publisher, STR(""), STR(""));
}

/* ---- listening ---- */

/* One publisher as a listener knows it. */
struct source {
    char *address;
    unsigned peer;
    struct wire wire;
    size_t attempt;             /* which of its peer's keys it is thought to have */
    bool is_heard;              /* within FEED_SILENCE_MS, as far as looked */
    int64_t instance;           /* -1 = none yet */
    int64_t number;             /* of the last event */
    struct envelope_heard said; /* to it, over this connection */
    int64_t heard_ms;
    int64_t renew_ms; /* when to begin its connection anew, unless it is heard */
};

struct feed_subscriber {
    struct feed_handlers handlers;
    struct wire_keys *keys;
    int64_t id; /* as a listener */
    struct buffer message;
    int epoll; /* one descriptor for all sources and discovery */
    struct discovery *discovery;
    struct peer {
        char *name;
        size_t source_count;
    } peers[FEED_MAX_PEERS];
    unsigned peer_count;
    struct source *sources[FEED_MAX_ENDPOINTS];
    size_t source_count;
    int64_t turned_ms;       /* 0 = never */
    int64_t behind_until_ms; /* after a pause, and while much is heard at once */
    uint64_t garbage;
    int64_t complained_ms;
};

static void watch(struct feed_subscriber *subscriber, int fd, struct source *source)
{
    struct epoll_event interest = {.events = EPOLLIN, .data.ptr = source};
    if (epoll_ctl(subscriber->epoll, EPOLL_CTL_ADD, fd, &interest) != 0)
        give_up("cannot watch the feed");
}

/* ---- publishers that come and go ---- */

/* What libzmq repeats by itself whenever it connects again. */
static void subscribe(struct feed_subscriber *subscriber, struct source *source)
{
    buffer_append_char(&subscriber->message, SUBSCRIBE);
    (void)wire_send(&source->wire, STR(""), &subscriber->message);
    if (!subscriber->handlers.says_heard)
        return;
    buffer_append_char(&subscriber->message, SUBSCRIBE);
    envelope_write_listener(&subscriber->message, subscriber->id);
    (void)wire_send(&source->wire, STR(""), &subscriber->message);
}

static enum error open_source(struct feed_subscriber *subscriber, struct source *source)
{
    const struct wire_trust trust = {subscriber->keys, subscriber->peers[source->peer].name, source->attempt};
    wire_open(&source->wire, ZMQ_XSUB);
    subscribe(subscriber, source);
    source->said = (struct envelope_heard){.listener = subscriber->id, .instance = -1};
    watch(subscriber, source->wire.fd, source);
    source->renew_ms = clock_now_ms() + WIRE_RENEW_MS;
    return wire_connect(&source->wire, source->address, &trust);
}

/* The descriptor would outlive its wire: libzmq closes it in its own time. */
static void close_source(struct feed_subscriber *subscriber, struct source *source)
{
    epoll_ctl(subscriber->epoll, EPOLL_CTL_DEL, source->wire.fd, NULL);
    wire_close(&source->wire);
}

static void free_source(struct feed_subscriber *subscriber, size_t index)
{
    struct source *source = subscriber->sources[index];
    subscriber->sources[index] = subscriber->sources[--subscriber->source_count];
    subscriber->peers[source->peer].source_count--;
    close_source(subscriber, source);
    free(source->address);
    free(source);
}

static enum error on_come(void *context, unsigned peer, const char *address)
{
    struct feed_subscriber *subscriber = context;
    if (subscriber->source_count == FEED_MAX_ENDPOINTS) {
        log_error("too many endpoints", LOG_Z("address", address), LOG_I("most", FEED_MAX_ENDPOINTS));
        return ERROR_MALFORMED;
    }
    struct source *source = allocate(sizeof *source);
    *source = (struct source){.address = allocate_copy(address), .peer = peer, .instance = -1};
    subscriber->sources[subscriber->source_count++] = source;
    subscriber->peers[peer].source_count++;
    enum error error = open_source(subscriber, source);
    if (error != OK)
        free_source(subscriber, subscriber->source_count - 1);
    return error;
}

/* It may have told something that did not arrive. */
static void on_go(void *context, unsigned peer, const char *address)
{
    struct feed_subscriber *subscriber = context;
    for (size_t i = 0; i < subscriber->source_count; i++) {
        if (subscriber->sources[i]->peer != peer || strcmp(subscriber->sources[i]->address, address) != 0)
            continue;
        log_info("feed gone", LOG_Z("address", address));
        free_source(subscriber, i);
        subscriber->handlers.on_gap(subscriber->handlers.context);
        return;
    }
}

struct feed_subscriber *feed_subscriber_new(const struct feed_handlers *handlers, struct wire_keys *keys)
{
    struct feed_subscriber *subscriber = allocate(sizeof *subscriber);
    const struct discovery_handlers discovers = {on_come, on_go, subscriber};
    subscriber->handlers = *handlers;
    subscriber->keys = keys;
    subscriber->id = random_id();
    subscriber->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (subscriber->epoll == -1)
        give_up("cannot watch the feed");
    subscriber->discovery = discovery_new(&discovers);
    watch(subscriber, discovery_descriptor(subscriber->discovery), NULL);
    return subscriber;
}

enum error feed_subscribe(struct feed_subscriber *subscriber, const char *peer, const char *endpoints)
{
    assert(subscriber->peer_count < FEED_MAX_PEERS);
    TRY(wire_check_trust(endpoints, &(struct wire_trust){subscriber->keys, peer, 0}));
    subscriber->peers[subscriber->peer_count] = (struct peer){.name = allocate_copy(peer)};
    return discovery_add(subscriber->discovery, subscriber->peer_count++, endpoints);
}

void feed_subscriber_destroy(struct feed_subscriber **owner)
{
    struct feed_subscriber *subscriber = *owner;
    if (subscriber == NULL)
        return;
    while (subscriber->source_count > 0)
        free_source(subscriber, 0);
    for (unsigned i = 0; i < subscriber->peer_count; i++)
        free(subscriber->peers[i].name);
    discovery_destroy(&subscriber->discovery);
    buffer_free(&subscriber->message);
    close(subscriber->epoll);
    free(subscriber);
    *owner = NULL;
}

int feed_descriptor(const struct feed_subscriber *subscriber)
{
    return subscriber->epoll;
}

/* ---- what is heard ---- */

static void complain(struct feed_subscriber *subscriber, const struct source *source, int64_t now_ms)
{
    subscriber->garbage++;
    if (subscriber->complained_ms != 0 && now_ms - subscriber->complained_ms < COMPLAIN_MS)
        return;
    subscriber->complained_ms = now_ms;
    log_warn("garbage on the feed", LOG_Z("from", source->address), LOG_I("so_far", subscriber->garbage));
}

/* Whether the event is the one after the last, or a heartbeat that knows of none since. */
static bool follows(const struct source *source, const struct envelope_event *event)
{
    bool is_heartbeat = event->name.len == 0;
    return event->instance == source->instance && event->number == source->number + (is_heartbeat ? 0 : 1);
}

static void take(struct feed_subscriber *subscriber, struct source *source, struct str message, int64_t now_ms)
{
    const struct feed_handlers *handlers = &subscriber->handlers;
    struct envelope_event event;
    if (!envelope_read_event(message, &event)) {
        complain(subscriber, source, now_ms);
        return;
    }
    bool has_gap = !follows(source, &event);
    source->is_heard = true;
    source->instance = event.instance;
    source->number = event.number;
    source->heard_ms = now_ms;
    source->renew_ms = now_ms + WIRE_RENEW_MS;
    if (has_gap)
        handlers->on_gap(handlers->context);
    if (event.name.len > 0)
        handlers->on_event(handlers->context, event.name, event.body);
}

/* Returns how many. */
static size_t receive_all(struct feed_subscriber *subscriber, struct source *source, int64_t now_ms)
{
    size_t count = 0;
    for (; count < RECEIVE_MAX && !source->wire.is_drained; count++) {
        zmq_msg_t frame;
        enum wire_received received = wire_receive(&source->wire, &frame, 1);
        if (received == WIRE_GARBAGE)
            complain(subscriber, source, now_ms);
        if (received != WIRE_MESSAGE)
            continue;
        take(subscriber, source, (struct str){zmq_msg_data(&frame), zmq_msg_size(&frame)}, now_ms);
        wire_release(&frame, 1);
    }
    return count;
}

/* Returns whether there was anything new to say, and it was taken: else it is said next time. */
static bool say_heard(struct feed_subscriber *subscriber, struct source *source)
{
    const struct envelope_heard heard = {subscriber->id, source->instance, source->number};
    bool is_new = heard.instance != source->said.instance || heard.number != source->said.number;
    if (!subscriber->handlers.says_heard || !is_new)
        return false;
    envelope_write_heard(&subscriber->message, &heard);
    if (wire_send(&source->wire, STR(""), &subscriber->message) != WIRE_SENT)
        return false;
    source->said = heard;
    return true;
}

/* What has been said may have swallowed the news of more (wire.h). */
static void receive(struct feed_subscriber *subscriber, struct source *source, int64_t now_ms)
{
    size_t count = receive_all(subscriber, source, now_ms);
    while (say_heard(subscriber, source) && count < RECEIVE_MAX)
        count += receive_all(subscriber, source, now_ms);
    if (count >= BACKLOG)
        subscriber->behind_until_ms = now_ms + FEED_PAUSE_MS;
}

static bool is_silent(const struct source *source, int64_t now_ms)
{
    return !source->is_heard || now_ms - source->heard_ms > FEED_SILENCE_MS;
}

/* Unheard for so long, its connection is begun anew: with its peer's next key, and again each time that it stays in
 * vain. */
static void renew(struct feed_subscriber *subscriber, struct source *source)
{
    close_source(subscriber, source);
    source->attempt++;
    enum error error = open_source(subscriber, source);
    assert(error == OK); /* as the first time */
}

static void look_after(struct feed_subscriber *subscriber, struct source *source, int64_t now_ms)
{
    if (source->is_heard && is_silent(source, now_ms)) {
        source->is_heard = false;
        log_warn("feed silent", LOG_Z("address", source->address));
        discovery_hurry(subscriber->discovery);
        subscriber->handlers.on_gap(subscriber->handlers.context);
    }
    if (!source->is_heard && now_ms >= source->renew_ms)
        renew(subscriber, source);
}

/* One system call for all. Returns whether discovery has news. */
static bool find_news(struct feed_subscriber *subscriber)
{
    struct epoll_event events[FEED_MAX_ENDPOINTS + 1];
    bool has_discovered = false;
    int ready = epoll_wait(subscriber->epoll, events, FEED_MAX_ENDPOINTS + 1, 0);
    for (int i = 0; i < ready; i++) {
        struct source *source = events[i].data.ptr;
        if (source != NULL)
            source->wire.is_drained = false;
        else
            has_discovered = true;
    }
    return has_discovered;
}

/* Who stood still may have much to hear, and libzmq's thread takes a while to bring it all: an empty socket says
 * nothing. */
static void mind_pause(struct feed_subscriber *subscriber, int64_t now_ms)
{
    if (subscriber->turned_ms != 0 && now_ms - subscriber->turned_ms > FEED_PAUSE_MS) {
        subscriber->behind_until_ms = now_ms + FEED_PAUSE_MS;
        subscriber->handlers.on_gap(subscriber->handlers.context);
    }
    subscriber->turned_ms = now_ms;
}

void feed_turn(struct feed_subscriber *subscriber)
{
    if (find_news(subscriber))
        discovery_turn(subscriber->discovery);
    int64_t now_ms = clock_now_ms();
    mind_pause(subscriber, now_ms);
    for (size_t i = 0; i < subscriber->source_count; i++) {
        receive(subscriber, subscriber->sources[i], now_ms);
        look_after(subscriber, subscriber->sources[i], now_ms);
    }
}

bool feed_is_current(const struct feed_subscriber *subscriber)
{
    int64_t now_ms = clock_now_ms();
    if (now_ms < subscriber->behind_until_ms)
        return false;
    for (unsigned i = 0; i < subscriber->peer_count; i++)
        if (subscriber->peers[i].source_count == 0)
            return false;
    for (size_t i = 0; i < subscriber->source_count; i++)
        if (is_silent(subscriber->sources[i], now_ms) || !subscriber->sources[i]->wire.is_drained)
            return false;
    return true;
}

bool feed_is_silent(const struct feed_subscriber *subscriber)
{
    int64_t now_ms = clock_now_ms();
    for (size_t i = 0; i < subscriber->source_count; i++)
        if (is_silent(subscriber->sources[i], now_ms))
            return true;
    return false;
}
