/* Where events of another service were lost: asking it for everybody whom we know, a page at a time, and handling what
 * it would have told of those who are not there any more. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "common/log.h"
#include "common/service_internal.h"

/* TOO_MANY: where so many in a row are gone and nobody else is there, it is the other's data that was lost. */
enum { PAGE = 100, PAGE_TIME_MS = 10000, TOO_MANY = 50 };

/* Of a message that has it: the subscription names its method by what it takes and answers. */
static const struct field *field_named(const struct message *message, const char *name)
{
    size_t i = 0;
    while (i < message->field_count && strcmp(message->fields[i].name, name) != 0)
        i++;
    assert(i < message->field_count);
    return &message->fields[i];
}

static const void *question(struct call *call, const struct message *message, const struct integers *ids)
{
    const struct field *field = field_named(message, "ids");
    char *in = memset(arena_alloc(call->arena, message->struct_size), 0, message->struct_size);
    memcpy(in + field->offset, ids, sizeof *ids);
    memcpy(in + field->has_offset, &(bool){true}, sizeof(bool));
    return in;
}

static bool is_among(const struct call_list *found, const struct message *message, int64_t id)
{
    const char *rows = found->rows;
    size_t offset = field_named(message, "id")->offset;
    for (size_t i = 0; i < found->count; i++)
        if (memcmp(rows + i * message->struct_size + offset, &id, sizeof id) == 0)
            return true;
    return false;
}

static enum error handle_gone(struct call *call, const struct subscription *subscription, int64_t id)
{
    log_warn("is gone, and nobody told", LOG_Z("publisher", subscription->publisher), LOG_I("id", id));
    const struct event event = {.name = str_from(subscription->reconciliation.gone),
                                .body = arena_printf(call->arena, "{\"userId\":%" PRId64 "}", id)};
    return service_handle_event(call, subscription, &event);
}

static enum error check_page(struct call *call, const struct subscription *subscription, const struct integers *known)
{
    const struct method *find = subscription->reconciliation.find;
    struct call_list found;
    TRY(call_service_list(call, find, question(call, find->in, known), &found));
    if (found.count == 0 && known->count >= TOO_MANY) {
        log_error("of those whom we know nobody is there: nothing of them is removed",
                  LOG_Z("publisher", subscription->publisher), LOG_I("known", known->count));
        return OK;
    }
    for (size_t i = 0; i < known->count; i++)
        if (!is_among(&found, find->out, known->values[i]))
            TRY(handle_gone(call, subscription, known->values[i]));
    return OK;
}

/* Those known after *after, of whom the last becomes *after; *more tells whether there may be others. */
static enum error reconcile_page(struct call *call, const struct subscription *subscription, int64_t *after, bool *more)
{
    struct db_result result;
    TRY(call_query(call, subscription->reconciliation.known, &result, DB_INTEGER(*after), DB_INTEGER(PAGE)));
    *more = result.rows == PAGE;
    if (result.rows == 0)
        return OK;
    int64_t *ids = arena_alloc(call->arena, result.rows * sizeof *ids);
    for (size_t i = 0; i < result.rows; i++)
        ids[i] = db_integer(&result, i, 0);
    TRY(check_page(call, subscription, &(struct integers){ids, result.rows}));
    *after = ids[result.rows - 1];
    return OK;
}

/* Each page in a call of its own: however many there are, memory and time are one page's. */
enum error service_reconcile(struct service *service, const struct subscription *subscription)
{
    enum error error = OK;
    bool more = subscription->reconciliation.known != NULL;
    for (int64_t after = 0; more && error == OK;) {
        struct call call = {.service = service, .arena = arena_new(), .deadline_ms = loop_now_ms() + PAGE_TIME_MS};
        error = service->is_draining ? ERROR_UNAVAILABLE : reconcile_page(&call, subscription, &after, &more);
        buffer_free(&call.body);
        arena_destroy(&call.arena);
    }
    return error;
}
