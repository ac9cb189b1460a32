/* The settings every service has, named after it, and what follows from them: where it listens, which database. */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "common/allocate.h"
#include "common/healthcheck.h"
#include "common/log.h"
#include "common/service_internal.h"

/* A name that begins with "_" follows the service's: ROOM_LISTEN. */
#define MEMBER(name) offsetof(struct service_config, name)
static const struct setting frame_settings[] = {
    COMMON_SETTINGS(struct service_config, common),
    {"BUS_DIR", SETTING_STRING, "/run/backend", 1, 90, NULL, MEMBER(bus_dir),
     "folder of the ipc sockets, made with mode 0700"},
    WIRE_KEY_SETTINGS(struct service_config, bus_key),
    {"_LISTEN", SETTING_STRING, "", 0, 0, NULL, MEMBER(listen),
     "where it answers, ipc://PATH or tcp://ADDRESS:PORT (default: a socket in BUS_DIR)"},
    {"_FEED_LISTEN", SETTING_STRING, "", 0, 0, NULL, MEMBER(feed_listen),
     "where it tells of events, ipc://PATH or tcp://ADDRESS:PORT (default: a socket in BUS_DIR)"},
    {"DATABASE_URL", SETTING_STRING, "", 0, 0, NULL, MEMBER(database_url), "postgresql://USER:PASSWORD@HOST:PORT/NAME"},
    {"_DATABASE_URL", SETTING_STRING, "", 0, 0, NULL, MEMBER(own_database_url), "the same for this service alone"},
    {"DB_HOST", SETTING_STRING, "", 0, 0, NULL, MEMBER(db_host),
     "instead of DATABASE_URL, with the four below (default localhost)"},
    {"DB_PORT", SETTING_STRING, "", 0, 0, NULL, MEMBER(db_port), "(default 5432)"},
    {"DB_NAME", SETTING_STRING, "", 0, 0, NULL, MEMBER(db_name), "(default backend)"},
    {"DB_USER", SETTING_STRING, "", 0, 0, NULL, MEMBER(db_user), "(default backend)"},
    {"DB_PASSWORD", SETTING_SECRET, "", 0, 0, NULL, MEMBER(db_password), "(default none)"},
    {"_DATABASE_ROLE", SETTING_STRING, "", 0, 63, NULL, MEMBER(database_role),
     "role its sessions take (default backend_ and its name)"},
    {"DB_CONNECTIONS", SETTING_INTEGER, "3", 1, 64, NULL, MEMBER(db_connections),
     "connections to the database; the first is for reads alone, if there are others"},
    {"STATEMENT_TIMEOUT_MS", SETTING_INTEGER, "3000", 100, 600000, NULL, MEMBER(statement_timeout_ms),
     "longest a statement may run"},
    {"MAX_CALLS", SETTING_INTEGER, "1024", 32, 4096, NULL, MEMBER(max_calls),
     "calls under way at a time; fewer while all of them wait long. More are refused"},
    {"DRAIN_NOTICE_MS", SETTING_INTEGER, "1000", 0, 600000, NULL, MEMBER(drain_notice_ms),
     "how long a stop goes on taking calls, for callers to find another copy"},
    {"DRAIN_MS", SETTING_INTEGER, "8000", 0, 600000, NULL, MEMBER(drain_ms),
     "how long a stop may take in all, until calls under way are given up"},
    {"EVENT_RETENTION_S", SETTING_INTEGER, "3600", 0, 31536000, NULL, MEMBER(event_retention_s),
     "how long events are kept that all subscribers have passed"},
    {"EVENT_RETENTION_MAX_S", SETTING_INTEGER, "604800", 0, 31536000, NULL, MEMBER(event_retention_max_s),
     "how long they are kept for a subscriber that does not come for them"},
};
enum { FRAME_SETTINGS = sizeof frame_settings / sizeof *frame_settings };

/* The one whose configuration is being checked: processes load once. */
static struct service *loading;

static bool is_given(const char *text)
{
    return *text != '\0';
}

/* ---- the database ---- */

/* One part of a libpq connection string, quoted. */
static void append_part(struct buffer *url, const char *keyword, const char *value, const char *fallback)
{
    if (!is_given(value))
        value = fallback;
    if (!is_given(value))
        return;
    buffer_printf(url, "%s%s='", url->len > 0 ? " " : "", keyword);
    for (; *value != '\0'; value++) {
        if (*value == '\'' || *value == '\\')
            buffer_append_char(url, '\\');
        buffer_append_char(url, *value);
    }
    buffer_append_char(url, '\'');
}

static const char *build_url(const struct service_config *config)
{
    struct buffer url = {0};
    append_part(&url, "host", config->db_host, "localhost");
    append_part(&url, "port", config->db_port, "5432");
    append_part(&url, "dbname", config->db_name, "backend");
    append_part(&url, "user", config->db_user, "backend");
    append_part(&url, "password", config->db_password, "");
    const char *copy = arena_copy(loading->memory, buffer_str(&url)).ptr;
    buffer_free(&url);
    return copy;
}

static const char *prefixed(const struct service_definition *definition, const char *suffix);

static void resolve_database(struct service_config *config)
{
    const char *source = "DATABASE_URL";
    if (is_given(config->own_database_url)) {
        source = prefixed(loading->definition, "_DATABASE_URL");
        config->database_url = config->own_database_url;
    } else if (!is_given(config->database_url)) {
        if (!is_given(config->db_host) && !is_given(config->db_port) && !is_given(config->db_name) &&
            !is_given(config->db_user) && !is_given(config->db_password)) {
            config_mistake(source, "is not set: set it, or DB_HOST, DB_PORT, DB_NAME, DB_USER and DB_PASSWORD");
            return;
        }
        source = "DB_HOST";
        config->database_url = build_url(config);
    }
    if (!db_url_is_valid(config->database_url))
        config_mistake(source,
                       "is no connection string: write postgresql://USER:PASSWORD@HOST:PORT/NAME, special characters "
                       "percent-encoded, or keyword=value pairs");
}

/* ---- names, and where it listens ---- */

/* "ROOM" and the suffix. */
static const char *prefixed(const struct service_definition *definition, const char *suffix)
{
    struct buffer name = {0};
    for (const char *at = definition->name; *at != '\0'; at++)
        buffer_append_char(&name, *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at);
    buffer_append_str(&name, str_from(suffix));
    const char *copy = arena_copy(loading->memory, buffer_str(&name)).ptr;
    buffer_free(&name);
    return copy;
}

const char *service_endpoint(const struct service *service, const char *configured, const char *leaf)
{
    if (configured != NULL && is_given(configured))
        return configured;
    return arena_printf(service->memory, "ipc://%s/%s", service->config->bus_dir, leaf).ptr;
}

/* Makes the folder, or finds it. */
static bool ensure_folder(const char *path)
{
    if (mkdir(path, 0700) == 0)
        return true;
    struct stat found;
    bool is_found = errno == EEXIST && stat(path, &found) == 0;
    if (!is_found || !S_ISDIR(found.st_mode)) {
        log_error("no folder for the socket", LOG_Z("folder", path),
                  LOG_Z("reason", is_found ? "not a folder" : strerror(errno)));
        return false;
    }
    if ((found.st_mode & 07) != 0) /* a group is what the operator made it */
        log_warn("other users can reach the sockets, and the calls are not signed: chmod o=", LOG_Z("folder", path));
    return true;
}

bool service_prepare_folder(const char *endpoint)
{
    static const char scheme[] = "ipc://";
    if (strncmp(endpoint, scheme, sizeof scheme - 1) != 0)
        return true;
    const char *path = endpoint + sizeof scheme - 1;
    const char *slash = strrchr(path, '/');
    if (*path == '@' || slash == NULL || slash == path) /* not of the file system, or of a folder that is there */
        return true;
    char folder[4096];
    assert(slash - path < (ptrdiff_t)sizeof folder);
    memcpy(folder, path, (size_t)(slash - path));
    folder[slash - path] = '\0';
    return ensure_folder(folder);
}

/* ---- loading ---- */

static int check_health(const void *memory)
{
    const struct service_config *config = memory;
    return healthcheck(&config->common);
}

static void check(void *config_)
{
    struct service_config *config = config_;
    const char *name = loading->definition->name;
    config->listen = service_endpoint(loading, config->listen, name);
    config->feed_listen =
        service_endpoint(loading, config->feed_listen, arena_printf(loading->memory, "%s.feed", name).ptr);
    if (!is_given(config->database_role))
        config->database_role = arena_printf(loading->memory, "backend_%s", name).ptr;
    resolve_database(config);
    config->keys = wire_keys_load(&config->bus_key, name);
    wire_keys_check(config->keys, loading->settings, loading->setting_count, config);
    if (config->event_retention_max_s < config->event_retention_s)
        config_mistake("EVENT_RETENTION_MAX_S", "is shorter than EVENT_RETENTION_S");
    if (loading->definition->check_config != NULL)
        loading->definition->check_config(config);
}

void service_load_config(struct service *service, int argc, char **argv)
{
    const struct service_definition *definition = service->definition;
    assert(definition->config_size >= sizeof(struct service_config));
    loading = service;
    service->config = allocate(definition->config_size);
    size_t count = FRAME_SETTINGS + definition->setting_count;
    struct setting *settings = arena_alloc(service->memory, count * sizeof *settings);
    memcpy(settings, frame_settings, sizeof frame_settings);
    for (size_t i = 0; i < FRAME_SETTINGS; i++) {
        if (*settings[i].name == '_')
            settings[i].name = prefixed(definition, settings[i].name);
    }
    if (definition->setting_count > 0)
        memcpy(settings + FRAME_SETTINGS, definition->settings, definition->setting_count * sizeof *settings);
    service->settings = settings;
    service->setting_count = count;
    const struct config_program program = {.name = definition->name,
                                           .summary = definition->summary,
                                           .settings = settings,
                                           .setting_count = count,
                                           .check = check,
                                           .healthcheck = check_health};
    config_load(&program, argc, argv, service->config);
}
