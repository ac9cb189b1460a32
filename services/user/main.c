/* The user service: its methods. */
#include "services/user/user.h"

/* ---- methods ---- */

#define METHOD(name, ...)                                                                                              \
    static enum error handle_##name(struct call *call, const void *in)                                                 \
    {                                                                                                                  \
        return name(call, in);                                                                                         \
    }
#include "proto/methods/user.def"
#undef METHOD

#define OPEN NULL
#define METHOD(name, service, wire, in, out, guard) {&name##_method, handle_##name, guard},
static const struct method_handler handlers[] = {
#include "proto/methods/user.def"
};

/* ---- its life ---- */

static bool start(struct service *service)
{
    (void)service;
    return proto_fits();
}

int main(int argc, char **argv)
{
    static const struct service_definition definition = {
        .name = "user",
        .summary = "who people are",
        .target = SERVICE_user,
        .handlers = handlers,
        .handler_count = sizeof handlers / sizeof *handlers,
        .statements = sql_all,
        .statement_count = SQL_COUNT,
        .config_size = sizeof(struct service_config),
        .start = start,
    };
    return service_run(&definition, argc, argv);
}
