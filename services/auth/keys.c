/* The public keys of the access tokens, for whoever checks them elsewhere. A secret has no public part. */
#include "common/pack.h"
#include "services/auth/auth.h"

static struct jwk jwk_of(const struct token_jwk *key)
{
    return (struct jwk){.kty = str_from(key->kty),
                        .crv = str_from(key->crv),
                        .x = str_from(key->x),
                        .y = str_from(key->y),
                        .has_y = *key->y != '\0',
                        .kid = str_from(key->kid),
                        .use = STR("sig"),
                        .alg = str_from(key->alg)};
}

enum error key_set(struct call *call, const struct empty *in)
{
    (void)in;
    const struct auth_config *config = service_config(call->service);
    struct buffer packed = {0};
    uint32_t count = 0;
    size_t place = pack_open_array(&packed);
    for (const struct token_jwk *key; (key = token_keys_public(config->keys, count)) != NULL; count++) {
        const struct jwk jwk = jwk_of(key);
        schema_encode(&jwk_message, &jwk, &packed);
    }
    pack_close(&packed, place, count);
    enum error error = call_reply(call, &(struct jwk_set){.keys = buffer_str(&packed)});
    buffer_free(&packed);
    return error;
}
