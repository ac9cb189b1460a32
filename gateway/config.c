/* The table of settings, and the rules that span them. */
#include "gateway/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/allocate.h"
#include "common/healthcheck.h"
#include "gateway/cors.h"
#include "gateway/proxies.h"
#include "gateway/routes_print.h"

#define AT(member) offsetof(struct gateway_config, member)

static const struct setting settings[] = {
    COMMON_SETTINGS(struct gateway_config, common),
    {"BACKEND_PORT", SETTING_INTEGER, "0", 0, 65535, NULL, AT(port), "port to listen on; 0 = PORT"},
    {"PORT", SETTING_INTEGER, "3001", 1, 65535, NULL, AT(port_fallback),
     "port to listen on where BACKEND_PORT is not set"},
    {"BACKEND_HOST", SETTING_STRING, "0.0.0.0", 1, 45, NULL, AT(host), "address to listen on, IPv4 or IPv6"},
    {"GATEWAY_THREADS", SETTING_INTEGER, "0", 0, 64, NULL, AT(threads),
     "event loops; 0 = half the cores, and at least 2"},
    TOKEN_SETTINGS(struct gateway_config, tokens),
    {"CORS_ORIGIN", SETTING_STRING, "http://localhost:8080,http://localhost:3000", 0, 0, NULL, AT(cors_origin),
     "origins whose pages may read replies, comma-separated"},
    {"TRUSTED_PROXIES", SETTING_STRING, "", 0, 0, NULL, AT(trusted_proxies),
     "addresses and networks (192.0.2.0/24) of proxies whose X-Forwarded-For is believed, comma-separated"},
    {"BUS_DIR", SETTING_STRING, "/run/backend", 1, 90, NULL, AT(bus_dir), "folder of the services' sockets"},
    WIRE_KEY_SETTINGS(struct gateway_config, bus_key),
#define SERVICE(name, NAME)                                                                                            \
    {#NAME "_ENDPOINTS",                                                                                               \
     SETTING_STRING,                                                                                                   \
     "",                                                                                                               \
     0,                                                                                                                \
     0,                                                                                                                \
     NULL,                                                                                                             \
     AT(endpoints[SERVICE_##name]),                                                                                    \
     "default ipc://$BUS_DIR/" #name},
#include "proto/services.def"
#undef SERVICE
    {"AUTH_FEED_ENDPOINTS", SETTING_STRING, "", 0, 0, NULL, AT(feed_endpoints[SERVICE_auth]),
     "default ipc://$BUS_DIR/auth.feed"},
    {"USER_FEED_ENDPOINTS", SETTING_STRING, "", 0, 0, NULL, AT(feed_endpoints[SERVICE_user]),
     "default ipc://$BUS_DIR/user.feed"},
    {"REQUEST_TIMEOUT_MS", SETTING_INTEGER, "5000", 10, 600000, NULL, AT(request_timeout_ms),
     "how long services have for a request"},
    {"MAX_PENDING_CALLS", SETTING_INTEGER, "1024", 1, 16384, NULL, AT(max_pending_calls),
     "requests of a thread that may wait for one service; more are refused at once"},
    {"READ_TIMEOUT_MS", SETTING_INTEGER, "10000", 100, 600000, NULL, AT(read_timeout_ms),
     "how long a client has for a request's head and body"},
    {"WRITE_TIMEOUT_MS", SETTING_INTEGER, "30000", 100, 600000, NULL, AT(write_timeout_ms),
     "how long a client has to take a reply"},
    {"KEEP_ALIVE_MS", SETTING_INTEGER, "60000", 1000, 3600000, NULL, AT(keep_alive_ms),
     "how long a connection may lie idle"},
    {"MAX_CONNECTIONS", SETTING_INTEGER, "10000", 1, 1000000, NULL, AT(max_connections),
     "connections at a time, over all threads; those that lie idle give way"},
    {"DRAIN_NOTICE_MS", SETTING_INTEGER, "1000", 0, 600000, NULL, AT(drain_notice_ms),
     "how long a stop goes on accepting while it is not ready, for balancers and clients to notice"},
    {"DRAIN_MS", SETTING_INTEGER, "8000", 0, 600000, NULL, AT(drain_ms),
     "how long a stop may take in all, until requests under way are given up"},
    {"SHARE_PORT", SETTING_BOOLEAN, "false", 0, 0, NULL, AT(share_port),
     "other gateways may listen on the port too: one serves while another restarts"},
    {"HTTP2", SETTING_BOOLEAN, "false", 0, 0, NULL, AT(http2), "HTTP/2 with prior knowledge, on clear text"},
};

/* ipc://$BUS_DIR/name, for the life of the process */
static const char *default_endpoint(const char *folder, const char *name)
{
    size_t size = strlen("ipc://") + strlen(folder) + 1 + strlen(name) + 1;
    char *endpoint = allocate(size);
    snprintf(endpoint, size, "ipc://%s/%s", folder, name);
    return endpoint;
}

static void settle_feeds(struct gateway_config *config)
{
    const char **endpoints = config->feed_endpoints;
    if (*endpoints[SERVICE_auth] == '\0')
        endpoints[SERVICE_auth] = default_endpoint(config->bus_dir, "auth.feed");
    if (*endpoints[SERVICE_user] == '\0')
        endpoints[SERVICE_user] = default_endpoint(config->bus_dir, "user.feed");
}

static int64_t default_threads(void)
{
    enum { LEAST = 2 };
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores / 2 > LEAST ? cores / 2 : LEAST;
}

static void check_cors_origin(const struct gateway_config *config)
{
    struct cors *cors = cors_new(config->cors_origin);
    if (cors == NULL)
        config_mistake("CORS_ORIGIN",
                       "is not a list of origins like https://app.example.org (a * is not possible: replies "
                       "allow credentials)");
    cors_destroy(&cors);
}

static void check_trusted_proxies(const struct gateway_config *config)
{
    struct str mistake;
    struct proxies *proxies = proxies_new(config->trusted_proxies, &mistake);
    if (proxies == NULL)
        config_mistake("TRUSTED_PROXIES", "'%.*s' is no IP address, nor a network like 192.0.2.0/24 or 2001:db8::/32",
                       STR_ARGS(mistake));
    proxies_destroy(&proxies);
}

static void check(void *memory)
{
    enum { DEVELOPMENT = 0 };
    struct gateway_config *config = memory;
    if (config->port == 0)
        config->port = config->port_fallback;
    if (config->threads == 0)
        config->threads = default_threads();
    for (enum proto_service service = 0; service < SERVICE_COUNT; service++)
        if (*config->endpoints[service] == '\0')
            config->endpoints[service] = default_endpoint(config->bus_dir, proto_service_name(service));
    settle_feeds(config);
    config->bus_keys = wire_keys_load(&config->bus_key, "gateway");
    wire_keys_check(config->bus_keys, settings, sizeof settings / sizeof *settings, config);
    config->keys = token_keys_load(&config->tokens, TOKEN_VERIFIES, config->common.environment == DEVELOPMENT);
    if (config->common.admin_port == config->port)
        config_mistake("ADMIN_PORT", "is the API's port too; choose another");
    check_cors_origin(config);
    check_trusted_proxies(config);
}

static int check_health(const void *memory)
{
    const struct gateway_config *config = memory;
    return healthcheck(&config->common);
}

static void print_routes(void)
{
    routes_print(stdout);
}

void gateway_config_load(int argc, char **argv, struct gateway_config *config)
{
    static const struct config_program program = {
        .name = "gateway",
        .summary = "speaks HTTP with clients, and passes each request to the service that serves it",
        .settings = settings,
        .setting_count = sizeof settings / sizeof *settings,
        .check = check,
        .healthcheck = check_health,
        .print_flag = "--routes",
        .print_help = "print every route: who may call it, and what it can answer",
        .print = print_routes,
    };
    config_load(&program, argc, argv, config);
}
