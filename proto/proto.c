/* The tables, expanded: messages, methods, events, errors, routes, and looking them up. Whether they fit each other is
 * check.c's question. */
#include "proto/proto.h"

#include <assert.h>
#include <pthread.h>
#include <stddef.h>

/* ---- services ---- */

static const char *const service_names[SERVICE_COUNT] = {
#define SERVICE(name, NAME) [SERVICE_##name] = #name,
#include "proto/services.def"
#undef SERVICE
};

const char *proto_service_name(enum proto_service service)
{
    assert(service < SERVICE_COUNT);
    return service_names[service];
}

/* ---- messages: the fields of each, then each ---- */

#define REQUIRED true
#define OPTIONAL false
#define ANY RULE_ANY, 0, 0, NULL
#define LENGTH(min, max) RULE_LENGTH, min, max, NULL
#define RANGE(min, max) RULE_RANGE, min, max, NULL
#define ONE_OF(choices) RULE_ONE_OF, 0, 0, choices
#define ME_OR_ID RULE_ME_OR_ID, 0, 0, NULL
#define INSTANT RULE_INSTANT, 1, 1, NULL
#define INSTANT_OR_EMPTY RULE_INSTANT, 0, 1, NULL
#define COUNT(min, max) RULE_COUNT, min, max, NULL
#define NO_MAX INT64_MAX
#define MESSAGE(name, ...) static const struct field name##_fields[] = {
#define FIELD(message, member, json, type, presence, rule)                                                             \
    {json,                                                                                                             \
     sizeof(json) - 1,                                                                                                 \
     FIELD_##type,                                                                                                     \
     presence,                                                                                                         \
     rule,                                                                                                             \
     offsetof(struct message, member),                                                                                 \
     offsetof(struct message, has_##member)},
#define END(name)                                                                                                      \
    {                                                                                                                  \
        0                                                                                                              \
    } /* not counted: so that a message without fields has an array too */                                             \
    }                                                                                                                  \
    ;
#include "proto/messages.def"
#undef MESSAGE
#undef FIELD
#undef END

#define UNKNOWN_REFUSED true
#define UNKNOWN_IGNORED false
#define MESSAGE(name_, unknown, invalid_)                                                                              \
    const struct message name_##_message = {                                                                           \
        .name = #name_,                                                                                                \
        .fields = name_##_fields,                                                                                      \
        .field_count = sizeof name_##_fields / sizeof *name_##_fields - 1,                                             \
        .struct_size = sizeof(struct name_),                                                                           \
        .refuses_unknown = UNKNOWN_##unknown,                                                                          \
        .invalid = ERROR_##invalid_,                                                                                   \
    };
#define FIELD(...)
#define END(name)
#include "proto/messages.def"
#undef MESSAGE
#undef FIELD
#undef END

/* ---- methods ---- */

/* The out column becomes `message, is_list`: LIST_OF(x) brings its own comma, a plain x gets `, false` behind it. */
#define LIST_OF(message) message, true
#define NOTHING_message *(const struct message *)NULL /* & and * undo each other (C11 §6.5.3.2): out is NULL */
#define METHOD(name, service, wire, in, out, guard) METHOD_WITH_LIST(name, service, wire, in, out, false, 0)
#define METHOD_WITH_LIST(...) METHOD_ROW(__VA_ARGS__)
#define METHOD_ROW(name_, service, wire, in_, out_, is_list, ...)                                                      \
    const struct method name_##_method = {                                                                             \
        .name = wire,                                                                                                  \
        .target = SERVICE_##service,                                                                                   \
        .in = &in_##_message,                                                                                          \
        .out = &out_##_message,                                                                                        \
        .out_is_list = is_list,                                                                                        \
    };
#include "proto/methods.def"
#undef METHOD

static const struct method *const methods[] = {
#define METHOD(name, ...) &name##_method,
#include "proto/methods.def"
#undef METHOD
};
enum { METHOD_COUNT = sizeof methods / sizeof *methods, LOOKUP_SIZE = 256 };
_Static_assert(METHOD_COUNT <= LOOKUP_SIZE / 2, "the lookup table is for twice as many methods as there are");

/* Open addressing; filled once, by whichever thread asks first. */
static struct {
    struct str name;
    const struct method *method;
} lookup[LOOKUP_SIZE];
static pthread_once_t lookup_once = PTHREAD_ONCE_INIT;

/* Where the name is, or the free place where it would be. FNV-1a. */
static size_t lookup_place(struct str name)
{
    uint32_t hash = 2166136261;
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.ptr[i]) * 16777619;
    size_t place = hash % LOOKUP_SIZE;
    while (lookup[place].method && !str_equal(lookup[place].name, name))
        place = (place + 1) % LOOKUP_SIZE;
    return place;
}

static void fill_lookup(void)
{
    for (size_t i = 0; i < METHOD_COUNT; i++) {
        struct str name = str_from(methods[i]->name);
        size_t place = lookup_place(name);
        lookup[place].name = name;
        lookup[place].method = methods[i];
    }
}

const struct method *proto_method(struct str name)
{
    pthread_once(&lookup_once, fill_lookup);
    return lookup[lookup_place(name)].method;
}

/* ---- events ---- */

#define EVENT(name, service, wire, body) const struct str EVENT_##name = {wire, sizeof(wire) - 1};
#include "proto/events.def"
#undef EVENT

const struct kept_event proto_kept_events[] = {
#define KEPT(service, name, body) {name, SERVICE_##service, &body##_message},
#include "proto/outbox.def"
#undef KEPT
};
const size_t proto_kept_event_count = sizeof proto_kept_events / sizeof *proto_kept_events;

/* ---- errors ---- */

static const struct error_info errors[ERROR_COUNT] = {
    [OK] = {200, SHAPE_A, "ok", "ok"},
#define ERROR(name, status, shape, code, message) [ERROR_##name] = {status, SHAPE_##shape, code, message},
#include "proto/errors.def"
#undef ERROR
};

const struct error_info *proto_error(enum error error)
{
    assert(error < ERROR_COUNT);
    return &errors[error];
}

static const struct {
    int status;
    const char *text;
} statuses[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {409, "Conflict"},
    {412, "Precondition Failed"},
    {413, "Payload Too Large"},
    {415, "Unsupported Media Type"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
};

const char *proto_status_text(int status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].status == status)
            return statuses[i].text;
    return "";
}

/* ---- routes ---- */

#define E(name) (UINT64_C(1) << ERROR_##name)
#define RAISES(errors) (errors)
const struct route proto_routes[] = {
#define ROUTE(verb, path, method, who, status, raises) {VERB_##verb, path, &method##_method, WHO_##who, status, raises},
#define VARIANT(...)
#include "proto/routes.def"
#undef ROUTE
#undef VARIANT
};
const size_t proto_route_count = sizeof proto_routes / sizeof *proto_routes;

const struct variant proto_variants[] = {
#define ROUTE(...)
#define VARIANT(method, message, status) {&method##_method, &message##_message, status},
#include "proto/routes.def"
#undef ROUTE
#undef VARIANT
};
const size_t proto_variant_count = sizeof proto_variants / sizeof *proto_variants;

const struct variant *proto_variant(const struct method *method, struct str message)
{
    for (size_t i = 0; i < proto_variant_count; i++)
        if (proto_variants[i].method == method && str_equal(str_from(proto_variants[i].message->name), message))
            return &proto_variants[i];
    return NULL;
}

static const char *const verb_names[VERB_COUNT] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

const char *proto_verb_name(enum verb verb)
{
    assert(verb < VERB_COUNT);
    return verb_names[verb];
}

static bool has_body(enum verb verb)
{
    return verb == VERB_POST || verb == VERB_PUT || verb == VERB_PATCH;
}

static uint64_t message_errors(const struct message *message)
{
    bool has_id = false, has_versions = false, has_rules = message->refuses_unknown;
    for (size_t i = 0; i < message->field_count; i++) {
        enum field_type type = message->fields[i].type;
        has_id |= type == FIELD_ID;
        has_versions |= type == FIELD_VERSIONS;
        has_rules |= type != FIELD_ID && type != FIELD_VERSIONS;
    }
    bool tells = has_rules && message->invalid == ERROR_VALIDATION;
    return (has_id ? E(ID_NOT_NUMERIC) : 0) | (has_versions ? E(PRECONDITION_FAILED) : 0) | (tells ? E(VALIDATION) : 0);
}

uint64_t proto_route_errors(const struct route *route)
{
    uint64_t errors_ = route->raises | message_errors(route->method->in);
    if (route->who == WHO_USER || route->who == WHO_ADMIN)
        errors_ |= E(UNAUTHORIZED);
    if (route->who == WHO_ADMIN)
        errors_ |= E(FORBIDDEN);
    if (has_body(route->verb))
        errors_ |= E(MALFORMED) | E(BODY_TOO_LARGE) | E(CHARSET_UNSUPPORTED) | E(ENCODING_UNSUPPORTED);
    return errors_;
}
