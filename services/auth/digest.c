/* SHA-256 by libsodium. */
#include "services/auth/digest.h"

#include <sodium.h>

struct str digest_hex(struct arena *arena, const void *bytes, size_t len)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    enum { SIZE = 2 * sizeof hash + 1 };
    char *text = arena_alloc(arena, SIZE);
    crypto_hash_sha256(hash, bytes, len);
    sodium_bin2hex(text, SIZE, hash, sizeof hash);
    return (struct str){text, SIZE - 1};
}
