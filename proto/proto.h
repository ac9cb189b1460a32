/* The contract as C: structs, messages, methods, routes, errors and events, all expanded from the .def tables. */
#ifndef PROTO_PROTO_H
#define PROTO_PROTO_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/error.h"
#include "common/schema.h"

/* ---- services: the bus's targets ---- */
enum proto_service {
#define SERVICE(name, NAME) SERVICE_##name,
#include "proto/services.def"
#undef SERVICE
    SERVICE_COUNT
};
const char *proto_service_name(enum proto_service service);

/* ---- messages: struct NAME and NAME_message ---- */
/* clang-format off */
#define C_TYPE_STRING struct str
#define C_TYPE_EMAIL struct str
#define C_TYPE_TIME struct str
#define C_TYPE_OBJECT struct str
#define C_TYPE_BOOLEAN bool
#define C_TYPE_INTEGER int64_t
#define C_TYPE_INTEGERS struct integers
#define C_TYPE_VERSIONS struct integers
#define C_TYPE_ID struct path_id
#define MESSAGE(name, ...)                                                                                             \
    extern const struct message name##_message;                                                                       \
    struct name {
#define FIELD(message, member, json, type, ...)                                                                        \
    C_TYPE_##type member;                                                                                              \
    bool has_##member;
#define END(name)                                                                                                      \
    char end_; /* so that a message without fields is a struct too */                                                  \
    };
#include "proto/messages.def"
#undef MESSAGE
#undef FIELD
#undef END
/* clang-format on */

/* ---- methods: NAME_method ---- */
#define METHOD(name, ...) extern const struct method name##_method;
#include "proto/methods.def"
#undef METHOD

/* The method of a wire name; NULL for none. */
const struct method *proto_method(struct str name);

/* ---- events ---- */
#define EVENT(name, service, wire, body) extern const struct str EVENT_##name;
#include "proto/events.def"
#undef EVENT

/* Those that are kept until all who subscribed have handled them. */
struct kept_event {
    const char *name;
    enum proto_service service;
    const struct message *body;
};
extern const struct kept_event proto_kept_events[];
extern const size_t proto_kept_event_count;

/* ---- errors, as HTTP shows them ---- */
enum error_shape { SHAPE_A, SHAPE_B, SHAPE_C };
struct error_info {
    int status;
    enum error_shape shape;
    const char *code;
    const char *message;
};
const struct error_info *proto_error(enum error error);
/* "Bad Request" of 400; "" for a status no table names. */
const char *proto_status_text(int status);

/* ---- routes ---- */
enum verb { VERB_GET, VERB_POST, VERB_PUT, VERB_PATCH, VERB_DELETE, VERB_COUNT };
enum who { WHO_ANYONE, WHO_MAYBE, WHO_USER, WHO_ADMIN };
struct route {
    enum verb verb;
    const char *path; /* "/rooms/:id" */
    const struct method *method;
    enum who who;
    int status;
    uint64_t raises; /* bit n: enum error n */
};
extern const struct route proto_routes[];
extern const size_t proto_route_count;
/* Another reply than its out message that a method may answer with, and the status that it has. */
struct variant {
    const struct method *method;
    const struct message *message;
    int status;
};
extern const struct variant proto_variants[];
extern const size_t proto_variant_count;
/* The method's variant of that message's name; NULL = none. */
const struct variant *proto_variant(const struct method *method, struct str message);

const char *proto_verb_name(enum verb verb);

/* Whether the process of that name ("gateway", "room", "operator") may call the method, or may ask for the events that
 * method->name names (calls.def). */
bool proto_may_call(struct str caller, const struct method *method);
/* Whether handling it twice does no more than once. */
bool proto_is_repeatable(const struct method *method);

/* Every error a client can meet at the route: those it raises, and those that follow from its other columns. What only
 * infrastructure raises (INTERNAL, UNAVAILABLE, OVERLOADED, TIMEOUT) is not among them. Bit n: enum error n. */
uint64_t proto_route_errors(const struct route *route);

/* Whether the tables fit each other: NULL, or in words what does not. */
const char *proto_check(struct arena *arena);

/* The same for a process that starts: logs what does not fit. */
bool proto_fits(void);

#endif
