/* The feed: short events from one process to all that listen, by PUB/SUB. Fast, and it may lose: so each event is
 * numbered, a heartbeat carries the last number, and a listener knows when it cannot be sure to have heard all
 * (proto/events.def). One that answers for what it has cached says how far it has heard: the publisher can wait until
 * nobody trusts what an event has made untrue. One thread's own; needs a loop only as bus.h does. */
#ifndef COMMON_FEED_H
#define COMMON_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/str.h"

enum {
    FEED_HEARTBEAT_MS = 250,
    FEED_SILENCE_MS = 1500,
    FEED_PAUSE_MS = 500, /* between two turns: longer, and the listener cannot be sure for as long again */
    FEED_MAX_NAME = 64,  /* bytes of an event's name; it has one at least */
    FEED_MAX_BODY = 64 * 1024,
    FEED_MAX_ENDPOINTS = 64,
    FEED_MAX_PEERS = 8,
    FEED_MAX_LISTENERS = 1024, /* that say how far they have heard */
    /* After so long who has not heard an event has heard nothing since either, and trusts nothing. */
    FEED_PATIENCE_MS = FEED_SILENCE_MS + FEED_HEARTBEAT_MS,
};

struct wire_keys;

/* ---- speaking ---- */
struct feed_publisher;

/* Returns owned through *publisher. keys are what tcp:// needs (common/wire_keys.h), may be NULL, and outlive it:
 * whoever has a key may listen. ERROR_MALFORMED for an address that ZeroMQ refuses, and for tcp:// without keys. */
enum error feed_publisher_new(struct feed_publisher **publisher, const char *endpoint, struct wire_keys *keys) MUST_USE;
void feed_publisher_destroy(struct feed_publisher **publisher);
/* Sends at once. body is one MessagePack value. Returns the event's number, which grows. */
int64_t feed_publish(struct feed_publisher *publisher, struct str name, struct str body);
/* Whether all who say what they have heard have heard the event of this number, and all before it. Who has gone is not
 * asked; where it is a network that failed, it may trust what it has until it notices (FEED_SILENCE_MS). */
bool feed_is_heard(struct feed_publisher *publisher, int64_t number);
/* Who has not, after FEED_PATIENCE_MS, is not waited for until it has heard that one. */
void feed_wait_no_more(struct feed_publisher *publisher, int64_t number);
/* To be called every FEED_HEARTBEAT_MS. */
void feed_heartbeat(struct feed_publisher *publisher);

/* ---- listening ---- */
struct feed_subscriber;

struct feed_handlers {
    /* An event, in order; borrowed for the callback. */
    void (*on_event)(void *context, struct str name, struct str body);
    /* Events may have been missed (a gap in the numbers, silence, another instance of a publisher, a pause of our own):
     * forget what was cached. */
    void (*on_gap)(void *context);
    void *context;
    bool says_heard; /* once the handlers have run, the publisher is told: it may be waiting */
};

/* Returns owned; keys as above. */
struct feed_subscriber *feed_subscriber_new(const struct feed_handlers *handlers, struct wire_keys *keys);
/* Listens to every copy of a service too: peer is its name, which it proves on tcp://; endpoints are as bus_connect has
 * them. ERROR_MALFORMED for what is no endpoint, and for tcp:// without keys; logged. */
enum error feed_subscribe(struct feed_subscriber *subscriber, const char *peer, const char *endpoints) MUST_USE;
void feed_subscriber_destroy(struct feed_subscriber **subscriber);
/* To watch for reading, level-triggered. */
int feed_descriptor(const struct feed_subscriber *subscriber);
/* Receives what there is and runs the handlers; cheap when there is nothing (one system call). When the descriptor is
 * readable, and at each turn's end. */
void feed_turn(struct feed_subscriber *subscriber);
/* Whether every publisher that is known was heard within FEED_SILENCE_MS, no number is missing, there is one of each
 * service, and in the last FEED_PAUSE_MS there was neither a pause of our own nor much to hear at once: only then may a
 * cache be trusted. */
bool feed_is_current(const struct feed_subscriber *subscriber);
/* Whether some publisher was not heard within FEED_SILENCE_MS, as far as feed_turn has looked. */
bool feed_is_silent(const struct feed_subscriber *subscriber);

#endif
