/* Secrets that people forgot to replace, and others that can be guessed. */
#include "common/token_internal.h"

#include <limits.h>
#include <string.h>

enum {
    MIN_LEN = 32, /* as long as the hash's output (RFC 7518 §3.2) */
    /* Fewer than a random secret of that length has: 32 hexadecimal digits have about 14. */
    MIN_DISTINCT_BYTES = 8,
};

/* What the examples of frameworks and tutorials are made of (jwt.io's own is among them), and no random secret is. */
static const char *const placeholders[] = {
    "changeme",    "change-me",  "change_me",  "change-this", "change_this", "change-in-production", "your-secret",
    "your_secret", "your-256",   "your-super", "your-jwt",    "your_jwt",    "super-secret",         "supersecret",
    "secret-key",  "secret_key", "secretkey",  "jwt-secret",  "jwt_secret",  "a-string-secret",      "my-secret",
};

static bool is_placeholder(struct str secret)
{
    for (size_t i = 0; i < sizeof placeholders / sizeof *placeholders; i++) {
        struct str word = str_from(placeholders[i]);
        for (size_t at = 0; at + word.len <= secret.len; at++)
            if (str_equal_nocase((struct str){secret.ptr + at, word.len}, word))
                return true;
    }
    return false;
}

static size_t distinct_bytes(struct str secret)
{
    bool seen[UCHAR_MAX + 1] = {false};
    size_t count = 0;
    for (size_t i = 0; i < secret.len; i++) {
        bool *is_seen = &seen[(unsigned char)secret.ptr[i]];
        count += !*is_seen;
        *is_seen = true;
    }
    return count;
}

const char *token_secret_mistake(struct str secret)
{
    if (is_placeholder(secret))
        return "looks like an example's, which everybody knows";
    if (secret.len < MIN_LEN)
        return "is shorter than 32 bytes";
    if (distinct_bytes(secret) < MIN_DISTINCT_BYTES)
        return "repeats the same few characters";
    return NULL;
}
