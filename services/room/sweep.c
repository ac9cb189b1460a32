/* Small batches, so that no statement holds many locks. */
#include "services/room/sweep.h"

#include <stdlib.h>

#include "common/allocate.h"
#include "common/log.h"
#include "common/tries.h"
#include "services/room/room.h"

enum { BATCH = 50, TIME_MS = 30000 };

struct sweep {
    struct service *service;
    struct loop_timer *timer;
    bool is_under_way;
};

/* Until less was due than a batch holds. */
static enum error run_batches(struct call *call, const struct statement *statement, int64_t *total)
{
    int64_t done;
    *total = 0;
    do {
        struct db_result result;
        TRY(call_query(call, statement, &result, DB_INTEGER(BATCH)));
        done = db_integer(&result, 0, 0);
        *total += done;
    } while (done >= BATCH && !service_is_stopping(call->service));
    return OK;
}

static void run(struct call *call)
{
    struct sweep *sweep = service_state(call->service);
    int64_t settled, forgotten;
    enum error error = run_batches(call, &sql_room_sweep, &settled);
    if (error != OK)
        log_warn("rooms start and end later", LOG_Z("reason", error_message(error)));
    else if (settled > 0)
        log_info("rooms started or ended", LOG_I("rooms", settled));
    error = run_batches(call, &tries_sql_throttle_prune, &forgotten);
    if (error != OK)
        log_warn("counts of wrong passwords stay for now", LOG_Z("reason", error_message(error)));
    sweep->is_under_way = false;
}

static void on_time(void *context)
{
    struct sweep *sweep = context;
    bool is_idle = service_is_stopping(sweep->service) || !db_is_ready(service_db(sweep->service), NULL);
    if (sweep->is_under_way || is_idle)
        return;
    sweep->is_under_way = true; /* before it runs: it may end at once */
    if (!service_spawn(sweep->service, TIME_MS, run))
        sweep->is_under_way = false;
}

struct sweep *sweep_new(struct service *service, int64_t interval_ms)
{
    struct sweep *sweep = allocate(sizeof *sweep);
    sweep->service = service;
    sweep->timer = loop_timer_new(service_loop(service), on_time, sweep);
    loop_timer_start(sweep->timer, interval_ms, interval_ms);
    return sweep;
}

void sweep_destroy(struct sweep **sweep)
{
    if (*sweep == NULL)
        return;
    loop_timer_destroy(&(*sweep)->timer);
    free(*sweep);
    *sweep = NULL;
}
