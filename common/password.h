/* Password hashes: Argon2id (libsodium) made and checked, bcrypt (libxcrypt) checked for accounts that were imported
 * (it looks at the first 72 bytes of a password only). Each takes milliseconds of a core, so it runs in the loop's
 * worker pool; the fiber waits. */
#ifndef COMMON_PASSWORD_H
#define COMMON_PASSWORD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/error.h"
#include "common/loop.h"
#include "common/str.h"

/* OWASP Password Storage Cheat Sheet: Argon2id with 19 MiB, 2 iterations, 1 lane. */
struct password_cost {
    int64_t memory_kib;
    int64_t iterations;
};

/* In a fiber: *hash gets the encoded hash, in the arena. ERROR_OVERLOADED and ERROR_TIMEOUT as loop_work. */
enum error password_hash(struct loop *loop, int64_t deadline_ms, struct arena *arena, const struct password_cost *cost,
                         struct str password, struct str *hash) MUST_USE;

/* In a fiber: *matches, and *outdated where the hash is good but should be made anew (bcrypt, or another cost). An
 * empty or unknown hash takes the time of a real one and matches nothing: who has no account looks like a wrong
 * password. */
enum error password_verify(struct loop *loop, int64_t deadline_ms, const struct password_cost *cost,
                           struct str password, struct str hash, bool *matches, bool *outdated) MUST_USE;

#endif
