/* Reading heads line by line. Whatever RFC 9112 leaves to the recipient's leniency is refused: nothing that a client of
 * today sends needs it, and each leniency is one more way for two servers to disagree. */
#include "gateway/head_check.h"

#include <string.h>

#include "gateway/text.h"

static enum head_verdict refuse(struct head_check *check, enum error error, const char *why)
{
    check->error = error;
    check->why = why;
    return HEAD_REFUSED;
}

/* What may stand in a line: tabs, and all but control characters. Bytes above ASCII are obs-text. */
static bool is_text(unsigned char c)
{
    return c == '\t' || (c >= ' ' && c != 0x7f);
}

/* RFC 9110 §5.6.2 */
static bool is_token(unsigned char c)
{
    static const bool others[128] = {
        ['!'] = true, ['#'] = true, ['$'] = true, ['%'] = true, ['&'] = true, ['\''] = true, ['*'] = true, ['+'] = true,
        ['-'] = true, ['.'] = true, ['^'] = true, ['_'] = true, ['`'] = true, ['|'] = true,  ['~'] = true};
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c < 128 && others[c]);
}

static size_t token_len(struct str s)
{
    size_t len = 0;
    while (len < s.len && is_token((unsigned char)s.ptr[len]))
        len++;
    return len;
}

/* METHOD SP target SP HTTP/1.x, one space each */
static enum head_verdict read_request_line(struct head_check *check, struct str line)
{
    static const char malformed[] = "malformed request line";
    size_t method_len = token_len(line);
    if (method_len == 0 || method_len == line.len || line.ptr[method_len] != ' ')
        return refuse(check, ERROR_MALFORMED, malformed);
    struct str rest = {line.ptr + method_len + 1, line.len - method_len - 1};
    const char *space = memchr(rest.ptr, ' ', rest.len);
    if (space == NULL || space == rest.ptr || memchr(rest.ptr, '\t', rest.len) != NULL)
        return refuse(check, ERROR_MALFORMED, malformed);
    struct str version = {space + 1, (size_t)(rest.ptr + rest.len - space) - 1};
    check->is_http_1_0 = str_equal(version, STR("HTTP/1.0"));
    if (!check->is_http_1_0 && !str_equal(version, STR("HTTP/1.1")))
        return refuse(check, ERROR_MALFORMED, "unsupported HTTP version");
    check->has_request_line = true;
    return HEAD_INCOMPLETE;
}

static enum head_verdict read_content_length(struct head_check *check, struct str value)
{
    enum { MOST_DIGITS = 18 }; /* always fit 64 bits */
    if (check->lengths++ > 0)
        return refuse(check, ERROR_MALFORMED, "more than one Content-Length");
    if (value.len == 0 || value.len > MOST_DIGITS)
        return refuse(check, ERROR_MALFORMED, "malformed Content-Length");
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9')
            return refuse(check, ERROR_MALFORMED, "malformed Content-Length");
        check->content_length = check->content_length * 10 + (uint64_t)(value.ptr[i] - '0');
    }
    return HEAD_INCOMPLETE;
}

/* The fields that decide where a request ends, and those that h2o would answer itself. */
static enum head_verdict read_field(struct head_check *check, struct str name, struct str value, size_t value_at)
{
    switch (name.len) {
    case sizeof("host") - 1:
        if (str_equal_nocase(name, STR("host")) && check->hosts++ > 0)
            return refuse(check, ERROR_MALFORMED, "more than one Host");
        break;
    case sizeof("expect") - 1:
        if (str_equal_nocase(name, STR("expect")) && !str_equal_nocase(value, STR("100-continue")))
            return refuse(check, ERROR_MALFORMED, "unknown expectation");
        break;
    case sizeof("upgrade") - 1:
        if (str_equal_nocase(name, STR("upgrade")))
            check->upgrade_value_at = value_at;
        break;
    case sizeof("content-length") - 1:
        if (str_equal_nocase(name, STR("content-length")))
            return read_content_length(check, value);
        break;
    case sizeof("transfer-encoding") - 1:
        if (str_equal_nocase(name, STR("transfer-encoding")) &&
            (check->encodings++ > 0 || !str_equal_nocase(value, STR("chunked"))))
            return refuse(check, ERROR_MALFORMED, "Transfer-Encoding other than chunked");
        break;
    default:
        break;
    }
    return HEAD_INCOMPLETE;
}

static enum head_verdict read_field_line(struct head_check *check, struct str line)
{
    if (*line.ptr == ' ' || *line.ptr == '\t')
        return refuse(check, ERROR_MALFORMED, "folded header field");
    if (++check->fields > HEAD_MAX_FIELDS)
        return refuse(check, ERROR_HEAD_TOO_LARGE, "too many header fields");
    size_t name_len = token_len(line);
    if (name_len < line.len && (line.ptr[name_len] == ' ' || line.ptr[name_len] == '\t'))
        return refuse(check, ERROR_MALFORMED, "whitespace in a header field's name");
    if (name_len == 0 || name_len == line.len || line.ptr[name_len] != ':')
        return refuse(check, ERROR_MALFORMED, "malformed header field");
    struct str value = text_trim((struct str){line.ptr + name_len + 1, line.len - name_len - 1});
    size_t value_at = check->line_at + (size_t)(value.ptr - line.ptr);
    return read_field(check, (struct str){line.ptr, name_len}, value, value_at);
}

/* What only the whole head can tell. */
static enum head_verdict judge(struct head_check *check, uint64_t body_max)
{
    if (check->hosts == 0 && !check->is_http_1_0)
        return refuse(check, ERROR_MALFORMED, "no Host");
    if (check->encodings > 0 && check->lengths > 0)
        return refuse(check, ERROR_MALFORMED, "both Content-Length and Transfer-Encoding");
    if (check->encodings > 0 && check->is_http_1_0)
        return refuse(check, ERROR_MALFORMED, "Transfer-Encoding in HTTP/1.0");
    if (check->content_length > body_max)
        return refuse(check, ERROR_BODY_TOO_LARGE, "declared body too large");
    return HEAD_GOOD;
}

static enum head_verdict read_line(struct head_check *check, struct str line, size_t next, uint64_t body_max)
{
    if (line.len > 0)
        return check->has_request_line ? read_field_line(check, line) : read_request_line(check, line);
    if (!check->has_request_line) /* RFC 9112 §2.2: one empty line before a request is ignored */
        return check->line_at == 0 ? HEAD_INCOMPLETE : refuse(check, ERROR_MALFORMED, "malformed request line");
    check->len = next;
    check->is_chunked = check->encodings > 0;
    return judge(check, body_max);
}

enum head_verdict head_check(struct head_check *check, struct str bytes, uint64_t body_max)
{
    size_t limit = bytes.len < HEAD_MAX_LEN ? bytes.len : HEAD_MAX_LEN;
    while (true) {
        while (check->scanned < limit && is_text((unsigned char)bytes.ptr[check->scanned]))
            check->scanned++;
        if (check->scanned + 1 >= limit && (check->scanned >= limit || bytes.ptr[check->scanned] == '\r'))
            break;
        if (bytes.ptr[check->scanned] != '\r' || bytes.ptr[check->scanned + 1] != '\n')
            return refuse(check, ERROR_MALFORMED, "control character in the head");
        struct str line = {bytes.ptr + check->line_at, check->scanned - check->line_at};
        enum head_verdict verdict = read_line(check, line, check->scanned + 2, body_max);
        if (verdict != HEAD_INCOMPLETE)
            return verdict;
        check->scanned += 2;
        check->line_at = check->scanned;
    }
    return limit < HEAD_MAX_LEN ? HEAD_INCOMPLETE : refuse(check, ERROR_HEAD_TOO_LARGE, "head too long");
}

struct str head_field(struct str bytes, struct str name)
{
    const char *end = bytes.ptr + bytes.len;
    const char *at = memchr(bytes.ptr, '\n', bytes.len);
    while (at != NULL && ++at < end) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        if (next == NULL)
            break;
        struct str line = {at, (size_t)(next - at)};
        if (line.len > name.len && line.ptr[name.len] == ':' &&
            str_equal_nocase((struct str){line.ptr, name.len}, name)) {
            if (line.ptr[line.len - 1] == '\r')
                line.len--;
            return text_trim((struct str){line.ptr + name.len + 1, line.len - name.len - 1});
        }
        at = next;
    }
    return (struct str){"", 0};
}
