/* The auth service: its settings and its methods. */
#include "services/auth/auth.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "common/allocate.h"
#include "common/log.h"

/* ---- settings ---- */

#define AT(member) offsetof(struct auth_config, member)

static const struct setting settings[] = {
    {"USER_ENDPOINTS", SETTING_STRING, "", 0, 0, NULL, AT(user_endpoints),
     "where the user service answers, comma-separated (default: its socket in BUS_DIR)"},
    {"USER_FEED_ENDPOINTS", SETTING_STRING, "", 0, 0, NULL, AT(user_feed_endpoints), "where it tells of events, alike"},
    TOKEN_SETTINGS(struct auth_config, tokens),
    {"JWT_TTL_S", SETTING_INTEGER, "86400", 1, 31536000, NULL, AT(jwt_ttl_s), "seconds an access token is good for"},
    {"REFRESH_TTL_S", SETTING_INTEGER, "2592000", 60, 31536000, NULL, AT(refresh_ttl_s),
     "seconds a session lives on without a refresh"},
    {"SESSION_TTL_S", SETTING_INTEGER, "7776000", 60, 315360000, NULL, AT(session_ttl_s),
     "seconds after which a session ends, refreshed or not"},
    {"SESSIONS_PER_USER", SETTING_INTEGER, "100", 1, 1000, NULL, AT(sessions_per_user),
     "sessions a user may have; the oldest gives way to one more"},
    {"PASSWORD_MEMORY_KIB", SETTING_INTEGER, "19456", 8, 1048576, NULL, AT(password_cost.memory_kib),
     "memory that hashing one password takes"},
    {"PASSWORD_ITERATIONS", SETTING_INTEGER, "2", 1, 100, NULL, AT(password_cost.iterations),
     "passes over that memory"},
    {"PASSWORD_MIN_LENGTH", SETTING_INTEGER, "6", 6, 1024, NULL, AT(password_min_length),
     "characters that a new password has at least"},
    {"PASSWORD_CHECK_COMMON", SETTING_BOOLEAN, "false", 0, 0, NULL, AT(password_check_common),
     "whether the 10,000 most common passwords are refused"},
    {"HASH_QUEUE", SETTING_INTEGER, "256", 1, 100000, NULL, AT(hash_queue),
     "passwords that may wait to be hashed; more are refused"},
    THROTTLE_SETTINGS(struct auth_config, limits),
    MAIL_SETTINGS(struct auth_config, mail),
    {"REQUIRE_VERIFIED_EMAIL", SETTING_BOOLEAN, "false", 0, 0, NULL, AT(require_verified_email),
     "whether nobody logs in before their email is verified"},
    {"RETENTION_INTERVAL_S", SETTING_INTEGER, "300", 1, 86400, NULL, AT(retention_interval_s),
     "how often what is over is removed: sessions, tokens, counts, old entries of the audit trail"},
    {"AUDIT_RETENTION_DAYS", SETTING_INTEGER, "365", 1, 36500, NULL, AT(audit_retention_days),
     "how long entries of the audit trail are kept"},
};

static void check_config(void *memory)
{
    enum { DEVELOPMENT = 0 };
    struct auth_config *config = memory;
    mail_check_config(&config->mail);
    config->keys = token_keys_load(&config->tokens, TOKEN_SIGNS, config->service.common.environment == DEVELOPMENT);
}

/* ---- methods ---- */

#define METHODS "proto/methods/auth.def"
#include "proto/handlers.h"

/* ---- its life ---- */

static bool start(struct service *service)
{
    const struct auth_config *config = service_config(service);
    loop_set_work_limit(service_loop(service), (size_t)config->hash_queue);
    if (!proto_fits() || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return false;
    struct auth *auth = allocate(sizeof *auth);
    auth->mailer = mailer_new(service, &config->mail);
    auth->retention = retention_new(service, config->retention_interval_s);
    service_set_state(service, auth);
    return service_connect(service, SERVICE_user, "user", config->user_endpoints) &&
           service_subscribe(service, &user_events, config->user_feed_endpoints);
}

static void stop(struct service *service)
{
    const struct auth_config *config = service_config(service);
    struct token_keys *keys = config->keys;
    struct mail_templates *templates = config->mail.templates;
    struct auth *auth = service_state(service);
    retention_destroy(&auth->retention);
    mailer_destroy(&auth->mailer);
    free(auth);
    mail_templates_destroy(&templates);
    token_keys_destroy(&keys);
    curl_global_cleanup();
}

int main(int argc, char **argv)
{
    static const struct service_definition definition = {
        .name = "auth",
        .summary = "credentials and access tokens",
        .target = SERVICE_auth,
        .needs = 1U << SERVICE_user,
        .schema = "auth",
        .counts_tries = true,
        .may_call = proto_may_call,
        .is_repeatable = proto_is_repeatable,
        .handlers = handlers,
        .handler_count = sizeof handlers / sizeof *handlers,
        .statements = sql_all,
        .statement_count = SQL_COUNT,
        .settings = settings,
        .setting_count = sizeof settings / sizeof *settings,
        .config_size = sizeof(struct auth_config),
        .check_config = check_config,
        .measure = mailer_measure,
        .start = start,
        .stop = stop,
    };
    return service_run(&definition, argc, argv);
}
