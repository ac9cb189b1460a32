/* What the tests of the frame share: two tiny services in processes of their own (the suite's program again), asked
 * over real sockets. Their database is never there, which a service must bear. */
#ifndef TESTS_UNIT_SERVICE_FIXTURE_H
#define TESTS_UNIT_SERVICE_FIXTURE_H

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/fiber.h"
#include "common/log.h"
#include "common/service.h"

enum { ALPHA, BETA };
enum { PATIENCE_MS = 10000, FIBERS = 8 };

/* ---- the contract of the two ---- */

struct words {
    struct path_id id;
    bool has_id;
    struct str text;
    bool has_text;
    int64_t number;
    bool has_number;
};
#define FIELD_OF(member_, type_, required_, ...)                                                                       \
    {                                                                                                                  \
#member_, sizeof #member_ - 1, type_, required_, __VA_ARGS__, offsetof(struct words, member_),                 \
            offsetof(struct words, has_##member_)                                                                      \
    }
static const struct field in_fields[] = {FIELD_OF(text, FIELD_STRING, true, RULE_LENGTH, 2, 10, NULL),
                                         FIELD_OF(number, FIELD_INTEGER, false, RULE_RANGE, 1, 9000, NULL)};
static const struct field guarded_fields[] = {FIELD_OF(id, FIELD_ID, true, RULE_ANY, 0, 0, NULL),
                                              FIELD_OF(text, FIELD_STRING, true, RULE_LENGTH, 2, 10, NULL)};
static const struct field out_fields[] = {FIELD_OF(text, FIELD_STRING, true, RULE_ANY, 0, 0, NULL),
                                          FIELD_OF(number, FIELD_INTEGER, false, RULE_ANY, 0, 0, NULL)};
static const struct message in_message = {"in", in_fields, 2, sizeof(struct words), true, ERROR_VALIDATION};
static const struct message login_message = {"login", in_fields, 2, sizeof(struct words), false, ERROR_UNAUTHORIZED};
static const struct message guarded_message = {"guarded", guarded_fields,  2, sizeof(struct words),
                                               true,      ERROR_VALIDATION};
static const struct message out_message = {"out", out_fields, 2, sizeof(struct words), false, ERROR_INTERNAL};

static const struct method echo_method = {"alpha.echo", ALPHA, &in_message, &out_message, false};
static const struct method login_method = {"alpha.login", ALPHA, &login_message, &out_message, false};
static const struct method guarded_method = {"alpha.guarded", ALPHA, &guarded_message, &out_message, false};
static const struct method sleep_method = {"alpha.sleep", ALPHA, &in_message, &out_message, false};
static const struct method list_method = {"alpha.list", ALPHA, &in_message, &out_message, true};
static const struct method nothing_method = {"alpha.nothing", ALPHA, &in_message, NULL, false};
static const struct method broken_method = {"alpha.broken", ALPHA, &in_message, &out_message, false};
static const struct method query_method = {"alpha.query", ALPHA, &in_message, &out_message, false};
static const struct method relay_method = {"alpha.relay", ALPHA, &in_message, &out_message, false};
static const struct method rated_method = {"alpha.rated", ALPHA, &in_message, &out_message, false};
static const struct method hide_method = {"alpha.hide", ALPHA, &in_message, &out_message, false};
static const struct method spawned_method = {"alpha.spawned", ALPHA, &in_message, &out_message, false};
static const struct method gather_method = {"alpha.gather", ALPHA, &in_message, &out_message, false};
static const struct method echoes_method = {"beta.echoes", BETA, &in_message, &out_message, true};
static const struct method who_method = {"beta.who", BETA, &in_message, &out_message, false};

/* ---- their handlers, in the child processes ---- */

static enum error echo(struct call *call, const void *in)
{
    const struct words *words = in;
    const struct words out = {.text = words->text, .has_text = true, .number = call->caller.id, .has_number = true};
    return call_reply(call, &out);
}

static enum error guard(struct call *call, const struct path_id *id)
{
    return id->value == 1 ? OK : call_fail(call, ERROR_FORBIDDEN, "%.*s is not yours", STR_ARGS(id->text));
}

static enum error sleep_a_while(struct call *call, const void *in)
{
    loop_sleep(service_loop(call->service), ((const struct words *)in)->number);
    return echo(call, in);
}

static enum error list(struct call *call, const void *in)
{
    (void)in;
    call_list_open(call);
    for (int64_t i = 1; i <= 3; i++)
        call_list_add(call,
                      &(struct words){.text = STR("one of three"), .has_text = true, .number = i, .has_number = true});
    return call_list_end(call, 3);
}

static enum error nothing(struct call *call, const void *in)
{
    (void)call;
    (void)in;
    return OK;
}

static const struct statement some = {"some", "-- read: something\nselect 1", false, 0};

static enum error query(struct call *call, const void *in)
{
    struct db_result result;
    TRY(call_query_values(call, &some, &result, NULL, 0));
    return echo(call, in);
}

/* beta: says who asks, or fails in words. */
static enum error who(struct call *call, const void *in)
{
    const struct words *words = in;
    if (str_equal(words->text, STR("fail")))
        return call_fail(call, ERROR_CONFLICT, "%.*s, as asked", STR_ARGS(words->text));
    if (str_equal(words->text, STR("whence")))
        return call_reply(
            call, &(struct words){.text = arena_printf(call->arena, "%.*s by %.*s", STR_ARGS(call->client.address),
                                                       STR_ARGS(call->client.agent)),
                                  .has_text = true,
                                  .number = call->caller.session_id,
                                  .has_number = true});
    const struct words out = {
        .text = call->caller.role, .has_text = true, .number = call->caller.id, .has_number = true};
    return call_reply(call, &out);
}

/* Tells how much more, with the reply or with the error that "often" is answered with. */
static enum error rated(struct call *call, const void *in)
{
    bool is_over = str_equal(((const struct words *)in)->text, STR("often"));
    call_set_rate(call, (struct rate){.limit = 10, .remaining = is_over ? 0 : 4, .reset_s = 60});
    return is_over ? ERROR_TOO_MANY_REQUESTS : echo(call, in);
}

static enum error relay(struct call *call, const void *in)
{
    struct words out;
    TRY(call_service(call, &who_method, in, &out));
    return call_reply(call, &out);
}

/* beta: as many rows as are asked for, or words of a failure. */
static enum error echoes(struct call *call, const void *in)
{
    const struct words *words = in;
    if (!words->has_number)
        return call_fail(call, ERROR_CONFLICT, "how many?");
    call_list_open(call);
    for (int64_t i = 1; i < words->number; i++)
        call_list_add(call, &(struct words){.text = words->text, .has_text = true, .number = i, .has_number = true});
    return call_list_end(call, 0);
}

/* The list's length, and its last row's text. */
static enum error gather(struct call *call, const void *in)
{
    struct call_list list;
    TRY(call_service_list(call, &echoes_method, in, &list));
    const struct words *rows = list.rows;
    struct str last = list.count > 0 ? rows[list.count - 1].text : STR("none");
    return call_reply(
        call, &(struct words){.text = last, .has_text = true, .number = (int64_t)list.count, .has_number = true});
}

/* Meets an error and answers with another: the first one's text must not be told. */
static enum error hide(struct call *call, const void *in)
{
    return call_service(call, &who_method, in, NULL) == ERROR_CONFLICT ? ERROR_UNAUTHORIZED : ERROR_INTERNAL;
}

static struct fiber *waiting;

static void wake(struct call *call)
{
    loop_sleep(service_loop(call->service), 10);
    fiber_resume(waiting);
}

static enum error spawned(struct call *call, const void *in)
{
    waiting = fiber_current();
    service_spawn(call->service, 1000, wake);
    fiber_suspend();
    return echo(call, in);
}

static bool start_alpha(struct service *service)
{
    fiber_set_limit(FIBERS);
    return bus_connect(service_bus(service), BETA, "test", service_endpoint(service, "", "beta")) == OK;
}

static const struct method_handler alpha_handlers[] = {
    {&echo_method, echo, NULL},      {&login_method, echo, NULL},          {&guarded_method, echo, guard},
    {&list_method, list, NULL},      {&sleep_method, sleep_a_while, NULL}, {&nothing_method, nothing, NULL},
    {&broken_method, nothing, NULL}, {&query_method, query, NULL},         {&relay_method, relay, NULL},
    {&hide_method, hide, NULL},      {&spawned_method, spawned, NULL},     {&rated_method, rated, NULL},
    {&gather_method, gather, NULL}};
static const struct method_handler beta_handlers[] = {{&who_method, who, NULL}, {&echoes_method, echoes, NULL}};
static bool may_call(struct str peer, const struct method *method)
{
    (void)peer;
    (void)method;
    return true;
}

static bool is_repeatable(const struct method *method)
{
    (void)method;
    return false;
}

static const struct service_definition alpha = {.name = "alpha",
                                                .summary = "is asked",
                                                .target = ALPHA,
                                                .may_call = may_call,
                                                .is_repeatable = is_repeatable,
                                                .handlers = alpha_handlers,
                                                .handler_count = sizeof alpha_handlers / sizeof *alpha_handlers,
                                                .config_size = sizeof(struct service_config),
                                                .start = start_alpha};
static const struct service_definition beta = {.name = "beta",
                                               .summary = "is asked by alpha",
                                               .target = BETA,
                                               .may_call = may_call,
                                               .is_repeatable = is_repeatable,
                                               .handlers = beta_handlers,
                                               .handler_count = sizeof beta_handlers / sizeof *beta_handlers,
                                               .config_size = sizeof(struct service_config)};

/* ---- processes ---- */

static char folder[] = "/tmp/backend-unit-service-XXXXXX";

/* This program as one of the services, with one flag (NULL = none) and its standard output going to out (-1 = nowhere).
 */
static inline pid_t start_process(const char *name, const char *flag, int out)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid != 0)
        return pid;
    if (out >= 0)
        dup2(out, STDOUT_FILENO);
    setenv("UNIT_SERVICE", name, 1);
    execl("/proc/self/exe", name, flag, NULL);
    _exit(127);
}

static inline int end_process(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static inline int stop_process(pid_t pid)
{
    assert_int_equal(kill(pid, SIGTERM), 0);
    return end_process(pid);
}

/* ---- asking ---- */

static struct bus *bus;

struct reply {
    bool is_there;
    enum error error;
    struct buffer body;
    int64_t next_after;
    struct rate rate;
};

static inline void on_reply(void *context, const struct bus_reply *reply)
{
    struct reply *out = context;
    out->is_there = true;
    out->error = reply->error;
    buffer_clear(&out->body);
    buffer_append_str(&out->body, reply->body);
    out->next_after = reply->next_after;
    out->rate = reply->rate;
}

/* Waits at most 10 ms for news. */
static inline void turn(void)
{
    struct pollfd polled = {.fd = bus_descriptor(bus), .events = POLLIN};
    int wait_ms = bus_turn(bus) ? 0 : 10;
    (void)poll(&polled, 1, wait_ms);
    (void)bus_turn(bus);
}

static inline void await(const struct reply *reply)
{
    int64_t begun_ms = loop_now_ms();
    while (!reply->is_there) {
        assert_true(loop_now_ms() - begun_ms < PATIENCE_MS);
        turn();
    }
}

/* [{id: …} or {}, {text: …, number: …}] */
static inline void pack_arguments(struct buffer *arguments, const char *id, const char *text, int64_t number)
{
    pack_array(arguments, 2);
    pack_map(arguments, id != NULL);
    if (id != NULL) {
        pack_string(arguments, STR("id"));
        pack_string(arguments, str_from(id));
    }
    pack_map(arguments, 1 + (number != 0));
    pack_string(arguments, STR("text"));
    pack_string(arguments, str_from(text));
    if (number != 0) {
        pack_string(arguments, STR("number"));
        pack_integer(arguments, number);
    }
}

static inline void send_bytes(struct reply *reply, const char *method, struct str arguments)
{
    reply->is_there = false;
    const struct bus_request request = {.method = str_from(method),
                                        .caller = {77, STR("user"), 5},
                                        .client = {STR("192.0.2.1"), STR("curl/8")},
                                        .request_id = STR("request-1"),
                                        .arguments = arguments,
                                        .timeout_ms = PATIENCE_MS};
    int64_t begun_ms = loop_now_ms();
    while (bus_call(bus, ALPHA, &request, on_reply, reply, NULL) != OK) {
        assert_true(loop_now_ms() - begun_ms < PATIENCE_MS); /* until it is connected */
        turn();
    }
}

static inline void send_words(struct reply *reply, const char *method, const char *id, const char *text, int64_t number)
{
    struct buffer arguments = {0};
    pack_arguments(&arguments, id, text, number);
    send_bytes(reply, method, buffer_str(&arguments));
    buffer_free(&arguments);
}

static inline enum error ask(struct reply *reply, const char *method, const char *id, const char *text, int64_t number)
{
    send_words(reply, method, id, text, number);
    await(reply);
    return reply->error;
}

/* The reply's body as text: "a string", "[a, b]", "{text: …, number: …}", "-" for nothing. */
static inline void render(struct pack_reader *reader, struct buffer *out)
{
    struct pack_value value;
    if (!pack_read(reader, &value) || value.type == PACK_NIL) {
        buffer_append_str(out, STR("-"));
    } else if (value.type == PACK_STRING) {
        buffer_append_str(out, value.text);
    } else if (value.type == PACK_INTEGER) {
        buffer_printf(out, "%lld", (long long)value.integer);
    } else if (value.type == PACK_BOOLEAN) {
        buffer_append_str(out, value.boolean ? STR("true") : STR("false"));
    } else {
        bool is_map = value.type == PACK_MAP;
        buffer_append_str(out, is_map ? STR("{") : STR("["));
        for (uint32_t i = 0; i < value.count; i++) {
            buffer_append_str(out, i > 0 ? STR(", ") : STR(""));
            if (is_map) {
                render(reader, out);
                buffer_append_str(out, STR(": "));
            }
            render(reader, out);
        }
        buffer_append_str(out, is_map ? STR("}") : STR("]"));
    }
}

static inline void assert_body(const struct reply *reply, const char *expected)
{
    struct pack_reader reader = pack_reader(buffer_str(&reply->body));
    struct buffer text = {0};
    render(&reader, &text);
    buffer_append_char(&text, '\0');
    assert_string_equal(text.data, expected);
    buffer_free(&text);
}

/* ---- fixtures ---- */

static inline int prepare(void **state)
{
    (void)state;
    log_init("unit_service", LOG_ERROR + 1, LOG_TEXT);
    if (mkdtemp(folder) == NULL)
        return -1;
    setenv("BUS_DIR", folder, 1);
    setenv("DATABASE_URL", "host=/nonexistent", 1);
    setenv("LOG_LEVEL", "error", 1);
    setenv("DRAIN_NOTICE_MS", "300", 1);
    return 0;
}

static inline int clean(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static pid_t alpha_pid, beta_pid;

static inline bool connect_to(unsigned target, const char *name)
{
    char endpoint[128];
    snprintf(endpoint, sizeof endpoint, "ipc://%s/%s", folder, name);
    return bus_connect(bus, target, "test", endpoint) == OK;
}

/* Who can be connected to has its signal handlers too. */
static inline void await_services(void)
{
    int64_t begun_ms = loop_now_ms();
    while (!bus_is_connected(bus, ALPHA) || !bus_is_connected(bus, BETA)) {
        assert_true(loop_now_ms() - begun_ms < PATIENCE_MS);
        turn();
    }
}

static inline int start_services(void **state)
{
    (void)state;
    beta_pid = start_process("beta", NULL, -1);
    alpha_pid = start_process("alpha", NULL, -1);
    bus = bus_new(NULL);
    if (!connect_to(ALPHA, "alpha") || !connect_to(BETA, "beta"))
        return -1;
    await_services();
    return 0;
}

static inline int stop_services(void **state)
{
    (void)state;
    bus_destroy(&bus);
    return (alpha_pid != 0 ? stop_process(alpha_pid) : 0) + stop_process(beta_pid);
}

static inline int run_child(const char *name, int argc, char **argv)
{
    return service_run(strcmp(name, "alpha") == 0 ? &alpha : &beta, argc, argv);
}

/* main() of a suite: this program is also the services, by the environment. */
#define SERVICE_SUITE(setup, teardown, ...)                                                                            \
    int main(int argc, char **argv)                                                                                    \
    {                                                                                                                  \
        if (getenv("UNIT_SERVICE") != NULL)                                                                            \
            return run_child(getenv("UNIT_SERVICE"), argc, argv);                                                      \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                                                               \
        return cmocka_run_group_tests(tests, setup, teardown);                                                         \
    }
/* A test with two of its own. */
#define WITH_SERVICES(test) cmocka_unit_test_setup_teardown(test, start_services, stop_services)

#endif
