/* The table of a service's handlers, expanded from METHODS, which the includer defines: "proto/methods/room.def". For
 * its main.c, once; the prototypes are in the service's own header. */
#define METHOD(name, ...)                                                                                              \
    static enum error handle_##name(struct call *call, const void *in)                                                 \
    {                                                                                                                  \
        return name(call, in);                                                                                         \
    }
#include METHODS
#undef METHOD

#define OPEN NULL
#define METHOD(name, service, wire, in, out, guard) {&name##_method, handle_##name, guard},
static const struct method_handler handlers[] = {
#include METHODS
};
#undef METHOD
#undef OPEN
