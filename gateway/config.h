/* The gateway's settings. */
#ifndef GATEWAY_CONFIG_H
#define GATEWAY_CONFIG_H

#include "common/config.h"
#include "common/token_keys.h"
#include "common/wire_keys.h"
#include "proto/proto.h"

struct gateway_config {
    struct config_common common;
    const char *host;
    int64_t port;
    int64_t port_fallback;
    int64_t threads; /* 0 = half the cores; config_check makes it a number */
    struct token_settings tokens;
    struct token_keys *keys; /* of those settings; the process's own */
    const char *cors_origin;
    const char *trusted_proxies;
    const char *bus_dir;
    struct wire_key_settings bus_key;
    struct wire_keys *bus_keys; /* of those settings; NULL = none */
    const char *endpoints[SERVICE_COUNT];
    const char *feed_endpoints[SERVICE_COUNT]; /* of those whose events the gateway heeds */
    int64_t request_timeout_ms;
    int64_t max_pending_calls;
    int64_t read_timeout_ms;
    int64_t write_timeout_ms;
    int64_t keep_alive_ms;
    int64_t max_connections;
    int64_t drain_notice_ms;
    int64_t drain_ms;
    bool http2;
    bool share_port;
};

/* Reads the environment and the command line; ends the process where that is all there is to do, or on mistakes. */
void gateway_config_load(int argc, char **argv, struct gateway_config *config);

#endif
