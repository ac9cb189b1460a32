/* A call's way from the bus to its handler, in a fiber, and back. What handlers use on the way is service_handler.c's.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/allocate.h"
#include "common/clock.h"
#include "common/fiber.h"
#include "common/log.h"
#include "common/service_internal.h"
#include "common/trace_parent.h"

enum { MAX_IDLE = 512 };

/* What one fiber does: a call from the bus, or what was spawned. Reused with its arena and buffer. */
struct task {
    struct call call;
    const struct method_handler *handler; /* NULL of what was spawned */
    struct method_stats *stats;           /* its method's */
    struct str arguments;
    void (*spawned)(struct call *call);
    int64_t begun_us;
    SLIST_ENTRY(task) link;
};

/* ---- tasks ---- */

static struct task *take_task(struct service *service)
{
    struct task *task = SLIST_FIRST(&service->idle);
    if (task == NULL) {
        task = allocate(sizeof *task);
        task->call.arena = arena_new();
        task->call.service = service;
    } else {
        SLIST_REMOVE_HEAD(&service->idle, link);
        service->idle_count--;
    }
    counter_set(&service->stats.active, ++service->active);
    task->begun_us = clock_now_us();
    return task;
}

static void free_task(struct task *task)
{
    arena_destroy(&task->call.arena);
    buffer_free(&task->call.body);
    free(task);
}

static void give_back(struct task *task)
{
    struct service *service = task->call.service;
    struct arena *arena = task->call.arena;
    struct buffer body = task->call.body;
    arena_reset(arena);
    buffer_clear(&body);
    *task = (struct task){.call = {.service = service, .arena = arena, .body = body}};
    if (service->idle_count < MAX_IDLE) {
        SLIST_INSERT_HEAD(&service->idle, task, link);
        service->idle_count++;
    } else {
        free_task(task);
    }
    counter_set(&service->stats.active, --service->active);
    if (service->active == 0 && service->is_refusing)
        service_end_drain(service);
}

void service_free_tasks(struct service *service)
{
    struct task *task;
    while ((task = SLIST_FIRST(&service->idle)) != NULL) {
        SLIST_REMOVE_HEAD(&service->idle, link);
        free_task(task);
    }
}

/* ---- in the fiber: from the arguments to the reply ---- */

/* The field that holds what the path names; NULL where it names nothing. */
static const struct field *path_field(const struct message *message)
{
    for (size_t i = 0; i < message->field_count; i++) {
        if (message->fields[i].type == FIELD_ID)
            return &message->fields[i];
    }
    return NULL;
}

static enum error ask_guard(struct task *task, const void *in)
{
    if (task->handler->guard == NULL)
        return OK;
    size_t offset = path_field(task->call.method->in)->offset;
    return task->handler->guard(&task->call, (const struct path_id *)((const char *)in + offset));
}

/* The guard comes before the rules (CONTRACT, order): who may not touch it does not learn what it would take. */
static enum error handle(struct task *task)
{
    struct call *call = &task->call;
    const struct message *message = call->method->in;
    void *in = arena_alloc(call->arena, message->struct_size);
    struct pack_reader reader = pack_reader(task->arguments);
    struct report report;
    TRY(schema_decode(message, &reader, call->arena, in, &report));
    if (!pack_at_end(&reader))
        return ERROR_MALFORMED;
    TRY(ask_guard(task, in));
    if (report.count == 0)
        return task->handler->handle(call, in);
    if (message->invalid == ERROR_VALIDATION) {
        buffer_clear(&call->body);
        pack_array(&call->body, (uint32_t)report.count);
        for (size_t i = 0; i < report.count; i++)
            pack_string(&call->body, report.texts[i]);
        call->failure = ERROR_VALIDATION;
    }
    return message->invalid;
}

/* A handler that succeeds owes what its method promises. */
static enum error check_reply(struct call *call, enum error error)
{
    bool has_body = call->failure == OK && call->body.len > 0;
    if (error != OK || has_body == (call->method->out != NULL))
        return error;
    log_error("handler's reply is not its method's", LOG_Z("method", call->method->name));
    return ERROR_INTERNAL;
}

static void answer(const struct task *task, enum error error, int64_t took_us)
{
    const struct call *call = &task->call;
    struct bus_reply reply = {.error = error, .rate = call->rate, .timing = {took_us, call->database_us}};
    if (error == call->failure) /* OK too: the text of another error is not told */
        reply.body = buffer_str(&call->body);
    if (error == OK) {
        reply.next_after = call->next_after;
        reply.variant = call->variant;
        reply.version = call->version;
        reply.is_for_all = call->is_for_all;
    }
    bus_answer(call->service->bus, &call->origin, &reply);
}

static void log_call(const struct call *call, enum error error, int64_t took_us)
{
    LOG_LINE(error == ERROR_INTERNAL ? LOG_ERROR : LOG_DEBUG, "call", LOG_Z("method", call->method->name),
             LOG_Z("result", error_code(error)), LOG_MS("duration_ms", took_us),
             LOG_MS("database_ms", call->database_us), LOG_S("request_id", call->request_id),
             LOG_O("trace_id", trace_parent_id(call->traceparent)));
}

static void run_call(void *argument)
{
    struct task *task = argument;
    enum error error = check_reply(&task->call, handle(task));
    if (task->call.announced > 0)
        service_await_heard(task->call.service, task->call.announced);
    int64_t took_us = clock_now_us() - task->begun_us;
    if (task->call.database_us > 0)
        admission_note(&task->call.service->admission, task->call.database_us / 1000, loop_now_ms());
    counter_add(&task->stats->outcomes[error], 1);
    histogram_time(&task->stats->duration, took_us);
    answer(task, error, took_us);
    log_call(&task->call, error, took_us);
    give_back(task);
}

static void run_spawned(void *argument)
{
    struct task *task = argument;
    task->spawned(&task->call);
    give_back(task);
}

/* ---- from the bus ---- */

static int compare_handlers(const void *a, const void *b)
{
    const struct method_handler *const *left = a, *const *right = b;
    return strcmp((*left)->method->name, (*right)->method->name);
}

static void add_handler(struct service *service, const struct method_handler *handler)
{
    assert(handler->handle != NULL && handler->method->target == service->definition->target);
    assert(handler->guard == NULL || path_field(handler->method->in) != NULL);
    service->handlers[service->handler_count++] = handler;
}

void service_index_handlers(struct service *service)
{
    const struct service_definition *definition = service->definition;
    service->health_method = arena_printf(service->memory, "%s.health", definition->name);
    service->handlers = arena_alloc(service->memory, (definition->handler_count + 1) * sizeof *service->handlers);
    for (size_t i = 0; i < definition->handler_count; i++)
        add_handler(service, &definition->handlers[i]);
    if (service->events_handler.handle != NULL)
        add_handler(service, &service->events_handler);
    qsort(service->handlers, service->handler_count, sizeof *service->handlers, compare_handlers);
    service->method_stats = arena_alloc(service->memory, service->handler_count * sizeof *service->method_stats);
    for (size_t i = 1; i < service->handler_count; i++)
        assert(compare_handlers(&service->handlers[i - 1], &service->handlers[i]) != 0);
}

/* Its place among the handlers; their count for none. */
static size_t find_handler(const struct service *service, struct str name)
{
    size_t low = 0, high = service->handler_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct str candidate = str_from(service->handlers[middle]->method->name);
        int order = memcmp(name.ptr, candidate.ptr, name.len < candidate.len ? name.len : candidate.len);
        if (order == 0 && name.len == candidate.len)
            return middle;
        if (order < 0 || (order == 0 && name.len < candidate.len))
            high = middle;
        else
            low = middle + 1;
    }
    return service->handler_count;
}

static void refuse(struct service *service, const struct bus_incoming *incoming, enum error error)
{
    bus_answer(service->bus, &incoming->origin, &(struct bus_reply){.error = error});
}

/* As MESSAGE(health) of proto/messages.def. */
static void answer_health(struct service *service, const struct bus_incoming *incoming)
{
    const char *why_not = NULL;
    bool is_ready = service_is_ready(service, &why_not);
    struct buffer *body = &service->scratch;
    buffer_clear(body);
    pack_map(body, is_ready ? 2 : 3);
    pack_string(body, STR("service"));
    pack_string(body, str_from(service->definition->name));
    pack_string(body, STR("ready"));
    pack_boolean(body, is_ready);
    if (!is_ready) {
        pack_string(body, STR("whyNot"));
        pack_string(body, str_from(why_not));
    }
    bus_answer(service->bus, &incoming->origin, &(struct bus_reply){.body = buffer_str(body)});
}

/* What arrived is borrowed and the fiber may wait: it gets copies. */
static void start_call(struct service *service, size_t place, const struct bus_incoming *incoming)
{
    const struct method_handler *handler = service->handlers[place];
    struct task *task = take_task(service);
    struct call *call = &task->call;
    task->handler = handler;
    task->stats = &service->method_stats[place];
    task->arguments = arena_copy(call->arena, incoming->arguments);
    call->caller = incoming->caller;
    call->caller.role = arena_copy(call->arena, incoming->caller.role);
    call->client.address = arena_copy(call->arena, incoming->client.address);
    call->client.agent = arena_copy(call->arena, incoming->client.agent);
    call->peer = arena_copy(call->arena, incoming->peer);
    call->request_id = arena_copy(call->arena, incoming->request_id);
    call->traceparent = arena_copy(call->arena, incoming->traceparent);
    call->deadline_ms = incoming->deadline_ms;
    call->method = handler->method;
    call->origin = incoming->origin;
    if (!fiber_start(run_call, task)) {
        counter_add(&task->stats->outcomes[ERROR_OVERLOADED], 1);
        give_back(task);
        refuse(service, incoming, ERROR_OVERLOADED);
    }
}

void service_on_call(void *context, const struct bus_incoming *incoming)
{
    struct service *service = context;
    if (str_equal(incoming->method, service->health_method)) {
        answer_health(service, incoming);
        return;
    }
    size_t place = find_handler(service, incoming->method);
    if (place == service->handler_count) {
        log_error("call of an unknown method", LOG_S("method", incoming->method),
                  LOG_S("request_id", incoming->request_id));
        refuse(service, incoming, ERROR_INTERNAL);
    } else if (incoming->peer.len > 0 &&
               !service->definition->may_call(incoming->peer, service->handlers[place]->method)) {
        bus_forbid(service->bus, incoming);
    } else if (service->is_refusing) {
        counter_add(&service->method_stats[place].outcomes[ERROR_UNAVAILABLE], 1);
        bus_refuse(service->bus, &incoming->origin);
    } else if (!admission_lets_in(&service->admission, service->active, loop_now_ms())) {
        counter_add(&service->method_stats[place].outcomes[ERROR_OVERLOADED], 1);
        refuse(service, incoming, ERROR_OVERLOADED);
    } else {
        start_call(service, place, incoming);
    }
}

bool service_spawn(struct service *service, int64_t timeout_ms, void (*entry)(struct call *call))
{
    if (service->is_draining) {
        log_info("background work is left for the next start");
        return false;
    }
    struct task *task = take_task(service);
    task->spawned = entry;
    task->call.deadline_ms = loop_now_ms() + timeout_ms;
    if (!fiber_start(run_spawned, task)) {
        log_warn("no fiber for background work");
        give_back(task);
        return false;
    }
    return true;
}
