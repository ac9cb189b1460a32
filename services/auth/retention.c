/* Small batches, so that no statement holds many locks; rows that another copy of the service removes are passed over.
 */
#include "services/auth/retention.h"

#include <stdlib.h>

#include "common/allocate.h"
#include "common/log.h"
#include "common/tries.h"
#include "services/auth/auth.h"

enum { BATCH = 500, FIRST_LOOK_MS = 1000, TIME_MS = 60000 };

struct retention {
    struct service *service;
    struct loop_timer *timer;
};

/* ---- what is over ---- */

static enum error prune(struct call *call, const struct statement *statement, int64_t days)
{
    const struct db_value values[] = {DB_INTEGER(BATCH), DB_INTEGER(days)};
    int64_t removed, total = 0;
    do {
        struct db_result result;
        TRY(call_query_values(call, statement, &result, values, statement->parameters));
        removed = db_integer(&result, 0, 0);
        total += removed;
    } while (removed == BATCH && !service_is_stopping(call->service));
    if (total > 0)
        log_info("removed what is over", LOG_Z("statement", statement->name), LOG_I("rows", total));
    return OK;
}

/* ---- registrations that broke off ---- */

static enum error settle(struct call *call, int64_t user_id)
{
    struct principal person;
    struct db_result result;
    enum error error = call_service(call, &user_principal_method, &(struct user_ref){.user_id = user_id}, &person);
    if (error == ERROR_USER_NOT_FOUND)
        return call_query(call, &sql_credential_delete, &result, DB_INTEGER(user_id));
    TRY(error);
    return call_query(call, &sql_credential_confirm, &result, DB_INTEGER(user_id));
}

/* By then no registration is under way that could still bring the person. */
static enum error settle_pending(struct call *call)
{
    struct db_result pending;
    TRY(call_query(call, &sql_credential_pending, &pending, DB_INTEGER(BATCH)));
    for (size_t i = 0; i < pending.rows; i++)
        TRY(settle(call, db_integer(&pending, i, 0)));
    return OK;
}

/* ---- all of it ---- */

static void tidy(struct call *call)
{
    const struct auth_config *config = service_config(call->service);
    static const struct statement *const statements[] = {&sql_session_prune, &sql_mail_token_prune, &sql_mail_prune,
                                                         &tries_sql_throttle_prune, &sql_audit_prune};
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        enum error error = prune(call, statements[i], config->audit_retention_days);
        if (error != OK)
            log_warn("what is over stays for now", LOG_Z("statement", statements[i]->name),
                     LOG_Z("reason", error_message(error)));
    }
    enum error error = settle_pending(call);
    if (error != OK)
        log_warn("passwords without a person stay for now", LOG_Z("reason", error_message(error)));
}

static void on_time(void *context)
{
    struct retention *retention = context;
    if (db_is_ready(service_db(retention->service), NULL))
        (void)service_spawn(retention->service, TIME_MS, tidy);
}

struct retention *retention_new(struct service *service, int64_t interval_s)
{
    struct retention *retention = allocate(sizeof *retention);
    retention->service = service;
    retention->timer = loop_timer_new(service_loop(service), on_time, retention);
    loop_timer_start(retention->timer, FIRST_LOOK_MS, interval_s * 1000);
    return retention;
}

void retention_destroy(struct retention **retention)
{
    if (*retention == NULL)
        return;
    loop_timer_destroy(&(*retention)->timer);
    free(*retention);
    *retention = NULL;
}
