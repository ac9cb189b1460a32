/* From a verb and a path to a route: a trie of path segments, built once from the table of routes and read by all
 * threads. */
#ifndef GATEWAY_ROUTER_H
#define GATEWAY_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/str.h"
#include "proto/proto.h"

enum { ROUTER_MAX_PARAMETERS = 4 };

struct router;

/* Returns owned. The routes must outlive it. A row that no path can reach (a doubled one, or one with too many
 * parameters) ends the process: it is a mistake in the table. */
struct router *router_new(const struct route *routes, size_t count);
void router_destroy(struct router **router);

struct route_match {
    const struct route *route;
    size_t count; /* of parameters */
    struct str names[ROUTER_MAX_PARAMETERS];
    struct str values[ROUTER_MAX_PARAMETERS]; /* as sent: borrowed from the path */
};

/* Path without its query. Letters count alike in either case, one trailing '/' and a leading "/api" are ignored; a
 * literal segment goes before a parameter. Allocates nothing. False, and *match untouched, for no route. */
bool router_match(const struct router *router, enum verb verb, struct str path, struct route_match *match);

/* The verb of a method as sent (HEAD is GET); false for one that no route has. */
bool router_verb(struct str method, enum verb *verb);

/* Whether the path hides a '/' or a NUL behind an escape: servers do not agree on what such a path names. */
bool router_is_ambiguous(struct str path);

#endif
