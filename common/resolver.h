/* A resolver: asks what addresses hosts have, every few seconds, in a thread of its own, so that nobody waits for DNS.
 * What cannot be resolved right now keeps the addresses it had: that DNS fails says nothing about who is there. */
#ifndef COMMON_RESOLVER_H
#define COMMON_RESOLVER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    RESOLVER_MAX_HOSTS = 32,
    RESOLVER_MAX_ADDRESSES = 32, /* of a host; more are passed over */
    RESOLVER_INTERVAL_MS = 3000,
    RESOLVER_HURRY_MS = 500, /* at most so often when in a hurry */
};

/* The addresses of a host, in order, each once. */
struct resolved {
    size_t count;
    char addresses[RESOLVER_MAX_ADDRESSES][INET6_ADDRSTRLEN];
};

struct resolver;

/* Returns owned. The thread starts with the first host. */
struct resolver *resolver_new(void);
/* Does not wait for a question that is under way. */
void resolver_destroy(struct resolver **resolver);

/* Begins to resolve a host; returns its number, the first is 0. At most RESOLVER_MAX_HOSTS. */
size_t resolver_add(struct resolver *resolver, const char *host);

/* Readable, level-triggered, once there is news. */
int resolver_descriptor(const struct resolver *resolver);
/* Takes note of the news: the descriptor is quiet until there is more. */
void resolver_heed(struct resolver *resolver);
/* What the host's addresses are; none until they are known. */
void resolver_get(struct resolver *resolver, size_t host, struct resolved *out);

/* Somebody is not where they were: ask again soon. */
void resolver_hurry(struct resolver *resolver);

#endif
