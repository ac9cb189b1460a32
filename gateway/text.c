/* Trimming, cutting, and numbers without printf. */
#include "gateway/text.h"

#include <string.h>

struct str text_trim(struct str s)
{
    while (s.len > 0 && (*s.ptr == ' ' || *s.ptr == '\t'))
        s = (struct str){s.ptr + 1, s.len - 1};
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

struct str text_limit(struct str text, size_t max)
{
    if (!str_is_utf8(text))
        return STR("");
    if (text.len <= max)
        return text;
    while (((unsigned char)text.ptr[max] & 0xC0) == 0x80) /* in the middle of one */
        max--;
    return (struct str){text.ptr, max};
}

struct str text_cut(struct str *rest, char separator)
{
    const char *at = rest->len > 0 ? memchr(rest->ptr, separator, rest->len) : NULL;
    struct str taken = {rest->ptr, at ? (size_t)(at - rest->ptr) : rest->len};
    size_t used = at ? taken.len + 1 : taken.len;
    *rest = (struct str){rest->ptr + used, rest->len - used};
    return text_trim(taken);
}

bool text_contains_nocase(struct str text, struct str word)
{
    for (size_t i = 0; i + word.len <= text.len; i++)
        if (str_equal_nocase((struct str){text.ptr + i, word.len}, word))
            return true;
    return false;
}

size_t text_put_hex(char *out, uint64_t value, size_t least)
{
    size_t digits = least;
    while (digits < 16 && value >> (digits * 4) != 0)
        digits++;
    for (size_t i = 0; i < digits; i++)
        out[i] = "0123456789abcdef"[value >> ((digits - 1 - i) * 4) & 15];
    return digits;
}

size_t text_put_decimal(char *out, uint64_t value)
{
    char reversed[20];
    size_t len = 0;
    do
        reversed[len++] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    for (size_t i = 0; i < len; i++)
        out[i] = reversed[len - 1 - i];
    return len;
}
