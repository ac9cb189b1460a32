/* What the guard answers where h2o has no request yet: a whole HTTP/1.1 reply as text, in the contract's shape. */
#ifndef GATEWAY_REFUSAL_H
#define GATEWAY_REFUSAL_H

#include "common/buffer.h"
#include "common/str.h"
#include "gateway/guard.h"

/* Appends the reply to a head that guard->head refused, and logs it. */
void refusal_write(struct buffer *out, struct guard *guard, struct str head);

#endif
