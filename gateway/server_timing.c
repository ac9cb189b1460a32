/* The four parts never overlap, and none is below zero, whatever a service claims. */
#include "gateway/server_timing.h"

#include <string.h>

#include "gateway/text.h"

static int64_t within(int64_t value, int64_t most)
{
    if (value < 0)
        return 0;
    return value < most ? value : most;
}

static size_t put_part(char *out, const char *name, int64_t us)
{
    size_t len = strlen(name);
    memcpy(out, name, len);
    memcpy(out + len, ";dur=", 5);
    len += 5;
    len += text_put_decimal(out + len, (uint64_t)us / 1000);
    out[len++] = '.';
    for (int64_t unit = 100; unit > 0; unit /= 10)
        out[len++] = (char)('0' + us / unit % 10);
    return len;
}

size_t server_timing_write(char out[SERVER_TIMING_MAX_LEN], int64_t total_us, int64_t waited_us,
                           const struct timing *timing, bool is_detailed)
{
    int64_t waited = within(waited_us, total_us), service = within(timing->service_us, waited);
    int64_t database = is_detailed ? within(timing->database_us, service) : 0;
    size_t len = put_part(out, "gateway", total_us - waited);
    if (waited_us == 0)
        return len;
    len += put_part(out + len, ", queue", waited - service);
    len += put_part(out + len, ", service", service - database);
    return is_detailed ? len + put_part(out + len, ", database", database) : len;
}
