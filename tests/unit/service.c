/* The frame: two tiny services in processes of their own (this program again), asked over real sockets. Their database
 * is never there, which a service must bear. */
#include "common/service.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/fiber.h"
#include "common/log.h"

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
static pid_t start_process(const char *name, const char *flag, int out)
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

static int end_process(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static int stop_process(pid_t pid)
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

static void on_reply(void *context, const struct bus_reply *reply)
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
static void turn(void)
{
    struct pollfd polled = {.fd = bus_descriptor(bus), .events = POLLIN};
    int wait_ms = bus_turn(bus) ? 0 : 10;
    (void)poll(&polled, 1, wait_ms);
    (void)bus_turn(bus);
}

static void await(const struct reply *reply)
{
    int64_t begun_ms = loop_now_ms();
    while (!reply->is_there) {
        assert_true(loop_now_ms() - begun_ms < PATIENCE_MS);
        turn();
    }
}

/* [{id: …} or {}, {text: …, number: …}] */
static void pack_arguments(struct buffer *arguments, const char *id, const char *text, int64_t number)
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

static void send_bytes(struct reply *reply, const char *method, struct str arguments)
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

static void send_words(struct reply *reply, const char *method, const char *id, const char *text, int64_t number)
{
    struct buffer arguments = {0};
    pack_arguments(&arguments, id, text, number);
    send_bytes(reply, method, buffer_str(&arguments));
    buffer_free(&arguments);
}

static enum error ask(struct reply *reply, const char *method, const char *id, const char *text, int64_t number)
{
    send_words(reply, method, id, text, number);
    await(reply);
    return reply->error;
}

/* The reply's body as text: "a string", "[a, b]", "{text: …, number: …}", "-" for nothing. */
static void render(struct pack_reader *reader, struct buffer *out)
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

static void assert_body(const struct reply *reply, const char *expected)
{
    struct pack_reader reader = pack_reader(buffer_str(&reply->body));
    struct buffer text = {0};
    render(&reader, &text);
    buffer_append_char(&text, '\0');
    assert_string_equal(text.data, expected);
    buffer_free(&text);
}

/* ---- fixtures ---- */

static int prepare(void **state)
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

static int clean(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static pid_t alpha_pid, beta_pid;

static bool connect_to(unsigned target, const char *name)
{
    char endpoint[128];
    snprintf(endpoint, sizeof endpoint, "ipc://%s/%s", folder, name);
    return bus_connect(bus, target, "test", endpoint) == OK;
}

/* Who can be connected to has its signal handlers too. */
static void await_services(void)
{
    int64_t begun_ms = loop_now_ms();
    while (!bus_is_connected(bus, ALPHA) || !bus_is_connected(bus, BETA)) {
        assert_true(loop_now_ms() - begun_ms < PATIENCE_MS);
        turn();
    }
}

static int start_services(void **state)
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

static int stop_services(void **state)
{
    (void)state;
    bus_destroy(&bus);
    return (alpha_pid != 0 ? stop_process(alpha_pid) : 0) + stop_process(beta_pid);
}

static int start_hasty_services(void **state)
{
    setenv("DRAIN_MS", "50", 1);
    int result = start_services(state);
    unsetenv("DRAIN_MS");
    return result;
}

/* ---- a call's way ---- */

static void test_a_call_is_answered(void **state)
{
    (void)state;
    struct reply reply = {0};
    assert_int_equal(ask(&reply, "alpha.echo", NULL, "hello", 0), OK);
    assert_body(&reply, "{text: hello, number: 77}");
    assert_int_equal(ask(&reply, "alpha.nothing", NULL, "hello", 0), OK);
    assert_body(&reply, "-");
    assert_int_equal(ask(&reply, "alpha.list", NULL, "hello", 0), OK);
    assert_body(&reply,
                "[{text: one of three, number: 1}, {text: one of three, number: 2}, {text: one of three, number: 3}]");
    assert_int_equal(reply.next_after, 3);
    buffer_free(&reply.body);
}

static void test_what_is_wrong_is_told(void **state)
{
    (void)state;
    struct reply reply = {0};
    assert_int_equal(ask(&reply, "alpha.echo", NULL, "x", 9001), ERROR_VALIDATION);
    assert_body(&reply, "[text must be longer than or equal to 2 characters, number must not be greater than 9000]");
    assert_int_equal(ask(&reply, "alpha.login", NULL, "x", 0), ERROR_UNAUTHORIZED);
    assert_body(&reply, "-");
    send_bytes(&reply, "alpha.echo", STR("\x93\xc0\xc0\xc0"));
    await(&reply);
    assert_int_equal(reply.error, ERROR_MALFORMED);
    send_bytes(&reply, "alpha.nothing", STR("\x92\x80\x81\xa4text\xa2hi\xc0")); /* one value too many */
    await(&reply);
    assert_int_equal(reply.error, ERROR_MALFORMED);
    buffer_free(&reply.body);
}

static void test_ids_then_guard_then_rules(void **state)
{
    (void)state;
    struct reply reply = {0};
    assert_int_equal(ask(&reply, "alpha.guarded", "two", "x", 0), ERROR_ID_NOT_NUMERIC);
    assert_int_equal(ask(&reply, "alpha.guarded", "2", "x", 0), ERROR_FORBIDDEN);
    assert_body(&reply, "2 is not yours");
    assert_int_equal(ask(&reply, "alpha.guarded", "99999999999999999999", "x", 0), ERROR_FORBIDDEN);
    assert_body(&reply, "99999999999999999999 is not yours");
    assert_int_equal(ask(&reply, "alpha.guarded", "1", "x", 0), ERROR_VALIDATION);
    assert_int_equal(ask(&reply, "alpha.guarded", "1", "xyz", 0), OK);
    buffer_free(&reply.body);
}

static void test_an_unknown_method_and_a_broken_handler_are_internal(void **state)
{
    (void)state;
    struct reply reply = {0};
    assert_int_equal(ask(&reply, "alpha.none", NULL, "hello", 0), ERROR_INTERNAL);
    assert_int_equal(ask(&reply, "alpha.echo2", NULL, "hello", 0), ERROR_INTERNAL);
    assert_int_equal(ask(&reply, "beta.who", NULL, "hello", 0), ERROR_INTERNAL);
    assert_int_equal(ask(&reply, "alpha.broken", NULL, "hello", 0), ERROR_INTERNAL);
    buffer_free(&reply.body);
}

static void test_without_a_database_it_says_so(void **state)
{
    (void)state;
    struct reply reply = {0};
    assert_int_equal(ask(&reply, "alpha.query", NULL, "hello", 0), ERROR_UNAVAILABLE);
    assert_int_equal(ask(&reply, "alpha.health", NULL, "hello", 0), OK);
    struct pack_reader reader = pack_reader(buffer_str(&reply.body));
    struct buffer text = {0};
    render(&reader, &text);
    buffer_append_char(&text, '\0');
    assert_non_null(strstr(text.data, "{service: alpha, ready: false, whyNot: database: "));
    buffer_free(&text);
    buffer_free(&reply.body);
}

static void test_services_call_each_other(void **state)
{
    (void)state;
    struct reply reply = {0};
    int64_t begun_ms = loop_now_ms();
    while (ask(&reply, "alpha.relay", NULL, "hello", 0) == ERROR_UNAVAILABLE) /* until beta is there */
        assert_true(loop_now_ms() - begun_ms < PATIENCE_MS);
    assert_int_equal(reply.error, OK);
    assert_body(&reply, "{text: user, number: 77}");
    assert_int_equal(ask(&reply, "alpha.relay", NULL, "whence", 0), OK);
    assert_body(&reply, "{text: 192.0.2.1 by curl/8, number: 5}");
    assert_int_equal(ask(&reply, "alpha.relay", NULL, "fail", 0), ERROR_CONFLICT);
    assert_body(&reply, "fail, as asked");
    assert_int_equal(ask(&reply, "alpha.hide", NULL, "fail", 0), ERROR_UNAUTHORIZED);
    assert_body(&reply, "-");
    assert_int_equal(ask(&reply, "alpha.gather", NULL, "hello", 8), OK);
    assert_body(&reply, "{text: hello, number: 7}");
    assert_int_equal(ask(&reply, "alpha.gather", NULL, "hello", 1), OK);
    assert_body(&reply, "{text: none, number: 0}");
    assert_int_equal(ask(&reply, "alpha.gather", NULL, "hello", 0), ERROR_CONFLICT);
    assert_body(&reply, "how many?");
    buffer_free(&reply.body);
}

static void test_a_rate_goes_with_the_reply_and_with_the_error(void **state)
{
    (void)state;
    struct reply reply = {0};
    assert_int_equal(ask(&reply, "alpha.rated", NULL, "seldom", 0), OK);
    assert_int_equal(reply.rate.limit, 10);
    assert_int_equal(reply.rate.remaining, 4);
    assert_int_equal(ask(&reply, "alpha.rated", NULL, "often", 0), ERROR_TOO_MANY_REQUESTS);
    assert_int_equal(reply.rate.remaining, 0);
    assert_int_equal(reply.rate.reset_s, 60);
    assert_int_equal(ask(&reply, "alpha.echo", NULL, "hello", 0), OK); /* the task is used anew */
    assert_int_equal(reply.rate.limit, 0);
    buffer_free(&reply.body);
}

static void test_what_is_spawned_runs_in_a_fiber(void **state)
{
    (void)state;
    struct reply reply = {0};
    assert_int_equal(ask(&reply, "alpha.spawned", NULL, "hello", 0), OK);
    buffer_free(&reply.body);
}

static void test_more_calls_than_fibers_are_refused(void **state)
{
    (void)state;
    struct reply replies[3 * FIBERS] = {0};
    int answered = 0, refused = 0;
    for (int i = 0; i < 3 * FIBERS; i++)
        send_words(&replies[i], "alpha.sleep", NULL, "hello", 300);
    for (int i = 0; i < 3 * FIBERS; i++) {
        await(&replies[i]);
        answered += replies[i].error == OK;
        refused += replies[i].error == ERROR_OVERLOADED;
        buffer_free(&replies[i].body);
    }
    assert_int_equal(answered, FIBERS);
    assert_int_equal(refused, 2 * FIBERS);
}

/* ---- life ---- */

/* Clock ticks of processor time that a process has used. */
static long used_ticks(pid_t pid)
{
    char path[64];
    unsigned long user = 0, kernel = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel), 2);
    fclose(file);
    return (long)(user + kernel);
}

static void test_at_rest_it_uses_no_processor(void **state)
{
    (void)state;
    struct reply reply = {0};
    assert_int_equal(ask(&reply, "alpha.echo", NULL, "hello", 0), OK);
    buffer_free(&reply.body);
    long before = used_ticks(alpha_pid);
    usleep(500000);
    assert_in_range(used_ticks(alpha_pid) - before, 0, sysconf(_SC_CLK_TCK) / 20); /* a tenth of one core */
}

static void test_it_answers_again_after_a_kill(void **state)
{
    (void)state;
    struct reply reply = {0};
    assert_int_equal(ask(&reply, "alpha.echo", NULL, "hello", 0), OK);
    kill(alpha_pid, SIGKILL);
    end_process(alpha_pid);
    alpha_pid = start_process("alpha", NULL, -1);
    int64_t begun_ms = loop_now_ms();
    while (ask(&reply, "alpha.echo", NULL, "again", 0) == ERROR_UNAVAILABLE)
        assert_true(loop_now_ms() - begun_ms < PATIENCE_MS);
    assert_int_equal(reply.error, OK);
    buffer_free(&reply.body);
}

static void test_it_finishes_what_it_has_begun(void **state)
{
    (void)state;
    struct reply slow = {0}, late = {0};
    send_words(&slow, "alpha.sleep", NULL, "slow", 500);
    assert_int_equal(ask(&late, "alpha.echo", NULL, "hello", 0), OK); /* so the slow one has begun */
    kill(alpha_pid, SIGTERM);
    while (bus_is_connected(bus, ALPHA)) /* until we are told */
        turn();
    assert_false(slow.is_there);
    struct bus *told = bus;
    bus = bus_new(NULL); /* of somebody who has not heard of it */
    assert_true(connect_to(ALPHA, "alpha"));
    assert_int_equal(ask(&late, "alpha.health", NULL, "hello", 0), OK);
    assert_body(&late, "{service: alpha, ready: false, whyNot: it is being stopped}");
    bus_destroy(&bus);
    bus = told;
    await(&slow);
    assert_int_equal(slow.error, OK);
    assert_body(&slow, "{text: slow, number: 77}");
    assert_int_equal(end_process(alpha_pid), 0);
    alpha_pid = 0;
    buffer_free(&slow.body);
    buffer_free(&late.body);
}

static void test_it_does_not_wait_for_ever(void **state)
{
    (void)state;
    struct reply slow = {0}, next = {0};
    send_words(&slow, "alpha.sleep", NULL, "slow", 9000);
    assert_int_equal(ask(&next, "alpha.echo", NULL, "hello", 0), OK);
    assert_int_equal(stop_process(alpha_pid), 1);
    await(&slow);
    assert_int_equal(slow.error, ERROR_UNAVAILABLE);
    alpha_pid = 0;
    buffer_free(&slow.body);
    buffer_free(&next.body);
}

/* ---- configuration ---- */

static int run_with(const char *name, const char *value, const char *flag)
{
    char *before = getenv(name) != NULL ? strdup(getenv(name)) : NULL;
    int silent = dup(STDERR_FILENO);
    assert_non_null(freopen("/dev/null", "w", stderr));
    setenv(name, value, 1);
    int status = end_process(start_process("alpha", flag, -1));
    dup2(silent, STDERR_FILENO);
    close(silent);
    if (before != NULL)
        setenv(name, before, 1);
    else
        unsetenv(name);
    free(before);
    return status;
}

static void test_a_wrong_configuration_ends_it(void **state)
{
    (void)state;
    assert_int_equal(run_with("DATABASE_URL", "", NULL), 78);
    assert_int_equal(run_with("DATABASE_URL", "mysql://root@localhost", NULL), 78);
    assert_int_equal(run_with("DB_CONNECTIONS", "none", NULL), 78);
    assert_int_equal(run_with("BUS_DIR", "/nonexistent/folder", NULL), 78);
    assert_int_equal(run_with("ALPHA_LISTEN", "tcp://127.0.0.1:1", NULL), 78); /* without keys */
    assert_int_equal(run_with("ALPHA_LISTEN", "nonsense", NULL), 1);
    assert_int_equal(run_with("ALPHA_LISTEN", "", "--nonsense"), 64);
}

/* Whether --print-config prints the line. */
static bool prints(const char *line)
{
    int out[2];
    assert_int_equal(pipe(out), 0);
    pid_t pid = start_process("alpha", "--print-config", out[1]);
    close(out[1]);
    FILE *file = fdopen(out[0], "r");
    char got[512];
    bool found = false;
    while (fgets(got, sizeof got, file) != NULL) {
        got[strcspn(got, "\n")] = '\0';
        found = found || strcmp(got, line) == 0;
    }
    fclose(file);
    assert_int_equal(end_process(pid), 0);
    return found;
}

static void test_settings_follow_from_settings(void **state)
{
    (void)state;
    char listen_line[128];
    snprintf(listen_line, sizeof listen_line, "ALPHA_LISTEN=ipc://%s/alpha", folder);
    assert_true(prints(listen_line));
    assert_true(prints("ALPHA_DATABASE_ROLE=backend_alpha"));
    setenv("ALPHA_DATABASE_URL", "postgresql://own@/own", 1);
    assert_true(prints("DATABASE_URL=postgresql://own@/own"));
    unsetenv("ALPHA_DATABASE_URL");
    unsetenv("DATABASE_URL");
    setenv("DB_NAME", "it's", 1);
    assert_true(prints("DATABASE_URL=host='localhost' port='5432' dbname='it\\'s' user='backend'"));
    unsetenv("DB_NAME");
    setenv("DATABASE_URL", "host=/nonexistent", 1);
}

static void test_the_folder_is_made_for_us_alone(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/made", folder);
    setenv("BUS_DIR", path, 1);
    pid_t pid = start_process("beta", NULL, -1);
    struct stat made = {0};
    int64_t begun_ms = loop_now_ms();
    while (stat(path, &made) != 0)
        assert_true(loop_now_ms() - begun_ms < PATIENCE_MS);
    assert_int_equal(made.st_mode & 0777, 0700);
    kill(pid, SIGKILL);
    end_process(pid);
    setenv("BUS_DIR", folder, 1);
}

static int run_child(const char *name, int argc, char **argv)
{
    return service_run(strcmp(name, "alpha") == 0 ? &alpha : &beta, argc, argv);
}

#define WITH_SERVICES(test) cmocka_unit_test_setup_teardown(test, start_services, stop_services)

int main(int argc, char **argv)
{
    if (getenv("UNIT_SERVICE") != NULL)
        return run_child(getenv("UNIT_SERVICE"), argc, argv);
    const struct CMUnitTest tests[] = {
        WITH_SERVICES(test_a_call_is_answered),
        WITH_SERVICES(test_what_is_wrong_is_told),
        WITH_SERVICES(test_ids_then_guard_then_rules),
        WITH_SERVICES(test_an_unknown_method_and_a_broken_handler_are_internal),
        WITH_SERVICES(test_without_a_database_it_says_so),
        WITH_SERVICES(test_services_call_each_other),
        WITH_SERVICES(test_a_rate_goes_with_the_reply_and_with_the_error),
        WITH_SERVICES(test_what_is_spawned_runs_in_a_fiber),
        WITH_SERVICES(test_more_calls_than_fibers_are_refused),
        WITH_SERVICES(test_at_rest_it_uses_no_processor),
        WITH_SERVICES(test_it_answers_again_after_a_kill),
        WITH_SERVICES(test_it_finishes_what_it_has_begun),
        cmocka_unit_test_setup_teardown(test_it_does_not_wait_for_ever, start_hasty_services, stop_services),
        cmocka_unit_test(test_a_wrong_configuration_ends_it),
        cmocka_unit_test(test_settings_follow_from_settings),
        cmocka_unit_test(test_the_folder_is_made_for_us_alone),
    };
    return cmocka_run_group_tests(tests, prepare, clean);
}
