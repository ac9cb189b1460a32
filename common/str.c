/* Strings with their length: comparing, numbers, and telling UTF-8 and mail addresses from the rest. */
#include "common/str.h"

#include <string.h>

struct str str_from(const char *text)
{
    return text ? (struct str){text, strlen(text)} : (struct str){"", 0};
}

bool str_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_equal_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

bool str_starts_with(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_equal((struct str){s.ptr, prefix.len}, prefix);
}

/* ---- UTF-8 ---- */

static bool is_continuation(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

/* How long the sequence is that lead begins, and what its second byte may be (RFC 3629 §4); 0 = lead begins none. */
static size_t sequence_len(unsigned char lead, unsigned char *second_min, unsigned char *second_max)
{
    *second_min = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    *second_max = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

size_t str_utf8_step(struct str s)
{
    if (s.len == 0)
        return 0;
    const unsigned char *bytes = (const unsigned char *)s.ptr;
    unsigned char second_min, second_max;
    size_t len = sequence_len(bytes[0], &second_min, &second_max);
    if (len > s.len)
        return 0;
    if (len > 1 && (bytes[1] < second_min || bytes[1] > second_max))
        return 0;
    for (size_t i = 2; i < len; i++)
        if (!is_continuation(bytes[i]))
            return 0;
    return len;
}

/* How many bytes at the start are ASCII, in whole words of eight. */
static size_t ascii_words(struct str s)
{
    size_t len = 0;
    for (uint64_t word; s.len - len >= sizeof word; len += sizeof word) {
        memcpy(&word, s.ptr + len, sizeof word);
        if (word & UINT64_C(0x8080808080808080))
            break;
    }
    return len;
}

bool str_is_utf8(struct str s)
{
    for (size_t at = ascii_words(s); at < s.len;) {
        size_t len = str_utf8_step((struct str){s.ptr + at, s.len - at});
        if (len == 0)
            return false;
        at += len;
    }
    return true;
}

size_t str_utf16_len(struct str s)
{
    size_t units = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        units += !is_continuation(c);
        units += c >= 0xF0; /* four bytes are a surrogate pair */
    }
    return units;
}

/* ---- numbers ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool has_sign(struct str s)
{
    return s.len > 0 && (s.ptr[0] == '+' || s.ptr[0] == '-');
}

bool str_is_integer(struct str s)
{
    size_t at = has_sign(s);
    if (at == s.len)
        return false;
    for (; at < s.len; at++)
        if (!is_digit(s.ptr[at]))
            return false;
    return true;
}

bool str_to_int64(struct str s, int64_t *out)
{
    if (!str_is_integer(s))
        return false;
    bool negative = s.ptr[0] == '-';
    int64_t value = 0;
    for (size_t at = has_sign(s); at < s.len; at++) {
        int digit = s.ptr[at] - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value))
            return false;
    }
    *out = value;
    return true;
}

/* ---- mail addresses ---- */

static bool is_letter(char c)
{
    return lower(c) >= 'a' && lower(c) <= 'z';
}

static uint32_t code_point(struct str sequence)
{
    static const unsigned char lead_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t point = (unsigned char)sequence.ptr[0] & lead_bits[sequence.len];
    for (size_t i = 1; i < sequence.len; i++)
        point = point << 6 | ((unsigned char)sequence.ptr[i] & 0x3F);
    return point;
}

static bool is_unicode_space(uint32_t point)
{
    return point == 0x1680 || (point >= 0x2000 && point <= 0x200A) || point == 0x2028 || point == 0x2029 ||
           point == 0x202F || point == 0x205F || point == 0x3000;
}

/* What mail addresses may hold beyond ASCII: the ranges class-validator's isEmail allows, without the spaces among
 * them. */
static bool is_international(uint32_t point)
{
    return ((point >= 0xA1 && point <= 0xD7FF) || (point >= 0xF900 && point <= 0xFDCF) ||
            (point >= 0xFDF0 && point <= 0xFFEF)) &&
           !is_unicode_space(point);
}

static bool is_local_char(char c)
{
    return c != '\0' && (is_letter(c) || is_digit(c) || strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool is_label_char(char c)
{
    return is_letter(c) || is_digit(c) || c == '-';
}

/* Whether s is not empty and each character is one that is_ascii allows, or an international one. */
static bool consists_of(struct str s, bool (*is_ascii)(char c))
{
    for (size_t at = 0, len; at < s.len; at += len) {
        struct str rest = {s.ptr + at, s.len - at};
        len = str_utf8_step(rest);
        if (len == 0 || (len == 1 && !is_ascii(*rest.ptr)))
            return false;
        if (len > 1 && !is_international(code_point((struct str){rest.ptr, len})))
            return false;
    }
    return s.len > 0;
}

/* Cuts the part before the next dot off *rest; false when there is none left. */
static bool next_part(struct str *rest, struct str *part)
{
    if (rest->ptr == NULL)
        return false;
    const char *dot = rest->len > 0 ? memchr(rest->ptr, '.', rest->len) : NULL;
    *part = (struct str){rest->ptr, dot ? (size_t)(dot - rest->ptr) : rest->len};
    *rest = dot ? (struct str){dot + 1, rest->len - part->len - 1} : (struct str){NULL, 0};
    return true;
}

static bool is_local_part(struct str local)
{
    if (local.len > 64)
        return false;
    for (struct str part; next_part(&local, &part);)
        if (!consists_of(part, is_local_char))
            return false;
    return true;
}

static bool is_label(struct str label)
{
    return label.len <= 63 && consists_of(label, is_label_char) && label.ptr[0] != '-' &&
           label.ptr[label.len - 1] != '-';
}

static bool is_top_level(struct str label)
{
    if (str_utf16_len(label) < 2)
        return false;
    if (label.len >= 4 && str_equal_nocase((struct str){label.ptr, 2}, STR("xn")))
        return true;
    return consists_of(label, is_letter);
}

static bool is_domain(struct str domain)
{
    size_t labels = 0;
    struct str label = {NULL, 0};
    for (; next_part(&domain, &label); labels++)
        if (!is_label(label))
            return false;
    return labels >= 2 && is_top_level(label);
}

bool str_is_email(struct str s)
{
    const char *at = s.len > 0 && s.len <= 254 ? memrchr(s.ptr, '@', s.len) : NULL;
    if (!at)
        return false;
    struct str local = {s.ptr, (size_t)(at - s.ptr)};
    struct str domain = {at + 1, s.len - local.len - 1};
    return is_local_part(local) && is_domain(domain);
}
