/* How many HTTP/2 requests a connection may have ended before their replies were out. Rapid reset (CVE-2023-44487) and
 * its cousin by which the server is made to reset (CVE-2025-8671) live from such requests: they cost us work and the
 * client nothing. */
#ifndef GATEWAY_RESET_BUDGET_H
#define GATEWAY_RESET_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed is a fresh one. */
struct reset_budget {
    uint64_t requests, resets;
    uint64_t window_began_ms;
    uint32_t window_resets;
};

/* Counts a request that has ended. Returns whether the connection has overdrawn: too many resets within a window, or,
 * once there is enough to judge by, more than half of its requests. */
bool reset_budget_spend(struct reset_budget *budget, bool was_reset, uint64_t now_ms);

#endif
