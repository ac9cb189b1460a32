/* One line a route: verb, path, who, status of success, method, other successes, and the codes of its errors. */
#include "gateway/routes_print.h"

#include "proto/proto.h"

static const char *who_name(enum who who)
{
    static const char *const names[] = {
        [WHO_ANYONE] = "anyone", [WHO_MAYBE] = "maybe", [WHO_USER] = "user", [WHO_ADMIN] = "admin"};
    return names[who];
}

static void print_errors(FILE *out, uint64_t errors)
{
    const char *separator = "";
    for (enum error error = 1; error < ERROR_COUNT; error++)
        if (errors >> error & 1) {
            fprintf(out, "%s%d %s", separator, proto_error(error)->status, error_code(error));
            separator = ", ";
        }
}

static void print_variants(FILE *out, const struct method *method)
{
    for (size_t i = 0; i < proto_variant_count; i++)
        if (proto_variants[i].method == method)
            fprintf(out, "or %d %s, ", proto_variants[i].status, proto_variants[i].message->name);
}

void routes_print(FILE *out)
{
    for (size_t i = 0; i < proto_route_count; i++) {
        const struct route *route = &proto_routes[i];
        fprintf(out, "%-6s %-32s %-6s %d %-22s ", proto_verb_name(route->verb), route->path, who_name(route->who),
                route->status, route->method->name);
        print_variants(out, route->method);
        print_errors(out, proto_route_errors(route));
        fputc('\n', out);
    }
}
