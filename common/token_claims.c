/* The payload of a token: claims to JSON, in the order that clients know, and JSON to claims, each checked. */
#include <stdint.h>

#include "common/json.h"
#include "common/token_internal.h"

void token_claims_append(struct buffer *out, const struct token_claims *claims)
{
    buffer_append_str(out, STR("{\"username\":"));
    json_append_string(out, claims->username);
    buffer_printf(out, ",\"sub\":%lld,\"iat\":%lld,\"exp\":%lld", (long long)claims->sub, (long long)claims->issued_at,
                  (long long)claims->expires_at);
    if (claims->session_id != 0)
        buffer_printf(out, ",\"sid\":%lld", (long long)claims->session_id);
    if (claims->role.len > 0) {
        buffer_append_str(out, STR(",\"role\":"));
        json_append_string(out, claims->role);
    }
    buffer_append_char(out, '}');
}

/* The readers return false for a claim that is there and is no such thing; *out stays if it is absent. */

/* A NumericDate (RFC 7519 §2), fractions cut. */
static bool read_time(const json_t *payload, const char *name, int64_t *out)
{
    const json_t *value = json_object_get(payload, name);
    if (value == NULL)
        return true;
    if (!json_is_number(value))
        return false;
    double real = json_number_value(value);
    if (json_is_integer(value))
        *out = json_integer_value(value);
    else if (real >= 0 && real < 9e18)
        *out = (int64_t)real;
    else
        return false;
    return true;
}

static bool read_id(const json_t *payload, const char *name, int64_t *out)
{
    const json_t *value = json_object_get(payload, name);
    if (value == NULL)
        return true;
    if (!json_is_integer(value) || json_integer_value(value) <= 0)
        return false;
    *out = json_integer_value(value);
    return true;
}

static bool read_string(struct arena *arena, const json_t *payload, const char *name, struct str *out)
{
    const json_t *value = json_object_get(payload, name);
    if (value == NULL)
        return true;
    if (!json_is_string(value))
        return false;
    *out = arena_copy(arena, (struct str){json_string_value(value), json_string_length(value)});
    return true;
}

bool token_claims_read(struct arena *arena, const json_t *payload, int64_t now_s, struct token_claims *claims)
{
    struct token_claims read = {0};
    int64_t not_before = INT64_MIN;
    read.expires_at = INT64_MIN; /* a token without exp has ended long ago */
    if (!read_id(payload, "sub", &read.sub) || read.sub == 0 || !read_id(payload, "sid", &read.session_id))
        return false;
    if (!read_time(payload, "exp", &read.expires_at) || !read_time(payload, "iat", &read.issued_at) ||
        !read_time(payload, "nbf", &not_before) || read.expires_at <= now_s || not_before > now_s)
        return false;
    if (!read_string(arena, payload, "username", &read.username) || !read_string(arena, payload, "role", &read.role))
        return false;
    *claims = read;
    return true;
}
