/* Checking tokens, and a direct-mapped table of those found good. The table's hash is keyed: who does not know the key
 * can neither aim at a slot nor learn from the time that comparing takes. */
#include "gateway/bearer.h"

#include <sodium.h>
#include <string.h>

#include "common/allocate.h"
#include "common/token.h"

enum { SLOTS = 4096, REMEMBERED_LEN = 488 };

struct slot {
    uint64_t hash;
    struct bearer_subject subject; /* user_id 0 = free */
    int64_t expires_at;
    uint16_t len;
    char token[REMEMBERED_LEN];
};

struct bearer {
    const struct token_keys *keys;
    unsigned char key[crypto_shorthash_KEYBYTES];
    struct slot slots[SLOTS];
};

struct bearer *bearer_new(const struct token_keys *keys)
{
    struct bearer *bearer = allocate(sizeof *bearer);
    bearer->keys = keys;
    crypto_shorthash_keygen(bearer->key);
    return bearer;
}

void bearer_destroy(struct bearer **bearer)
{
    if (*bearer == NULL)
        return;
    sodium_memzero((*bearer)->slots, sizeof(*bearer)->slots);
    free(*bearer);
    *bearer = NULL;
}

static bool token_of(struct str authorization, struct str *token)
{
    static const struct str scheme = {"Bearer", sizeof("Bearer") - 1};
    if (authorization.len <= scheme.len + 1 || authorization.ptr[scheme.len] != ' ' ||
        !str_equal_nocase((struct str){authorization.ptr, scheme.len}, scheme))
        return false;
    struct str rest = {authorization.ptr + scheme.len, authorization.len - scheme.len};
    while (rest.len > 0 && *rest.ptr == ' ')
        rest = (struct str){rest.ptr + 1, rest.len - 1};
    *token = rest;
    return rest.len > 0 && rest.len <= TOKEN_MAX_LEN;
}

static uint64_t hash_of(const struct bearer *bearer, struct str token)
{
    unsigned char bytes[crypto_shorthash_BYTES];
    uint64_t hash;
    crypto_shorthash(bytes, (const unsigned char *)token.ptr, token.len, bearer->key);
    memcpy(&hash, bytes, sizeof hash);
    return hash;
}

static bool is_remembered(const struct slot *slot, uint64_t hash, struct str token, int64_t now_s)
{
    return slot->subject.user_id != 0 && slot->hash == hash && slot->len == token.len &&
           memcmp(slot->token, token.ptr, token.len) == 0 && now_s < slot->expires_at;
}

bool bearer_check(struct bearer *bearer, struct arena *arena, struct str authorization, int64_t now_s,
                  struct bearer_subject *subject)
{
    struct str token;
    if (!token_of(authorization, &token))
        return false;
    uint64_t hash = hash_of(bearer, token);
    struct slot *slot = &bearer->slots[hash % SLOTS];
    if (is_remembered(slot, hash, token, now_s)) {
        *subject = slot->subject;
        return true;
    }
    struct token_claims claims;
    if (!token_verify(bearer->keys, arena, token, now_s, &claims))
        return false;
    *subject = (struct bearer_subject){claims.sub, claims.session_id};
    if (token.len <= REMEMBERED_LEN) {
        *slot = (struct slot){hash, *subject, claims.expires_at, (uint16_t)token.len, {0}};
        memcpy(slot->token, token.ptr, token.len);
    }
    return true;
}
