/* Calls to services over ZeroMQ, without HTTP: a bus (common/bus.h) turned until the reply is there. */
#ifndef TESTS_SUPPORT_CALLER_H
#define TESTS_SUPPORT_CALLER_H

#include <jansson.h>

#include "common/error.h"
#include "tests/support/stack.h"

struct caller_bus;

/* Returns owned: connected to the stack's services. */
struct caller_bus *caller_bus_new(const struct stack *stack);
void caller_bus_destroy(struct caller_bus **bus);

struct bus_answer {
    enum error error;
    json_t *body; /* NULL = none; lives until the program ends */
    int64_t next_after;
};

/* Calls a method of a part: path and rest are JSON objects (NULL = {}), the caller is user_id (0 = nobody) with the
 * role. */
struct bus_answer call_service_method(struct caller_bus *bus, enum stack_part part, const char *method,
                                      json_int_t user_id, const char *role, const char *path, const char *rest);

#endif
