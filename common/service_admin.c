/* A service's admin port: whether it is alive, and whether it is ready, with each thing that this depends on. */
#include "common/json.h"
#include "common/service_internal.h"

enum { MAX_DEPENDENCIES = 1 + 2 * BUS_MAX_TARGETS };

/* ---- what it depends on ---- */

static struct dependency database(const struct service *service)
{
    struct dependency database = {.name = STR("database"), .is_needed = true};
    (void)db_is_writable(service->db, &database.why_not);
    return database;
}

static struct dependency other_service(const struct service *service, const struct connection_to *connection)
{
    return (struct dependency){.name = str_from(connection->name),
                               .is_needed = (service->definition->needs >> connection->target & 1) != 0,
                               .why_not = bus_is_connected(service->bus, connection->target) ? NULL : "not connected"};
}

static size_t list_dependencies(const struct service *service, struct dependency out[MAX_DEPENDENCIES])
{
    size_t count = 0;
    out[count++] = database(service);
    for (size_t i = 0; i < service->connection_count; i++)
        out[count++] = other_service(service, &service->connections[i]);
    return count + service_subscriptions(service, out + count, MAX_DEPENDENCIES - count);
}

bool service_is_ready(const struct service *service, const char **why_not)
{
    if (service->is_draining) {
        *why_not = "it is being stopped";
        return false;
    }
    struct dependency dependencies[MAX_DEPENDENCIES];
    size_t count = list_dependencies(service, dependencies);
    for (size_t i = 0; i < count; i++) {
        if (dependencies[i].is_needed && dependencies[i].why_not != NULL) {
            *why_not = i == 0 ? dependencies[i].why_not : "a service it needs cannot be reached";
            return false;
        }
    }
    return true;
}

/* ---- the pages ---- */

static void append_why_not(struct buffer *out, const char *why_not)
{
    buffer_append_str(out, STR("\"whyNot\":"));
    json_append_string(out, str_from(why_not));
}

static void append_dependency(struct buffer *out, const struct dependency *dependency)
{
    json_append_string(out, dependency->name);
    buffer_append_str(out, dependency->why_not == NULL ? STR(":{\"ready\":true") : STR(":{\"ready\":false"));
    if (!dependency->is_needed)
        buffer_append_str(out, STR(",\"optional\":true"));
    if (dependency->why_not != NULL) {
        buffer_append_char(out, ',');
        append_why_not(out, dependency->why_not);
    }
    buffer_append_char(out, '}');
}

static bool write_health(void *context, struct buffer *out)
{
    (void)context;
    buffer_append_str(out, STR("{\"status\":\"ok\"}"));
    return true;
}

static bool write_readiness(void *context, struct buffer *out)
{
    const struct service *service = context;
    const char *why_not = NULL;
    bool is_ready = service_is_ready(service, &why_not);
    struct dependency dependencies[MAX_DEPENDENCIES];
    size_t count = list_dependencies(service, dependencies);
    buffer_append_str(out, is_ready ? STR("{\"ready\":true,") : STR("{\"ready\":false,"));
    if (!is_ready) {
        append_why_not(out, why_not);
        buffer_append_char(out, ',');
    }
    buffer_append_str(out, STR("\"dependencies\":{"));
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_append_char(out, ',');
        append_dependency(out, &dependencies[i]);
    }
    buffer_append_str(out, STR("}}"));
    return is_ready;
}

/* ---- its life ---- */

bool service_open_admin(struct service *service)
{
    static const char json[] = "application/json; charset=utf-8";
    static const struct admin_page pages[] = {
        {"/healthz", json, write_health},
        {"/readyz", json, write_readiness},
        {"/metrics", METRICS_TYPE, service_write_metrics},
        {0},
    };
    const struct config_common *config = &service->config->common;
    if (config->admin_port == 0)
        return true;
    service_open_measures(service);
    service->admin = admin_open(service->loop, config->admin_host, config->admin_port, pages, service);
    return service->admin != NULL;
}
