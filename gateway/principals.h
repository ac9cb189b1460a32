/* Who token holders are now, remembered: user id → whether the user exists, and the role. One thread's own. What keeps
 * it true (the user service's feed) is fed in from outside; whether it may be trusted at a moment is the caller's to
 * know. */
#ifndef GATEWAY_PRINCIPALS_H
#define GATEWAY_PRINCIPALS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"

enum { PRINCIPAL_MAX_ROLE_LEN = 15 };

struct principals;

struct principal_state {
    bool exists;
    char role[PRINCIPAL_MAX_ROLE_LEN + 1];
    unsigned char role_len;
};

/* Returns owned. */
struct principals *principals_new(void);
void principals_destroy(struct principals **principals);

/* NULL where it is not known. Good until the next call that changes anything. */
const struct principal_state *principals_find(const struct principals *principals, int64_t user_id);

/* Changes with each drop: an answer is remembered only if none came between asking and remembering. */
uint64_t principals_epoch(const struct principals *principals);
void principals_remember(struct principals *principals, int64_t user_id, const struct principal_state *state,
                         uint64_t asked_at_epoch);

void principals_drop(struct principals *principals, int64_t user_id);
void principals_drop_all(struct principals *principals);

#endif
