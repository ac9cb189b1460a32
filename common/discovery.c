/* Endpoints to addresses: which hosts there are, and what changed since they were last resolved. */
#include "common/discovery.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/allocate.h"
#include "common/log.h"
#include "common/resolver.h"

/* A host of an endpoint; its number is the resolver's. */
struct host {
    unsigned target;
    char port[6];
    struct resolved resolved; /* as far as the handlers know */
};

struct discovery {
    struct discovery_handlers handlers;
    struct resolver *resolver;
    struct host hosts[RESOLVER_MAX_HOSTS];
    size_t host_count;
};

struct discovery *discovery_new(const struct discovery_handlers *handlers)
{
    struct discovery *discovery = allocate(sizeof *discovery);
    discovery->handlers = *handlers;
    discovery->resolver = resolver_new();
    return discovery;
}

void discovery_destroy(struct discovery **discovery)
{
    if (*discovery == NULL)
        return;
    resolver_destroy(&(*discovery)->resolver);
    free(*discovery);
    *discovery = NULL;
}

/* ---- endpoints ---- */

struct endpoint {
    char text[DISCOVERY_MAX_ADDRESS];
    char host[DISCOVERY_MAX_ADDRESS]; /* "" = the text is an address */
    char port[6];
};

static enum error refuse(const char *list)
{
    log_error("not a comma-separated list of ipc://PATH and tcp://HOST:PORT", LOG_Z("endpoints", list));
    return ERROR_MALFORMED;
}

static bool is_address(const char *host)
{
    struct in_addr address;
    return *host == '[' || inet_pton(AF_INET, host, &address) == 1;
}

static bool is_host(const char *host)
{
    size_t len = strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
    return len > 0 && host[len] == '\0';
}

/* HOST:PORT, from behind tcp://. */
static bool split(struct endpoint *endpoint, const char *rest)
{
    const char *colon = strrchr(rest, ':');
    int64_t port;
    if (colon == NULL || strlen(colon + 1) >= sizeof endpoint->port || !str_to_int64(str_from(colon + 1), &port) ||
        port < 1 || port > 65535)
        return false;
    snprintf(endpoint->host, sizeof endpoint->host, "%.*s", (int)(colon - rest), rest);
    snprintf(endpoint->port, sizeof endpoint->port, "%d", (int)port);
    if (is_address(endpoint->host))
        *endpoint->host = '\0';
    else if (!is_host(endpoint->host))
        return false;
    return true;
}

static bool read_endpoint(struct endpoint *endpoint)
{
    static const struct str ipc = {"ipc://", 6}, tcp = {"tcp://", 6};
    struct str text = str_from(endpoint->text);
    *endpoint->host = '\0';
    if (str_starts_with(text, ipc))
        return text.len > ipc.len;
    return str_starts_with(text, tcp) && split(endpoint, endpoint->text + tcp.len);
}

/* Takes the next endpoint of the list from *at on, which then stands at its end or behind the comma. */
static bool next_endpoint(const char **at, struct endpoint *endpoint)
{
    *at += strspn(*at, " ");
    size_t len = strcspn(*at, ", ");
    if (len == 0 || len >= sizeof endpoint->text)
        return false;
    memcpy(endpoint->text, *at, len);
    endpoint->text[len] = '\0';
    *at += len;
    *at += strspn(*at, " ");
    bool goes_on = **at == ',';
    if (!goes_on && **at != '\0')
        return false;
    *at += goes_on;
    return read_endpoint(endpoint) && (!goes_on || **at != '\0');
}

static enum error add_host(struct discovery *discovery, unsigned target, const struct endpoint *endpoint)
{
    if (discovery->host_count == RESOLVER_MAX_HOSTS) {
        log_error("too many hosts", LOG_Z("endpoint", endpoint->text), LOG_I("most", RESOLVER_MAX_HOSTS));
        return ERROR_MALFORMED;
    }
    struct host *host = &discovery->hosts[resolver_add(discovery->resolver, endpoint->host)];
    host->target = target;
    memcpy(host->port, endpoint->port, sizeof host->port);
    discovery->host_count++;
    return OK;
}

enum error discovery_add(struct discovery *discovery, unsigned target, const char *endpoints)
{
    const struct discovery_handlers *handlers = &discovery->handlers;
    struct endpoint endpoint;
    for (const char *at = endpoints; at == endpoints || *at != '\0';)
        if (!next_endpoint(&at, &endpoint))
            return refuse(endpoints);
    for (const char *at = endpoints; *at != '\0';) {
        (void)next_endpoint(&at, &endpoint);
        TRY(*endpoint.host != '\0' ? add_host(discovery, target, &endpoint)
                                   : handlers->on_come(handlers->context, target, endpoint.text));
    }
    return OK;
}

/* ---- what changed ---- */

static bool has(const struct resolved *resolved, const char *address)
{
    for (size_t i = 0; i < resolved->count; i++)
        if (strcmp(resolved->addresses[i], address) == 0)
            return true;
    return false;
}

static void write_address(char out[DISCOVERY_MAX_ADDRESS], const struct host *host, const char *ip)
{
    bool is_ipv6 = strchr(ip, ':') != NULL;
    snprintf(out, DISCOVERY_MAX_ADDRESS, is_ipv6 ? "tcp://[%s]:%s" : "tcp://%s:%s", ip, host->port);
}

/* New ones come before old ones go. */
static void update(struct discovery *discovery, struct host *host, const struct resolved *now)
{
    const struct discovery_handlers *handlers = &discovery->handlers;
    const struct resolved before = host->resolved;
    char address[DISCOVERY_MAX_ADDRESS];
    host->resolved = *now;
    for (size_t i = 0; i < now->count; i++) {
        write_address(address, host, now->addresses[i]);
        if (!has(&before, now->addresses[i]))
            (void)handlers->on_come(handlers->context, host->target, address);
    }
    for (size_t i = 0; i < before.count; i++) {
        write_address(address, host, before.addresses[i]);
        if (!has(now, before.addresses[i]))
            handlers->on_go(handlers->context, host->target, address);
    }
}

void discovery_turn(struct discovery *discovery)
{
    resolver_heed(discovery->resolver);
    for (size_t i = 0; i < discovery->host_count; i++) {
        struct resolved now;
        resolver_get(discovery->resolver, i, &now);
        update(discovery, &discovery->hosts[i], &now);
    }
}

int discovery_descriptor(const struct discovery *discovery)
{
    return resolver_descriptor(discovery->resolver);
}

void discovery_hurry(struct discovery *discovery)
{
    if (discovery->host_count > 0)
        resolver_hurry(discovery->resolver);
}
