/* How tokens are kept: as their hashes. They are random and long, so that a fast hash will do. */
#ifndef SERVICES_AUTH_DIGEST_H
#define SERVICES_AUTH_DIGEST_H

#include "common/arena.h"
#include "common/str.h"

/* SHA-256 in hexadecimal digits, in the arena. */
struct str digest_hex(struct arena *arena, const void *bytes, size_t len);

#endif
