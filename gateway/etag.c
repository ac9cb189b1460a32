/* Tags are W/"<length>-<SipHash>", both in hexadecimal. */
#include "gateway/etag.h"

#include <sodium.h>
#include <stdint.h>
#include <string.h>

#include "gateway/text.h"

size_t etag_make(struct str body, char tag[ETAG_MAX_LEN])
{
    /* Fixed, so that all gateways agree: who could find two bodies with one tag would fool only himself. */
    static const unsigned char key[crypto_shorthash_KEYBYTES] = "entity tag's key";
    unsigned char hash[crypto_shorthash_BYTES];
    crypto_shorthash(hash, (const unsigned char *)body.ptr, body.len, key);
    uint64_t number;
    memcpy(&number, hash, sizeof number);
    size_t len = 0;
    memcpy(tag, "W/\"", 3);
    len += 3;
    len += text_put_hex(tag + len, body.len, 1);
    tag[len++] = '-';
    len += text_put_hex(tag + len, number, 16);
    tag[len++] = '"';
    return len;
}

/* The tag without its mark of weakness. */
static struct str opaque(struct str tag)
{
    return str_starts_with(tag, STR("W/")) ? (struct str){tag.ptr + 2, tag.len - 2} : tag;
}

bool etag_matches(struct str if_none_match, struct str tag)
{
    const char *at = if_none_match.ptr, *end = at + if_none_match.len;
    tag = opaque(tag);
    while (at < end) {
        if (*at == ' ' || *at == '\t' || *at == ',') {
            at++;
            continue;
        }
        if (*at == '*')
            return true;
        struct str rest = opaque((struct str){at, (size_t)(end - at)});
        const char *close = rest.len > 1 && *rest.ptr == '"' ? memchr(rest.ptr + 1, '"', rest.len - 1) : NULL;
        if (close == NULL)
            return false;
        if (str_equal((struct str){rest.ptr, (size_t)(close - rest.ptr) + 1}, tag))
            return true;
        at = close + 1;
    }
    return false;
}
