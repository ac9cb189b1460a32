/* The whole backend for one suite: folders, ports, database, processes. */
#include "tests/support/stack.h"

#include <arpa/inet.h>
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "tests/support/database.h"
#include "tests/support/http.h"
#include "tests/support/record.h"
#include "tests/support/scratch.h"

enum { READY_TIMEOUT_MS = 20000, STOP_TIMEOUT_MS = 15000, DRAIN_MS = 10000, LOG_SHOWN = 16384 };

static const char *const part_names[STACK_PROCESSES] = {
#define SERVICE(name, NAME) #name,
#include "proto/services.def"
#undef SERVICE
    "gateway",
#define SERVICE(name, NAME) #name ".2",
#include "proto/services.def"
#undef SERVICE
    "gateway.2",
};

static const char *const setting_names[STACK_GATEWAY] = {
#define SERVICE(name, NAME) #NAME,
#include "proto/services.def"
#undef SERVICE
};

const char *stack_part_name(int part)
{
    return part_names[part];
}

bool stack_is_sanitized(void)
{
    return strlen(BACKEND_SANITIZE) > 0;
}

/* ---- what a stack owns beside its processes ---- */

/* A port that nobody else gets: bound here, and never listened on. Listeners of ours may share it. */
static int guard_port(uint16_t *port)
{
    int guard = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(guard >= 0);
    int on = 1;
    assert_int_equal(setsockopt(guard, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    assert_int_equal(setsockopt(guard, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    assert_int_equal(bind(guard, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(guard, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return guard;
}

/* What tests/support/cluster left: the template's name, and the URI of a database called DATABASE. */
static void read_cluster(struct stack *stack, char **template)
{
    char path[4096], name[128], uri[4096];
    snprintf(path, sizeof path, "%s.template", stack->cluster);
    FILE *file = fopen(path, "re");
    if (file == NULL || fscanf(file, "%127s %4095s", name, uri) != 2)
        fail_msg("%s: no cluster was started (tests/README.md)", path);
    fclose(file);
    *template = text("%s", name);
    stack->cluster_url = text("%s", uri);
}

char *stack_database_url(const struct stack *stack, const char *database)
{
    const char *place = strstr(stack->cluster_url, "DATABASE");
    assert_non_null(place);
    return text("%.*s%s%s", (int)(place - stack->cluster_url), stack->cluster_url, database,
                place + strlen("DATABASE"));
}

static void run_on_server(const struct stack *stack, const char *sql)
{
    struct database *server = database_connect(stack_database_url(stack, "postgres"));
    database_run(server, sql);
    database_close(&server);
}

static void drop_database(const struct stack *stack)
{
    run_on_server(stack, text("DROP DATABASE IF EXISTS %s WITH (FORCE)", stack->database));
}

static void clone_database(struct stack *stack)
{
    char *template;
    read_cluster(stack, &template);
    stack->database = text("%s_%d", stack->suite, (int)getpid());
    stack->database_url = stack_database_url(stack, stack->database);
    drop_database(stack); /* of a process that was killed and had our id */
    run_on_server(stack, text("CREATE DATABASE %s TEMPLATE %s", stack->database, template));
}

/* ---- environment: later settings of a name replace earlier ones ---- */

void stack_set_in(char *environment[STACK_SETTINGS], const char *setting)
{
    size_t name_len = strcspn(setting, "=") + 1;
    size_t i = 0;
    while (environment[i] != NULL && strncmp(environment[i], setting, name_len) != 0)
        i++;
    assert(i + 1 < STACK_SETTINGS);
    environment[i] = text("%s", setting);
}

void stack_set(struct stack *stack, const char *setting)
{
    stack_set_in(stack->environment, setting);
}

static void inherit_environment(struct stack *stack, const char *name)
{
    if (getenv(name) != NULL)
        stack_set(stack, text("%s=%s", name, getenv(name)));
}

/* Both copies of each service. */
static void set_endpoints(struct stack *stack)
{
    for (int part = 0; part < STACK_GATEWAY; part++) {
        const char *name = setting_names[part];
        char *first = stack_endpoint(stack, part), *second = stack_endpoint(stack, STACK_PARTS + part);
        stack_set(stack, text("%s_ENDPOINTS=%s,%s", name, first, second));
        stack_set(stack, text("%s_FEED_ENDPOINTS=%s.feed,%s.feed", name, first, second));
    }
}

static void build_environment(struct stack *stack, const struct stack_options *options)
{
    static const char *const fixed[] = {
        "LOG_LEVEL=debug",
        "LOG_FORMAT=text",
        "ENVIRONMENT=production",
        "BACKEND_HOST=127.0.0.1",
        "GATEWAY_THREADS=2",
        "DRAIN_NOTICE_MS=0", /* nobody is to notice when a suite ends */
        "PASSWORD_ITERATIONS=1",
        "PASSWORD_MEMORY_KIB=64",
        ("JWT_SECRET=" STACK_SECRET),
        /* All of a suite's clients have one address. */
        "LOGIN_ADDRESS_LIMIT=1000000",
        "REGISTER_LIMIT=1000000",
        "FORGOT_LIMIT=1000000",
        "REFRESH_LIMIT=1000000",
    };
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        stack_set(stack, fixed[i]);
    stack_set(stack, text("BUS_DIR=%s", stack->folder));
    stack_set(stack, text("MAIL_DIR=%s/mail", stack->folder));
    stack_set(stack, text("MAIL_TEMPLATES=%s/services/auth/mail", SOURCE_DIR));
    stack_set(stack, text("DATABASE_URL=%s", stack->database_url));
    stack_set(stack, text("BACKEND_PORT=%u", stack->port));
    if (stack->part_count > STACK_PARTS)
        set_endpoints(stack);

    static const char *const inherited[] = {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"};
    for (size_t i = 0; i < sizeof inherited / sizeof *inherited; i++)
        inherit_environment(stack, inherited[i]);
    for (size_t i = 0; options != NULL && options->environment[i] != NULL; i++)
        stack_set(stack, options->environment[i]);
}

/* ---- processes ---- */

static char *log_path(const struct stack *stack, int part)
{
    return text("%s/%s.log", stack->folder, part_names[part]);
}

/* The stack's environment, and what is this process's alone. */
void stack_revive(struct stack *stack, int part)
{
    char *environment[STACK_SETTINGS];
    memcpy(environment, stack->environment, sizeof environment);
    stack_set_in(environment, text("ADMIN_PORT=%u", stack->admin_ports[part]));
    stack_set_in(environment, text("SHARE_PORT=%s", stack->part_count > STACK_PARTS ? "true" : "false"));
    if (part >= STACK_PARTS && part % STACK_PARTS != STACK_GATEWAY) {
        const char *name = setting_names[part % STACK_PARTS];
        stack_set_in(environment, text("%s_LISTEN=%s", name, stack_endpoint(stack, part)));
        stack_set_in(environment, text("%s_FEED_LISTEN=%s.feed", name, stack_endpoint(stack, part)));
    }
    char *binary = text("%s/%s", BINARY_DIR, part_names[part % STACK_PARTS]);
    if (stack->options != NULL && stack->options->enter != NULL)
        stack->options->enter(stack, part, environment);
    process_start(&stack->parts[part], binary, environment, log_path(stack, part));
    if (stack->options != NULL && stack->options->leave != NULL)
        stack->options->leave();
}

char *stack_command(const struct stack *stack, enum stack_part part, const char *argument)
{
    char *command = text("env -i");
    for (size_t i = 0; stack->environment[i] != NULL; i++)
        command = text("%s '%s'", command, stack->environment[i]);
    return text("%s ADMIN_PORT=%u %s/%s %s", command, stack->admin_ports[part], BINARY_DIR, part_names[part], argument);
}

void stack_kill(struct stack *stack, int part, int signal_number)
{
    int status;
    if (!process_end(&stack->parts[part], signal_number, STOP_TIMEOUT_MS, &status))
        fail_msg("%s did not end by signal %d", part_names[part], signal_number);
}

int64_t stack_drain(struct stack *stack, int part)
{
    int status = -1;
    int64_t began = now_ms();
    if (!process_end(&stack->parts[part], SIGTERM, DRAIN_MS, &status) || status != 0)
        fail_msg("%s did not drain: status 0x%x after %lld ms", part_names[part], status,
                 (long long)(now_ms() - began));
    return now_ms() - began;
}

static void assert_running(struct stack *stack)
{
    for (int part = 0; part < stack->part_count; part++) {
        int status;
        if (stack->parts[part].pid == 0 || process_wait(&stack->parts[part], 0, &status))
            fail_msg("%s has ended", part_names[part]);
    }
}

void stack_await_ready(struct stack *stack, int64_t timeout_ms)
{
    int64_t deadline = now_ms() + timeout_ms;
    for (;;) {
        struct reply *reply = http_probe(stack, "/readyz");
        if (reply->status == 200)
            return;
        if (now_ms() > deadline)
            fail_msg("not ready after %lld ms: %ld %s", (long long)timeout_ms, reply->status, reply->body);
        assert_running(stack);
        sleep_ms(10);
    }
}

void stack_await_part(struct stack *stack, int part, int64_t timeout_ms)
{
    int64_t deadline = now_ms() + timeout_ms;
    for (;;) {
        struct reply *reply = http_probe_part(stack, part, "/readyz");
        if (reply->status == 200)
            return;
        if (now_ms() > deadline)
            fail_msg("%s is not ready after %lld ms: %ld %s", part_names[part], (long long)timeout_ms, reply->status,
                     reply->body);
        sleep_ms(10);
    }
}

void stack_assert_alive(struct stack *stack)
{
    assert_running(stack);
    stack_await_ready(stack, 2000);
}

char *stack_endpoint(const struct stack *stack, int part)
{
    return text("ipc://%s/%s", stack->folder, part_names[part]);
}

struct stack *stack_start(const char *suite, const struct stack_options *options)
{
    struct stack *stack = scratch_alloc(sizeof *stack);
    stack->suite = suite;
    stack->options = options;
    snprintf(stack->folder, sizeof stack->folder, "/tmp/%.12s.XXXXXX", suite);
    assert_non_null(mkdtemp(stack->folder));
    const char *cluster = options != NULL && options->cluster != NULL ? options->cluster : "postgres";
    stack->cluster = text("%s/%s", CLUSTERS_DIR, cluster);
    clone_database(stack);

    stack->part_count = options != NULL && options->copies > 1 ? options->copies * STACK_PARTS : STACK_PARTS;
    assert(stack->part_count <= STACK_PROCESSES);
    stack->port_guard = guard_port(&stack->port);
    for (int part = 0; part < stack->part_count; part++)
        stack->admin_port_guards[part] = guard_port(&stack->admin_ports[part]);
    stack->url = text("http://127.0.0.1:%u", stack->port);
    stack->admin_url = text("http://127.0.0.1:%u", stack->admin_ports[STACK_GATEWAY]);
    build_environment(stack, options);

    stack->started_ms = now_ms();
    for (int part = 0; part < stack->part_count; part++)
        stack_revive(stack, part);
    stack_await_ready(stack, READY_TIMEOUT_MS);
    stack->ready_ms = now_ms();
    return stack;
}

/* ---- the end ---- */

static bool log_is_clean(const char *path)
{
    static const char *const reports[] = {"Sanitizer", "runtime error:", "Assertion "};
    FILE *log = fopen(path, "re");
    if (log == NULL)
        return true; /* it never started */
    bool clean = true;
    char line[4096];
    while (fgets(line, sizeof line, log) != NULL)
        for (size_t i = 0; i < sizeof reports / sizeof *reports; i++)
            clean = clean && strstr(line, reports[i]) == NULL;
    fclose(log);
    if (!clean)
        fprintf(stderr, "%s holds a report\n", path);
    return clean;
}

/* All get the signal before any is waited for: they drain side by side. */
static bool stop_parts(struct stack *stack)
{
    bool good = true;
    for (int part = 0; part < stack->part_count; part++)
        if (stack->parts[part].pid > 0)
            kill(stack->parts[part].pid, SIGTERM);
    for (int part = 0; part < stack->part_count; part++) {
        int status = 0;
        if (stack->parts[part].pid > 0 && !process_wait(&stack->parts[part], STOP_TIMEOUT_MS, &status)) {
            fprintf(stderr, "%s did not end by SIGTERM\n", part_names[part]);
            process_end(&stack->parts[part], SIGKILL, STOP_TIMEOUT_MS, &status);
        }
        if (status != 0)
            fprintf(stderr, "%s ended with status 0x%x\n", part_names[part], status);
        good = good && status == 0 && log_is_clean(log_path(stack, part));
    }
    return good;
}

bool stack_stop(struct stack *stack)
{
    bool good = stop_parts(stack);
    record_events(stack);
    drop_database(stack);
    close(stack->port_guard);
    for (int part = 0; part < stack->part_count; part++)
        close(stack->admin_port_guards[part]);
    return good;
}

/* ---- a suite ---- */

struct suite {
    const char *name;
    const struct stack_options *options;
    struct stack *stack;
};
static struct suite suite;

static void show_log(const char *path)
{
    FILE *log = fopen(path, "re");
    if (log == NULL)
        return;
    fseek(log, 0, SEEK_END);
    long size = ftell(log);
    fseek(log, size > LOG_SHOWN ? size - LOG_SHOWN : 0, SEEK_SET);
    fprintf(stderr, "---- %s\n", path);
    char line[4096];
    while (fgets(line, sizeof line, log) != NULL)
        fputs(line, stderr);
    fclose(log);
}

static int set_up(void **state)
{
    suite.stack = stack_start(suite.name, suite.options);
    *state = suite.stack;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return suite.stack == NULL || stack_stop(suite.stack) ? 0 : -1;
}

/* The folder of a stack that failed stays, with its logs. */
static void finish(bool failed)
{
    if (suite.stack == NULL)
        return;
    for (int part = 0; failed && part < suite.stack->part_count; part++)
        show_log(log_path(suite.stack, part));
    if (!failed)
        shell("rm -r %s", suite.stack->folder);
}

int suite_main(const char *name, const struct stack_options *options, const struct CMUnitTest *tests, size_t count,
               int argc, char **argv)
{
    suite = (struct suite){.name = name, .options = options};
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    signal(SIGPIPE, SIG_IGN);
    log_init("test", LOG_WARN, LOG_TEXT);
    http_init();
    record_open(name);
    int failed = _cmocka_run_group_tests(name, tests, count, set_up, tear_down);
    finish(failed != 0);
    record_close();
    http_cleanup();
    scratch_free();
    return failed != 0;
}
