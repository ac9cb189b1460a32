/* Who calls whom between processes, and what may be asked twice: calls.def, and what follows from routes.def. */
#include <stddef.h>

#include "proto/proto.h"

static const struct {
    struct str caller;
    const struct method *method;
} calls[] = {
#define CALLS(caller, method) {{#caller, sizeof(#caller) - 1}, &method##_method},
#define SUBSCRIBES(...)
#define REPEATABLE(...)
#include "proto/calls.def"
#undef CALLS
#undef SUBSCRIBES
};

static const struct {
    struct str caller, method;
} subscriptions[] = {
#define CALLS(...)
#define SUBSCRIBES(caller, service)                                                                                    \
    {{#caller, sizeof(#caller) - 1}, {#service ".events", sizeof(#service ".events") - 1}},
#include "proto/calls.def"
#undef SUBSCRIBES
#undef REPEATABLE
};

static const struct method *const repeatable[] = {
#define SUBSCRIBES(...)
#define REPEATABLE(method) &method##_method,
#include "proto/calls.def"
#undef CALLS
#undef SUBSCRIBES
#undef REPEATABLE
};

static bool is_routed(const struct method *method)
{
    for (size_t i = 0; i < proto_route_count; i++)
        if (proto_routes[i].method == method)
            return true;
    return false;
}

static bool is_listed(struct str caller, const struct method *method)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (calls[i].method == method && str_equal(calls[i].caller, caller))
            return true;
    for (size_t i = 0; i < sizeof subscriptions / sizeof *subscriptions; i++)
        if (str_equal(subscriptions[i].method, str_from(method->name)) && str_equal(subscriptions[i].caller, caller))
            return true;
    return false;
}

bool proto_may_call(struct str caller, const struct method *method)
{
    return str_equal(caller, STR("operator")) || (str_equal(caller, STR("gateway")) && is_routed(method)) ||
           is_listed(caller, method);
}

bool proto_is_repeatable(const struct method *method)
{
    for (size_t i = 0; i < sizeof repeatable / sizeof *repeatable; i++)
        if (repeatable[i] == method)
            return true;
    for (size_t i = 0; i < proto_route_count; i++)
        if (proto_routes[i].method == method && proto_routes[i].verb == VERB_GET)
            return true;
    return false;
}
