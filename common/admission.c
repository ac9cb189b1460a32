/* The limit, which moves with each interval. */
#include "common/admission.h"

struct admission admission_make(size_t most, int64_t now_ms)
{
    return (struct admission){
        .most = most, .limit = most, .began_ms = now_ms, .ended_ms = now_ms, .shortest_ms = INT64_MAX};
}

/* Where none ended, all that are under way may be stuck. */
static bool has_standing_queue(const struct admission *admission, size_t under_way, int64_t now_ms)
{
    if (admission->shortest_ms != INT64_MAX)
        return admission->shortest_ms > ADMISSION_TARGET_MS;
    return under_way >= ADMISSION_LEAST && now_ms - admission->ended_ms > ADMISSION_TARGET_MS;
}

static size_t fewer(size_t limit, size_t under_way)
{
    size_t base = under_way < limit ? under_way : limit;
    size_t next = base - base / 4;
    return next > ADMISSION_LEAST ? next : ADMISSION_LEAST;
}

static size_t more(const struct admission *admission)
{
    size_t next = admission->limit + admission->limit / 4;
    return next < admission->most ? next : admission->most;
}

static void end_interval(struct admission *admission, size_t under_way, int64_t now_ms)
{
    admission->limit =
        has_standing_queue(admission, under_way, now_ms) ? fewer(admission->limit, under_way) : more(admission);
    admission->began_ms = now_ms;
    admission->shortest_ms = INT64_MAX;
}

bool admission_lets_in(struct admission *admission, size_t under_way, int64_t now_ms)
{
    if (under_way < ADMISSION_LEAST)
        admission->ended_ms = now_ms; /* nothing is stuck */
    if (now_ms - admission->began_ms >= ADMISSION_INTERVAL_MS)
        end_interval(admission, under_way, now_ms);
    return under_way < admission->limit;
}

void admission_note(struct admission *admission, int64_t waited_ms, int64_t now_ms)
{
    admission->ended_ms = now_ms;
    if (waited_ms < admission->shortest_ms)
        admission->shortest_ms = waited_ms;
}
