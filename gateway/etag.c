/* Tags are W/"LENGTH-HASH" of a reply, "VERSION-HASH" of one that shows a version. HASH is SipHash in 16 digits; it and
 * LENGTH are hexadecimal, VERSION is decimal. */
#include "gateway/etag.h"

#include <sodium.h>
#include <stdint.h>
#include <string.h>

#include "gateway/text.h"

/* ---- making ---- */

static uint64_t hash_of(struct str body)
{
    /* Fixed, so that all gateways agree: who could find two bodies with one tag would fool only himself. */
    static const unsigned char key[crypto_shorthash_KEYBYTES] = "entity tag's key";
    unsigned char hash[crypto_shorthash_BYTES];
    crypto_shorthash(hash, (const unsigned char *)body.ptr, body.len, key);
    uint64_t number;
    memcpy(&number, hash, sizeof number);
    return number;
}

/* From the '-' on. */
static size_t put_hash(char *tag, struct str body)
{
    *tag = '-';
    size_t len = 1 + text_put_hex(tag + 1, hash_of(body), 16);
    tag[len] = '"';
    return len + 1;
}

size_t etag_make(struct str body, char tag[ETAG_MAX_LEN])
{
    static const struct str head = {"W/\"", 3};
    memcpy(tag, head.ptr, head.len);
    size_t len = head.len + text_put_hex(tag + head.len, body.len, 1);
    return len + put_hash(tag + len, body);
}

size_t etag_make_versioned(int64_t version, struct str body, char tag[ETAG_MAX_LEN])
{
    *tag = '"';
    size_t len = 1 + text_put_decimal(tag + 1, (uint64_t)version);
    return len + put_hash(tag + len, body);
}

/* ---- lists of tags ---- */

/* The tag without its mark of weakness. */
static struct str opaque(struct str tag)
{
    return str_starts_with(tag, STR("W/")) ? (struct str){tag.ptr + 2, tag.len - 2} : tag;
}

/* Cuts the next tag, or `*`, off a list; false at its end, and where it goes on with what is neither. */
static bool next_tag(struct str *rest, struct str *tag)
{
    while (rest->len > 0 && (*rest->ptr == ' ' || *rest->ptr == '\t' || *rest->ptr == ','))
        *rest = (struct str){rest->ptr + 1, rest->len - 1};
    if (rest->len == 0)
        return false;
    const char *end = rest->ptr;
    struct str quoted = opaque(*rest);
    if (*rest->ptr != '*') {
        end = quoted.len > 1 && *quoted.ptr == '"' ? memchr(quoted.ptr + 1, '"', quoted.len - 1) : NULL;
        if (end == NULL)
            return false;
    }
    *tag = (struct str){rest->ptr, (size_t)(end - rest->ptr) + 1};
    *rest = (struct str){end + 1, rest->len - tag->len};
    return true;
}

bool etag_matches(struct str if_none_match, struct str tag)
{
    for (struct str named; next_tag(&if_none_match, &named);)
        if (*named.ptr == '*' || str_equal(opaque(named), opaque(tag)))
            return true;
    return false;
}

/* Of "VERSION-HASH"; 0 for any other tag. Weak ones are other tags: they never match here. */
static int64_t version_of(struct str tag)
{
    const char *dash = memchr(tag.ptr, '-', tag.len);
    struct str digits = {tag.ptr + 1, dash != NULL ? (size_t)(dash - tag.ptr) - 1 : 0};
    int64_t version;
    bool is_ours = *tag.ptr == '"' && dash != NULL && dash > tag.ptr && str_to_int64(digits, &version);
    return is_ours ? version : 0;
}

bool etag_versions(struct str if_match, struct arena *arena, struct integers *versions)
{
    int64_t *values = arena_alloc(arena, (if_match.len / 2 + 1) * sizeof *values);
    size_t count = 0;
    for (struct str named; next_tag(&if_match, &named);) {
        if (*named.ptr == '*')
            return false;
        int64_t version = version_of(named);
        if (version > 0)
            values[count++] = version;
    }
    *versions = (struct integers){values, count};
    return true;
}
