/* The feed: one PUB that numbers what it says, and one SUB for each publisher, so that the silence and the gaps of each
 * are known. The bytes are the envelope's. */
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
#include "common/envelope.h"
#include "common/log.h"
#include "common/wire.h"

_Static_assert((int)FEED_MAX_NAME == ENVELOPE_MAX_NAME, "the feed's names are the envelope's");

enum { RECEIVE_MAX = 4096 /* messages of a publisher in one turn */, COMPLAIN_MS = 1000 };

static _Noreturn void give_up(const char *what)
{
    log_error(what, LOG_Z("reason", strerror(errno)));
    abort();
}

/* ---- speaking ---- */

struct feed_publisher {
    struct wire wire;
    int64_t instance; /* tells this publisher from the one that had its address before */
    int64_t number;   /* of the last event */
    struct buffer message;
};

enum error feed_publisher_new(struct feed_publisher **publisher, const char *endpoint)
{
    struct feed_publisher *made = allocate(sizeof *made);
    if (getrandom(&made->instance, sizeof made->instance, 0) != (ssize_t)sizeof made->instance)
        give_up("no random number");
    made->instance &= INT64_MAX;
    wire_open(&made->wire, ZMQ_PUB);
    enum error error = wire_bind(&made->wire, endpoint);
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

void feed_publish(struct feed_publisher *publisher, struct str name, struct str body)
{
    assert(name.len > 0 && name.len <= FEED_MAX_NAME && body.len <= FEED_MAX_BODY);
    publisher->number++;
    say(publisher, name, body);
}

void feed_heartbeat(struct feed_publisher *publisher)
{
    say(publisher, STR(""), STR(""));
}

/* ---- listening ---- */

/* One publisher as a listener knows it. */
struct source {
    char *address;
    struct wire wire;
    bool is_heard;    /* within FEED_SILENCE_MS, as far as looked */
    int64_t instance; /* -1 = none yet */
    int64_t number;   /* of the last event */
    int64_t heard_ms;
    int64_t renew_ms; /* when to begin its connection anew, unless it is heard; INT64_MAX = never */
};

struct feed_subscriber {
    struct feed_handlers handlers;
    int epoll; /* one descriptor for all sources */
    struct source sources[FEED_MAX_ENDPOINTS];
    size_t source_count;
    uint64_t garbage;
    int64_t complained_ms;
};

static enum error add_source(void *context, const char *address)
{
    struct feed_subscriber *subscriber = context;
    if (subscriber->source_count == FEED_MAX_ENDPOINTS) {
        log_error("too many endpoints", LOG_Z("address", address), LOG_I("most", FEED_MAX_ENDPOINTS));
        return ERROR_MALFORMED;
    }
    size_t index = subscriber->source_count++;
    struct source *source = &subscriber->sources[index];
    source->instance = -1;
    source->renew_ms = INT64_MAX;
    source->address = allocate(strlen(address) + 1);
    memcpy(source->address, address, strlen(address));
    wire_open(&source->wire, ZMQ_SUB);
    struct epoll_event interest = {.events = EPOLLIN, .data.u64 = index};
    if (epoll_ctl(subscriber->epoll, EPOLL_CTL_ADD, source->wire.fd, &interest) != 0)
        give_up("cannot watch the feed");
    return wire_connect(&source->wire, address);
}

enum error feed_subscriber_new(struct feed_subscriber **subscriber, const char *endpoints,
                               const struct feed_handlers *handlers)
{
    struct feed_subscriber *made = allocate(sizeof *made);
    made->handlers = *handlers;
    made->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (made->epoll == -1)
        give_up("cannot watch the feed");
    enum error error = wire_each_address(endpoints, add_source, made);
    if (error != OK)
        feed_subscriber_destroy(&made);
    else
        *subscriber = made;
    return error;
}

void feed_subscriber_destroy(struct feed_subscriber **subscriber)
{
    if (*subscriber == NULL)
        return;
    for (size_t i = 0; i < (*subscriber)->source_count; i++) {
        wire_close(&(*subscriber)->sources[i].wire);
        free((*subscriber)->sources[i].address);
    }
    close((*subscriber)->epoll);
    free(*subscriber);
    *subscriber = NULL;
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

static void receive(struct feed_subscriber *subscriber, struct source *source, int64_t now_ms)
{
    for (size_t i = 0; i < RECEIVE_MAX && !source->wire.is_drained; i++) {
        zmq_msg_t frame;
        enum wire_received received = wire_receive(&source->wire, &frame, 1);
        if (received == WIRE_GARBAGE)
            complain(subscriber, source, now_ms);
        if (received != WIRE_MESSAGE)
            continue;
        take(subscriber, source, (struct str){zmq_msg_data(&frame), zmq_msg_size(&frame)}, now_ms);
        wire_release(&frame, 1);
    }
}

static bool is_silent(const struct source *source, int64_t now_ms)
{
    return !source->is_heard || now_ms - source->heard_ms > FEED_SILENCE_MS;
}

static void look_after(struct feed_subscriber *subscriber, struct source *source, int64_t now_ms)
{
    if (source->is_heard && is_silent(source, now_ms)) {
        source->is_heard = false;
        log_warn("feed silent", LOG_Z("address", source->address));
        subscriber->handlers.on_gap(subscriber->handlers.context);
    }
    if (!source->is_heard && now_ms >= source->renew_ms) {
        source->renew_ms = INT64_MAX;
        wire_renew(&source->wire, source->address);
    }
}

void feed_turn(struct feed_subscriber *subscriber)
{
    struct epoll_event events[FEED_MAX_ENDPOINTS];
    int ready = epoll_wait(subscriber->epoll, events, FEED_MAX_ENDPOINTS, 0);
    for (int i = 0; i < ready; i++)
        subscriber->sources[events[i].data.u64].wire.is_drained = false;
    int64_t now_ms = clock_now_ms();
    for (size_t i = 0; i < subscriber->source_count; i++) {
        /* Before what waits is heard: it may be old, and the last of it dropped, if it was us who stood still. */
        look_after(subscriber, &subscriber->sources[i], now_ms);
        receive(subscriber, &subscriber->sources[i], now_ms);
    }
}

bool feed_is_current(const struct feed_subscriber *subscriber)
{
    int64_t now_ms = clock_now_ms();
    for (size_t i = 0; i < subscriber->source_count; i++)
        if (is_silent(&subscriber->sources[i], now_ms) || !subscriber->sources[i].wire.is_drained)
            return false;
    return true;
}

bool feed_is_silent(const struct feed_subscriber *subscriber)
{
    int64_t now_ms = clock_now_ms();
    for (size_t i = 0; i < subscriber->source_count; i++)
        if (is_silent(&subscriber->sources[i], now_ms))
            return true;
    return false;
}
