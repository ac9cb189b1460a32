/* The audit trail: what was done to accounts, by whom, from where; and admins who read it. */
#include "common/log.h"
#include "services/auth/auth.h"

enum { PAGE_LIMIT = 100 };

static struct db_value id_or_null(int64_t id)
{
    return DB_OPTIONAL(id != 0, DB_INTEGER(id));
}

void audit(struct call *call, const char *action, int64_t user_id)
{
    struct db_result result;
    enum error error = call_query(call, &sql_audit_add, &result, DB_TEXT(str_from(action)), id_or_null(call->caller.id),
                                  id_or_null(user_id), DB_TEXT(call->client.address), DB_TEXT(call->request_id));
    if (error != OK)
        log_error("not in the audit trail", LOG_Z("action", action), LOG_I("actor_id", call->caller.id),
                  LOG_I("user_id", user_id), LOG_S("address", call->client.address),
                  LOG_S("request_id", call->request_id), LOG_Z("reason", error_message(error)));
}

/* ---- reading ---- */

/* Each combination of filters has an index of its own, so each has a statement of its own. */
static enum error query_page(struct call *call, const struct audit_page *in, int64_t limit, struct db_result *result)
{
    struct db_value before = DB_INTEGER(in->has_after ? in->after : INT64_MAX), most = DB_INTEGER(limit);
    if (in->has_user_id && in->has_action)
        return call_query(call, &sql_audit_list_of_both, result, before, most, DB_INTEGER(in->user_id),
                          DB_TEXT(in->action));
    if (in->has_user_id)
        return call_query(call, &sql_audit_list_of_user, result, before, most, DB_INTEGER(in->user_id));
    if (in->has_action)
        return call_query(call, &sql_audit_list_of_action, result, before, most, DB_TEXT(in->action));
    return call_query(call, &sql_audit_list, result, before, most);
}

/* One entry more than the page holds is asked for: it says that another page follows. */
enum error audit_list(struct call *call, const struct audit_page *in)
{
    int64_t limit = in->has_limit ? in->limit : PAGE_LIMIT;
    struct db_result result;
    TRY(query_page(call, in, limit + 1, &result));
    bool has_next = result.rows > (size_t)limit;
    size_t shown = has_next ? (size_t)limit : result.rows;
    struct audit_view view = {0};
    call_list_open(call);
    for (size_t i = 0; i < shown; i++) {
        db_decode(&result, i, &audit_view_message, &view);
        call_list_add(call, &view);
    }
    return call_list_end(call, has_next ? view.id : 0);
}
