/* Replies and events against the contract's tables (proto/): which route a path is, and whether what was recorded keeps
 * to its rows. */
#ifndef TESTS_SUPPORT_CONTRACT_H
#define TESTS_SUPPORT_CONTRACT_H

#include <jansson.h>
#include <stdbool.h>

#include "proto/proto.h"

/* The route that answers: verb as sent (HEAD as GET), path as sent. NULL = none. */
const struct route *contract_route(const char *verb, const char *path);

/* A route's name, "POST /rooms/:id/join", in scratch; and the route of a name, NULL = none. */
char *contract_route_name(const struct route *route);
const struct route *contract_route_named(const char *name);

/* What is wrong with a recorded reply or event (record.h), in words in scratch; NULL = it keeps to the tables. */
char *contract_breach(const json_t *record);

/* The error of a recorded reply: OK for success. */
enum error contract_error(const json_t *record);

/* The event of a record; NULL = it is a reply's, or of an event that no table names. */
const struct kept_event *contract_event(const json_t *record);

#endif
