/* call: asks a service of a running stack one thing, as the gateway would on behalf of an admin. For operators (make
 * admin) and for looking into a stack. */
#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/bus.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/json.h"
#include "common/log.h"
#include "common/wire_keys.h"
#include "proto/proto.h"

enum { DEFAULT_TIMEOUT_MS = 5000, TURN_MS = 10, EX_REFUSED = 1 };

struct options {
    const char *role;
    int64_t id;
    int64_t timeout_ms;
    const char *endpoint; /* NULL = the service's socket in BUS_DIR */
    const char *method;
    const char *arguments; /* JSON */
};

static const char usage[] =
    "usage: call [OPTION…] METHOD [JSON]\n"
    "\n"
    "Asks a service of a running stack, and prints what it answers as JSON. METHOD is a name of proto/methods/, JSON "
    "an\n"
    "object with its message's fields:\n"
    "\n"
    "  BUS_DIR=var/run call user.find '{\"username\": \"ada\"}'\n"
    "\n"
    "Services trust whoever can reach their sockets: the folder is closed to all but their own user. On tcp:// they "
    "trust\n"
    "the key of \"operator\": BUS_KEY_FILE names it, and BUS_PEERS_FILE the list of all (deploy/keys makes both).\n"
    "\n"
    "  --role ROLE        who asks is a \"user\" or an \"admin\" (admin)\n"
    "  --id ID            and has this id (0: an operator, who is no user)\n"
    "  --endpoint ADDRESS where the service answers (ipc://$BUS_DIR/SERVICE; BUS_DIR is /run/backend unless set)\n"
    "  --timeout MS       how long to wait (5000)\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 answered, 1 refused, 64 wrong usage, 65 wrong JSON, 69 nobody answers.\n";

static _Noreturn __attribute__((format(printf, 2, 3))) void die(int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("call: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(status);
}

/* ---- the command line ---- */

static int64_t number(const char *name, const char *text, int64_t min, int64_t max)
{
    int64_t value;
    if (!str_to_int64(str_from(text), &value) || value < min || value > max)
        die(EX_USAGE, "%s: '%s' is not a whole number from %lld to %lld", name, text, (long long)min, (long long)max);
    return value;
}

static struct options read_options(int argc, char **argv)
{
    enum { ROLE = 1, ID, ENDPOINT, TIMEOUT, HELP, VERSION };
    static const struct option known[] = {{"role", required_argument, NULL, ROLE},
                                          {"id", required_argument, NULL, ID},
                                          {"endpoint", required_argument, NULL, ENDPOINT},
                                          {"timeout", required_argument, NULL, TIMEOUT},
                                          {"help", no_argument, NULL, HELP},
                                          {"version", no_argument, NULL, VERSION},
                                          {0}};
    struct options options = {.role = "admin", .timeout_ms = DEFAULT_TIMEOUT_MS, .arguments = "{}"};
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case ROLE:
            options.role = optarg;
            break;
        case ID:
            options.id = number("--id", optarg, 0, INT64_MAX);
            break;
        case ENDPOINT:
            options.endpoint = optarg;
            break;
        case TIMEOUT:
            options.timeout_ms = number("--timeout", optarg, 1, BUS_MAX_TIMEOUT_MS);
            break;
        case HELP:
            fputs(usage, stdout);
            exit(EX_OK);
        case VERSION:
            puts("call " BACKEND_VERSION);
            exit(EX_OK);
        default:
            fputs(usage, stderr);
            exit(EX_USAGE);
        }
    }
    if (optind >= argc || argc - optind > 2) {
        fputs(usage, stderr);
        exit(EX_USAGE);
    }
    options.method = argv[optind];
    if (argc - optind == 2)
        options.arguments = argv[optind + 1];
    return options;
}

/* ---- the arguments: what a path would name apart from the rest (common/schema.h) ---- */

static bool is_of_path(const char *method, const char *key)
{
    const struct method *known = proto_method(str_from(method));
    for (size_t i = 0; known != NULL && i < known->in->field_count; i++)
        if (known->in->fields[i].type == FIELD_ID && strcmp(known->in->fields[i].name, key) == 0)
            return true;
    return false;
}

static void pack_part(const json_t *object, struct arena *arena, struct buffer *out)
{
    struct str why;
    char *text = json_dumps(object, 0);
    if (text == NULL || json_to_pack(str_from(text), arena, out, &why) != OK)
        die(EX_DATAERR, "not an object that a service takes");
    free(text);
}

/* An id in a path is text. */
static void pack_arguments(const struct options *options, struct arena *arena, struct buffer *out)
{
    json_error_t mistake;
    json_t *rest = json_loads(options->arguments, 0, &mistake), *path = json_object(), *value;
    if (!json_is_object(rest))
        die(EX_DATAERR, "not a JSON object: %s", rest == NULL ? mistake.text : options->arguments);
    const char *key;
    void *next;
    json_object_foreach_safe(rest, next, key, value)
    {
        if (!is_of_path(options->method, key))
            continue;
        json_t *text = json_is_integer(value) ? json_sprintf("%" JSON_INTEGER_FORMAT, json_integer_value(value))
                                              : json_incref(value);
        json_object_set_new(path, key, text);
        json_object_del(rest, key);
    }
    pack_array(out, 2);
    pack_part(path, arena, out);
    pack_part(rest, arena, out);
    json_decref(path);
    json_decref(rest);
}

/* ---- keys ---- */

struct call_config {
    struct wire_key_settings settings;
    struct wire_keys *keys;
};

static void load_keys(void *memory)
{
    struct call_config *config = memory;
    config->keys = wire_keys_load(&config->settings, "operator");
}

/* From the environment alone: the command line is not config's here. */
static struct wire_keys *read_keys(char **argv)
{
    static const struct setting settings[] = {WIRE_KEY_SETTINGS(struct call_config, settings)};
    static const struct config_program program = {
        .name = "call",
        .settings = settings,
        .setting_count = sizeof settings / sizeof *settings,
        .check = load_keys,
    };
    struct call_config config = {0};
    config_load(&program, 1, argv, &config);
    return config.keys;
}

/* ---- the call ---- */

static void turn(struct bus *bus)
{
    struct pollfd ready = {.fd = bus_descriptor(bus), .events = POLLIN};
    if (!bus_turn(bus))
        poll(&ready, 1, TURN_MS);
}

static void connect_service(struct bus *bus, const struct options *options, struct arena *arena)
{
    size_t len = strcspn(options->method, ".");
    if (len == 0 || options->method[len] == '\0')
        die(EX_USAGE, "'%s' is no method: a service's name, a dot, and what it is to do, like user.find",
            options->method);
    const char *folder = getenv("BUS_DIR");
    if (folder == NULL || *folder == '\0')
        folder = "/run/backend";
    const char *endpoint = options->endpoint;
    if (endpoint == NULL)
        endpoint = arena_printf(arena, "ipc://%s/%.*s", folder, (int)len, options->method).ptr;
    const char *service = arena_printf(arena, "%.*s", (int)len, options->method).ptr;
    if (bus_connect(bus, 0, service, endpoint) != OK)
        exit(EX_USAGE); /* why is logged */
    int64_t deadline_ms = clock_now_ms() + options->timeout_ms;
    while (!bus_is_connected(bus, 0)) {
        if (clock_now_ms() > deadline_ms)
            die(EX_UNAVAILABLE, "nobody answers at %s: does the stack run? (make status; BUS_DIR)", endpoint);
        turn(bus);
    }
}

/* Where the reply goes. */
struct outcome {
    bool is_there;
    enum error error;
    struct buffer json;
};

static void on_reply(void *context, const struct bus_reply *reply)
{
    struct outcome *outcome = context;
    outcome->is_there = true;
    outcome->error = reply->error;
    if (reply->body.len > 0 && !json_from_pack(reply->body, &outcome->json))
        die(EX_PROTOCOL, "the answer is broken");
}

/* What the services' logs and the audit trail know the request by: whose shell it came from. */
static struct str request_id(struct arena *arena)
{
    const struct passwd *person = getpwuid(getuid());
    if (person == NULL || strlen(person->pw_name) > 32)
        return arena_printf(arena, "operator:%lld", (long long)getuid());
    return arena_printf(arena, "operator:%s", person->pw_name);
}

static void ask(struct bus *bus, const struct options *options, struct arena *arena, struct str arguments,
                struct outcome *outcome)
{
    const struct bus_request request = {.method = str_from(options->method),
                                        .caller = {.id = options->id, .role = str_from(options->role)},
                                        .request_id = request_id(arena),
                                        .arguments = arguments,
                                        .timeout_ms = options->timeout_ms};
    enum error error = bus_call(bus, 0, &request, on_reply, outcome, NULL);
    if (error != OK)
        die(EX_UNAVAILABLE, "%s", error_message(error));
    while (!outcome->is_there)
        turn(bus);
}

static int tell(const struct outcome *outcome)
{
    struct str json = buffer_str(&outcome->json);
    if (outcome->error == OK) {
        printf("%.*s%s", STR_ARGS(json), json.len > 0 ? "\n" : "");
        return EX_OK;
    }
    if (json.len > 0 && !str_equal(json, STR("null")))
        fprintf(stderr, "call: %s: %.*s\n", error_code(outcome->error), STR_ARGS(json));
    else
        fprintf(stderr, "call: %s: %s\n", error_code(outcome->error), error_message(outcome->error));
    bool is_away = outcome->error == ERROR_UNAVAILABLE || outcome->error == ERROR_TIMEOUT;
    return is_away ? EX_UNAVAILABLE : EX_REFUSED;
}

int main(int argc, char **argv)
{
    struct options options = read_options(argc, argv);
    struct arena *arena = arena_new();
    struct buffer arguments = {0};
    struct outcome outcome = {0};
    log_init("call", LOG_ERROR, LOG_TEXT);
    pack_arguments(&options, arena, &arguments);
    struct wire_keys *keys = read_keys(argv);
    struct bus *bus = bus_new(keys);
    connect_service(bus, &options, arena);
    ask(bus, &options, arena, buffer_str(&arguments), &outcome);
    int status = tell(&outcome);
    bus_destroy(&bus);
    wire_keys_destroy(&keys);
    buffer_free(&outcome.json);
    buffer_free(&arguments);
    arena_destroy(&arena);
    return fflush(stdout) == 0 ? status : EX_IOERR;
}
