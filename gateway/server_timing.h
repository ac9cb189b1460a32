/* Where a reply's time went, for Server-Timing (https://www.w3.org/TR/server-timing/). */
#ifndef GATEWAY_SERVER_TIMING_H
#define GATEWAY_SERVER_TIMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bus.h"

enum { SERVER_TIMING_MAX_LEN = 160 };

/* Writes "gateway;dur=0.412, queue;dur=0.103, service;dur=0.253, database;dur=0.954": milliseconds whose sum is
 * total_us. Of them waited_us were spent asking services (0 = none was asked; then there is only the gateway's), which
 * say how much of that was theirs; the rest is the queue's. Without is_detailed the database's time is among the
 * service's. Returns the length. */
size_t server_timing_write(char out[SERVER_TIMING_MAX_LEN], int64_t total_us, int64_t waited_us,
                           const struct timing *timing, bool is_detailed);

#endif
