/* Replies and events against the contract's tables. Written from the contract and those tables, not from the gateway it
 * judges. */
#include "tests/support/contract.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "tests/support/scratch.h"

#define BIT(error) (UINT64_C(1) << (error))

/* What any request can meet, on any route: found before the route is, or where something is down. INTERNAL is not here.
 */
static const uint64_t anywhere = BIT(ERROR_MALFORMED) | BIT(ERROR_BODY_TOO_LARGE) | BIT(ERROR_CHARSET_UNSUPPORTED) |
                                 BIT(ERROR_ENCODING_UNSUPPORTED) | BIT(ERROR_HEAD_TOO_LARGE) |
                                 BIT(ERROR_TOO_MANY_REQUESTS) | BIT(ERROR_UNAVAILABLE) | BIT(ERROR_OVERLOADED) |
                                 BIT(ERROR_TIMEOUT);

/* ---- routes ---- */

/* Cuts the next "/segment" off a path; false at its end. */
static bool next_segment(const char **path, struct str *segment)
{
    if (**path != '/')
        return false;
    segment->ptr = *path + 1;
    segment->len = strcspn(segment->ptr, "/?");
    *path = segment->ptr + segment->len;
    return segment->len > 0;
}

static bool matches(const char *pattern, const char *path, bool *exact)
{
    struct str wanted, sent;
    *exact = true;
    while (next_segment(&pattern, &wanted)) {
        if (!next_segment(&path, &sent))
            return false;
        if (wanted.ptr[0] == ':')
            *exact = false;
        else if (wanted.len != sent.len || strncasecmp(wanted.ptr, sent.ptr, sent.len) != 0)
            return false;
    }
    if (*path == '/')
        path++;
    return *path == '\0' || *path == '?';
}

const struct route *contract_route(const char *verb, const char *path)
{
    const struct route *found = NULL;
    if (strncasecmp(path, "/api/", 5) == 0)
        path += 4;
    if (strcmp(verb, "HEAD") == 0)
        verb = "GET";
    for (size_t i = 0; i < proto_route_count; i++) {
        const struct route *route = &proto_routes[i];
        bool exact;
        if (strcmp(proto_verb_name(route->verb), verb) != 0 || !matches(route->path, path, &exact))
            continue;
        if (exact)
            return route;
        found = route;
    }
    return found;
}

char *contract_route_name(const struct route *route)
{
    return text("%s %s", proto_verb_name(route->verb), route->path);
}

const struct route *contract_route_named(const char *name)
{
    for (size_t i = 0; i < proto_route_count; i++)
        if (strcmp(contract_route_name(&proto_routes[i]), name) == 0)
            return &proto_routes[i];
    return NULL;
}

/* ---- shapes ---- */

static const char *json_type_of(const struct field *field)
{
    switch (field->type) {
    case FIELD_INTEGER:
    case FIELD_ID:
        return "integer";
    case FIELD_BOOLEAN:
        return "boolean";
    case FIELD_OBJECT:
    case FIELD_INTEGERS:
        return "container";
    default:
        return "string";
    }
}

/* One object's keys and types, [["id","integer"],…], against a message's fields in their order. */
static char *shape_breach(const struct message *message, const json_t *shape)
{
    size_t at = 0;
    for (size_t i = 0; i < message->field_count; i++) {
        const struct field *field = &message->fields[i];
        const json_t *pair = json_array_get(shape, at);
        const char *key = json_string_value(json_array_get(pair, 0));
        if (key == NULL || strcmp(key, field->name) != 0) {
            if (field->required)
                return text("%s: where \"%s\" should be stands \"%s\"", message->name, field->name,
                            key ? key : "nothing");
            continue;
        }
        const char *type = json_string_value(json_array_get(pair, 1));
        if (strcmp(type, json_type_of(field)) != 0)
            return text("%s: \"%s\" is %s, not %s", message->name, key, type, json_type_of(field));
        at++;
    }
    if (at < json_array_size(shape))
        return text("%s: \"%s\" is no field, or out of its order", message->name,
                    json_string_value(json_array_get(json_array_get(shape, at), 0)));
    return NULL;
}

/* The variant a route answers with at that status; NULL = none. */
static const struct variant *variant_of(const struct route *route, json_int_t status)
{
    for (size_t i = 0; i < proto_variant_count; i++)
        if (proto_variants[i].method == route->method && proto_variants[i].status == status)
            return &proto_variants[i];
    return NULL;
}

static char *success_breach(const struct route *route, const json_t *record)
{
    const struct variant *variant = variant_of(route, json_integer_value(json_object_get(record, "status")));
    const json_t *shapes = json_object_get(record, "shapes");
    const char *top = json_string_value(json_object_get(record, "top"));
    const struct message *message = variant != NULL ? variant->message : route->method->out;
    if (json_is_true(json_object_get(record, "bodiless")))
        return NULL;
    if (message == NULL)
        return strcmp(top, "none") == 0 ? NULL : text("a body, %s, where none is promised", top);
    const char *promised = route->method->out_is_list && variant == NULL ? "array" : "object";
    if (strcmp(top, promised) != 0)
        return text("the body is %s, not %s", top, promised);
    for (size_t i = 0; i < json_array_size(shapes); i++) {
        char *breach = shape_breach(message, json_array_get(shapes, i));
        if (breach != NULL)
            return breach;
    }
    return NULL;
}

static char *shape_keys(const json_t *shape)
{
    char *keys = text("%s", "");
    for (size_t i = 0; i < json_array_size(shape); i++)
        keys = text("%s%s%s", keys, i > 0 ? "," : "", json_string_value(json_array_get(json_array_get(shape, i), 0)));
    return keys;
}

static char *error_breach(enum error error, const json_t *record)
{
    static const char *const keys_of[] = {
        [SHAPE_A] = "message,error,statusCode,code,requestId",
        [SHAPE_B] = "message,statusCode,code,requestId",
        [SHAPE_C] = "statusCode,message,code,requestId",
    };
    const struct error_info *info = proto_error(error);
    if (json_is_true(json_object_get(record, "problem")) || json_is_true(json_object_get(record, "bodiless")))
        return NULL;
    char *keys = shape_keys(json_array_get(json_object_get(record, "shapes"), 0));
    if (strcmp(keys, keys_of[info->shape]) != 0)
        return text("the keys are %s, not %s", keys, keys_of[info->shape]);
    if (json_integer_value(json_object_get(record, "statusCode")) != info->status)
        return text("statusCode is not %d", info->status);
    const char *name = json_string_value(json_object_get(record, "error"));
    if (info->shape == SHAPE_A && (name == NULL || strcmp(name, proto_status_text(info->status)) != 0))
        return text("error is \"%s\", not \"%s\"", name ? name : "", proto_status_text(info->status));
    return NULL;
}

/* ---- records ---- */

enum error contract_error(const json_t *record)
{
    const char *code = json_string_value(json_object_get(record, "code"));
    return code != NULL ? error_from_code(str_from(code)) : OK;
}

static bool may_raise(const struct route *route, enum error error)
{
    uint64_t allowed = anywhere | (route != NULL ? proto_route_errors(route) : BIT(ERROR_ROUTE_NOT_FOUND));
    return (allowed & BIT(error)) != 0;
}

static bool is_success(const struct route *route, json_int_t status)
{
    return route != NULL &&
           (status == route->status || variant_of(route, status) != NULL || (status == 304 && route->verb == VERB_GET));
}

const struct kept_event *contract_event(const json_t *record)
{
    const char *name = json_string_value(json_object_get(record, "event"));
    for (size_t i = 0; name != NULL && i < proto_kept_event_count; i++)
        if (strcmp(name, proto_kept_events[i].name) == 0)
            return &proto_kept_events[i];
    return NULL;
}

static const struct field *field_named(const struct message *message, const char *name)
{
    for (size_t i = 0; i < message->field_count; i++)
        if (strcmp(message->fields[i].name, name) == 0)
            return &message->fields[i];
    return NULL;
}

/* {"roomId": "number", …}, in any order. */
static char *event_breach(const json_t *record)
{
    const struct kept_event *event = contract_event(record);
    json_t *body = json_object_get(record, "body"), *type;
    const char *key;
    if (event == NULL)
        return text("%s is no event of outbox.def", json_string_value(json_object_get(record, "event")));
    json_object_foreach(body, key, type)
    {
        const struct field *field = field_named(event->body, key);
        const char *found = json_string_value(type);
        if (field == NULL)
            return text("%s: \"%s\" is no field", event->body->name, key);
        if (strcmp(strcmp(found, "number") == 0 ? "integer" : found, json_type_of(field)) != 0)
            return text("%s: \"%s\" is %s, not %s", event->body->name, key, found, json_type_of(field));
    }
    for (size_t i = 0; i < event->body->field_count; i++)
        if (event->body->fields[i].required && json_object_get(body, event->body->fields[i].name) == NULL)
            return text("%s: \"%s\" is missing", event->body->name, event->body->fields[i].name);
    return NULL;
}

char *contract_breach(const json_t *record)
{
    if (json_object_get(record, "event") != NULL)
        return event_breach(record);
    const char *name = json_string_value(json_object_get(record, "route"));
    const char *code = json_string_value(json_object_get(record, "code"));
    json_int_t status = json_integer_value(json_object_get(record, "status"));
    const struct route *route = name != NULL ? contract_route_named(name) : NULL;
    bool bodiless = json_is_true(json_object_get(record, "bodiless"));
    if (is_success(route, status))
        return success_breach(route, record);
    if (strcmp(json_string_value(json_object_get(record, "verb")), "OPTIONS") == 0 && status == 204)
        return NULL;
    if (bodiless && status >= 400)
        return NULL; /* of HEAD: the code is in the body that did not come */
    if (code == NULL)
        return text("status %lld without a code", (long long)status);
    enum error error = contract_error(record);
    if (error == OK || strcmp(error_code(error), code) != 0)
        return text("\"%s\" is no code of errors.def", code);
    if (!may_raise(route, error))
        return text("%s is not declared", code);
    if (proto_error(error)->status != status)
        return text("%s with status %lld, not %d", code, (long long)status, proto_error(error)->status);
    return error_breach(error, record);
}
