/* The budget: a count in a window, and a share. */
#include "gateway/reset_budget.h"

enum { WINDOW_MS = 10000, WINDOW_RESETS = 100, SHARE_NEEDS_REQUESTS = 64 };

bool reset_budget_spend(struct reset_budget *budget, bool was_reset, uint64_t now_ms)
{
    budget->requests++;
    if (!was_reset)
        return false;
    budget->resets++;
    if (budget->window_resets == 0 || now_ms - budget->window_began_ms >= WINDOW_MS) {
        budget->window_began_ms = now_ms;
        budget->window_resets = 0;
    }
    budget->window_resets++;
    bool is_most = budget->requests >= SHARE_NEEDS_REQUESTS && budget->resets * 2 > budget->requests;
    return budget->window_resets > WINDOW_RESETS || is_most;
}
