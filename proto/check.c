/* Whether the tables fit each other: what no compiler sees. Every process asks at its start, and the unit tests do. */
#include <string.h>

#include "common/log.h"
#include "proto/proto.h"

_Static_assert(ERROR_COUNT <= 64, "a route's errors are the bits of one word");

static const struct message *const messages[] = {
#define MESSAGE(name, ...) &name##_message,
#define FIELD(...)
#define END(name)
#include "proto/messages.def"
#undef MESSAGE
#undef FIELD
#undef END
};
enum { MESSAGE_COUNT = sizeof messages / sizeof *messages };

static const struct method *const methods[] = {
#define METHOD(name, ...) &name##_method,
#include "proto/methods.def"
#undef METHOD
};
enum { METHOD_COUNT = sizeof methods / sizeof *methods };

static const struct event {
    const char *wire;
    const struct message *body;
} events[] = {
#define EVENT(name, service, wire, body) {wire, &body##_message},
#include "proto/events.def"
#undef EVENT
};
enum { EVENT_COUNT = sizeof events / sizeof *events };

/* "room.create" is of service "room". */
static bool is_of_service(const char *wire, const char *service)
{
    size_t len = strlen(service);
    return strncmp(wire, service, len) == 0 && wire[len] == '.' && wire[len + 1] != '\0';
}

static bool has_id(const struct message *message)
{
    for (size_t i = 0; i < message->field_count; i++)
        if (message->fields[i].type == FIELD_ID)
            return true;
    return false;
}

/* ---- messages, errors, methods, events ---- */

static const char *check_messages(struct arena *arena)
{
    for (size_t i = 0; i < MESSAGE_COUNT; i++) {
        const char *fault = schema_check(messages[i], arena);
        if (fault)
            return fault;
    }
    return NULL;
}

static const char *check_errors(struct arena *arena)
{
    for (unsigned i = 0; i < ERROR_COUNT; i++)
        if (error_from_code(str_from(error_code((enum error)i))) != (enum error)i)
            return arena_printf(arena, "error code %s is there twice", error_code((enum error)i)).ptr;
    for (unsigned i = 1; i < ERROR_COUNT; i++)
        if (*proto_status_text(proto_error((enum error)i)->status) == '\0')
            return arena_printf(arena, "error %s has a status without a text", error_code((enum error)i)).ptr;
    return NULL;
}

static const char *check_methods(struct arena *arena)
{
    for (size_t i = 0; i < METHOD_COUNT; i++) {
        const struct method *method = methods[i];
        if (!is_of_service(method->name, proto_service_name((enum proto_service)method->target)))
            return arena_printf(arena, "method %s does not begin with its service's name", method->name).ptr;
        if (proto_method(str_from(method->name)) != method)
            return arena_printf(arena, "method %s is there twice", method->name).ptr;
        if (method->out && has_id(method->out))
            return arena_printf(arena, "method %s replies with a path's id", method->name).ptr;
    }
    return NULL;
}

static const char *check_events(struct arena *arena)
{
    for (size_t i = 0; i < EVENT_COUNT; i++) {
        if (has_id(events[i].body))
            return arena_printf(arena, "event %s carries a path's id", events[i].wire).ptr;
        for (size_t j = 0; j < i; j++)
            if (strcmp(events[i].wire, events[j].wire) == 0)
                return arena_printf(arena, "event %s is there twice", events[i].wire).ptr;
    }
    return NULL;
}

static const char *check_kept_events(struct arena *arena)
{
    for (size_t i = 0; i < proto_kept_event_count; i++) {
        if (has_id(proto_kept_events[i].body))
            return arena_printf(arena, "event %s carries a path's id", proto_kept_events[i].name).ptr;
        for (size_t j = 0; j < i; j++)
            if (strcmp(proto_kept_events[i].name, proto_kept_events[j].name) == 0)
                return arena_printf(arena, "event %s is kept twice", proto_kept_events[i].name).ptr;
    }
    return NULL;
}

/* ---- routes ---- */

/* Cuts "/segment" off the front of *path; false at its end. */
static bool next_segment(struct str *path, struct str *segment)
{
    if (path->len == 0)
        return false;
    const char *slash = memchr(path->ptr + 1, '/', path->len - 1);
    size_t len = slash ? (size_t)(slash - path->ptr) : path->len;
    *segment = (struct str){path->ptr + 1, len - 1};
    *path = (struct str){path->ptr + len, path->len - len};
    return true;
}

static bool is_parameter(struct str segment)
{
    return segment.len > 0 && segment.ptr[0] == ':';
}

/* Whether the two paths match the same URLs. */
static bool is_same_path(struct str a, struct str b)
{
    struct str left, right;
    while (next_segment(&a, &left)) {
        if (!next_segment(&b, &right))
            return false;
        if (!(is_parameter(left) && is_parameter(right)) && !str_equal_nocase(left, right))
            return false;
    }
    return b.len == 0;
}

static bool has_id_named(const struct message *message, struct str name)
{
    for (size_t i = 0; i < message->field_count; i++) {
        const struct field *field = &message->fields[i];
        if (field->type == FIELD_ID && str_equal((struct str){field->name, field->name_len}, name))
            return true;
    }
    return false;
}

static bool has_parameter_named(struct str path, struct str name)
{
    for (struct str segment; next_segment(&path, &segment);)
        if (is_parameter(segment) && str_equal((struct str){segment.ptr + 1, segment.len - 1}, name))
            return true;
    return false;
}

static bool takes_integers(const struct message *message)
{
    for (size_t i = 0; i < message->field_count; i++)
        if (message->fields[i].type == FIELD_INTEGERS)
            return true;
    return false;
}

static const char *path_fault(const struct route *route)
{
    const struct message *in = route->method->in;
    struct str path = str_from(route->path), rest = path;
    if (!str_starts_with(path, STR("/")))
        return "does not begin with /";
    for (struct str segment; next_segment(&rest, &segment);) {
        if (segment.len == 0)
            return "has an empty segment";
        if (is_parameter(segment) && !has_id_named(in, (struct str){segment.ptr + 1, segment.len - 1}))
            return "has a parameter that is no ID of its method's message";
    }
    for (size_t i = 0; i < in->field_count; i++)
        if (in->fields[i].type == FIELD_ID && !has_parameter_named(path, str_from(in->fields[i].name)))
            return "lacks an ID of its method's message";
    return NULL;
}

static const char *route_fault(size_t index)
{
    const struct route *route = &proto_routes[index];
    if (!proto_method(str_from(route->method->name)))
        return "has no method";
    if (route->status < 200 || route->status > 299 || *proto_status_text(route->status) == '\0')
        return "has a status that is no success";
    if (takes_integers(route->method->in))
        return "takes integers, which no body carries";
    for (size_t i = 0; i < index; i++)
        if (proto_routes[i].verb == route->verb && is_same_path(str_from(proto_routes[i].path), str_from(route->path)))
            return "is there twice";
    return path_fault(route);
}

static bool is_routed(const struct method *method)
{
    for (size_t i = 0; i < proto_route_count; i++)
        if (proto_routes[i].method == method)
            return true;
    return false;
}

static const char *variant_fault(const struct variant *variant)
{
    if (!is_routed(variant->method))
        return "has no route";
    if (proto_variant(variant->method, str_from(variant->message->name)) != variant)
        return "is there twice";
    if (variant->status < 200 || variant->status > 299 || *proto_status_text(variant->status) == '\0')
        return "has a status that is no success";
    return has_id(variant->message) ? "carries a path's id" : NULL;
}

static const char *check_variants(struct arena *arena)
{
    for (size_t i = 0; i < proto_variant_count; i++) {
        const struct variant *variant = &proto_variants[i];
        const char *fault = variant_fault(variant);
        if (fault)
            return arena_printf(arena, "variant %s of %s %s", variant->message->name, variant->method->name, fault).ptr;
    }
    return NULL;
}

static const char *check_routes(struct arena *arena)
{
    for (size_t i = 0; i < proto_route_count; i++) {
        const char *fault = route_fault(i);
        if (fault)
            return arena_printf(arena, "route %s %s %s", proto_verb_name(proto_routes[i].verb), proto_routes[i].path,
                                fault)
                .ptr;
    }
    return NULL;
}

const char *proto_check(struct arena *arena)
{
    const char *(*const checks[])(struct arena *) = {check_messages,    check_errors, check_methods, check_events,
                                                     check_kept_events, check_routes, check_variants};
    const char *fault = NULL;
    for (size_t i = 0; i < sizeof checks / sizeof *checks && !fault; i++)
        fault = checks[i](arena);
    return fault;
}

bool proto_fits(void)
{
    struct arena *arena = arena_new();
    const char *fault = proto_check(arena);
    if (fault != NULL)
        log_error("the contract's tables do not fit", LOG_Z("fault", fault));
    arena_destroy(&arena);
    return fault == NULL;
}
