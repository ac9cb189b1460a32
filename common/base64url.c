/* base64url on libsodium, whose conversions take the same time whatever the bytes are. */
#include "common/base64url.h"

#include <sodium.h>

enum { VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING };

void base64url_append(struct buffer *out, struct str bytes)
{
    size_t size = sodium_base64_encoded_len(bytes.len, VARIANT); /* counts a NUL */
    char *end = buffer_reserve(out, size);
    sodium_bin2base64(end, size, (const unsigned char *)bytes.ptr, bytes.len, VARIANT);
    out->len += size - 1;
}

bool base64url_decode(struct str text, unsigned char *bytes, size_t size, size_t *len)
{
    return sodium_base642bin(bytes, size, text.ptr, text.len, NULL, len, NULL, VARIANT) == 0;
}
