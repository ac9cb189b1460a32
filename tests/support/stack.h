/* The whole backend for one suite: the gateway and all services as real processes with their own sockets, ports and
 * database. A suite is a list of cmocka tests that get the stack through *state. */
#ifndef TESTS_SUPPORT_STACK_H
#define TESTS_SUPPORT_STACK_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/support/cmocka.h"
#include "tests/support/process.h"

#define STACK_SECRET "the secret that signs the tokens of the tests"
#define STACK_ORIGIN "http://localhost:8080"

/* STACK_ROOM, … of each service, numbered as the bus's targets are. */
enum stack_part {
#define SERVICE(name, NAME) STACK_##NAME,
#include "proto/services.def"
#undef SERVICE
    STACK_GATEWAY,
    STACK_PARTS,
    STACK_MAX_COPIES = 2,
    STACK_PROCESSES = STACK_MAX_COPIES * STACK_PARTS, /* STACK_PARTS + STACK_ROOM: the second copy of room */
};

enum { STACK_SETTINGS = 48 };

struct stack;

struct stack_options {
    /* "NAME=value" over the defaults, for every process; NULL = none */
    const char *environment[8];
    /* The cluster's folder, a fixture of tests/CMakeLists.txt; NULL = "postgres" */
    const char *cluster;
    /* Of each service and of the gateway, which share its port; 0 = one */
    int copies;
    /* Run right before and after a part is started, in this process: to start it elsewhere, and with settings of its
     * own (stack_set_in); NULL = none */
    void (*enter)(struct stack *stack, int part, char *environment[STACK_SETTINGS]);
    void (*leave)(void);
};

/* Read-only to tests. */
struct stack {
    const char *suite;
    const struct stack_options *options; /* NULL = none */
    char folder[64];                     /* its sockets and logs */
    char *cluster;                       /* the folder of its Postgres */
    char *cluster_url;                   /* of a database called DATABASE in it */
    char *database;                      /* the name of its database */
    char *database_url;                  /* as superuser */
    char *url;                           /* http://127.0.0.1:port */
    char *admin_url;                     /* of the gateway's admin port */
    uint16_t port;
    int part_count; /* the processes that are parts of it: the first of these */
    struct process parts[STACK_PROCESSES];
    uint16_t admin_ports[STACK_PROCESSES];
    char *environment[STACK_SETTINGS];
    int port_guard, admin_port_guards[STACK_PROCESSES];
    int64_t started_ms, ready_ms; /* when its processes were started, and when all were ready */
};

/* "room", and "room.2" of its second copy. */
const char *stack_part_name(int part);

/* Starts everything and waits until it is ready; fails the test with the log if it is not in time. */
struct stack *stack_start(const char *suite, const struct stack_options *options);

/* Ends everything and drops the database. Returns whether each process ended well: status 0, no sanitizer's report. */
bool stack_stop(struct stack *stack);

/* Ends one part by the signal and waits for its end. */
void stack_kill(struct stack *stack, int part, int signal_number);
/* Ends one part by SIGTERM; fails the test unless it ends with status 0 within 10 s. Returns how long it took. */
int64_t stack_drain(struct stack *stack, int part);
/* Sets "NAME=value" for the parts that are started from now on; "NAME=" takes it away. */
void stack_set(struct stack *stack, const char *setting);
/* The same in one part's environment. */
void stack_set_in(char *environment[STACK_SETTINGS], const char *setting);
/* Starts one part that has ended. Does not wait until it is ready. */
void stack_revive(struct stack *stack, int part);
/* Waits until the gateway says that all is ready; fails the test after timeout_ms. */
void stack_await_ready(struct stack *stack, int64_t timeout_ms);
/* Waits until one part says that it is ready. */
void stack_await_part(struct stack *stack, int part, int64_t timeout_ms);
/* Whether all parts run and answer. */
void stack_assert_alive(struct stack *stack);

/* A shell's command that runs the part's program with its settings and the argument. */
char *stack_command(const struct stack *stack, enum stack_part part, const char *argument);

/* The URI of a database in the stack's cluster, as superuser. */
char *stack_database_url(const struct stack *stack, const char *database);

/* The ZeroMQ address a service answers on. */
char *stack_endpoint(const struct stack *stack, int part);

/* Whether the binaries are built with sanitizers, which cost memory and time. */
bool stack_is_sanitized(void);

/* main() of a suite: starts a stack, runs the tests (of the first argument's pattern, if there is one), stops it; shows
 * the logs when something failed. Returns main's exit status. */
int suite_main(const char *suite, const struct stack_options *options, const struct CMUnitTest *tests, size_t count,
               int argc, char **argv);
#define SUITE(name, ...) SUITE_WITH(name, NULL, __VA_ARGS__)
#define SUITE_WITH(name, options, ...)                                                                                 \
    int main(int argc, char **argv)                                                                                    \
    {                                                                                                                  \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                                                               \
        return suite_main(name, options, tests, sizeof tests / sizeof *tests, argc, argv);                             \
    }

#endif
