/* Discovery: from endpoints, as settings name them, to addresses to connect to. ipc://PATH and tcp://IP:PORT are one
 * address each; tcp://HOST:PORT is one for each address that the host has, now and later. */
#ifndef COMMON_DISCOVERY_H
#define COMMON_DISCOVERY_H

#include <stddef.h>

#include "common/error.h"

enum { DISCOVERY_MAX_ADDRESS = 256 /* bytes, of an endpoint and of an address */ };

struct discovery_handlers {
    /* An address to connect to; what it returns matters only while discovery_add runs, which passes a failure on. */
    enum error (*on_come)(void *context, unsigned target, const char *address);
    /* An address that is no longer one. */
    void (*on_go)(void *context, unsigned target, const char *address);
    void *context;
};

struct discovery;

/* Returns owned. */
struct discovery *discovery_new(const struct discovery_handlers *handlers);
void discovery_destroy(struct discovery **discovery);

/* Adds a comma-separated list of endpoints, for target (a number that on_come and on_go are given back). Addresses come
 * before it returns, those of hosts in a later turn. ERROR_MALFORMED, logged, where one of them is no endpoint. */
enum error discovery_add(struct discovery *discovery, unsigned target, const char *endpoints) MUST_USE;

/* To watch for reading, level-triggered; then call discovery_turn, which runs the handlers. */
int discovery_descriptor(const struct discovery *discovery);
void discovery_turn(struct discovery *discovery);

/* Somebody is not where they were: ask again soon. */
void discovery_hurry(struct discovery *discovery);

#endif
