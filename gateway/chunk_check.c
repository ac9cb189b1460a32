/* Chunks, byte by byte but for their data. */
#include "gateway/chunk_check.h"

static bool refuse(struct chunk_check *check, enum error error, const char *why)
{
    check->error = error;
    check->why = why;
    return false;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_size(struct chunk_check *check, char c, uint64_t body_max)
{
    enum { MOST_DIGITS = 8 };
    int digit = hex_digit(c);
    if (digit >= 0) {
        if (++check->digits > MOST_DIGITS)
            return refuse(check, ERROR_MALFORMED, "malformed chunk size");
        check->left = check->left * 16 + (uint64_t)digit;
        return true;
    }
    if (check->digits == 0 || (c != '\r' && c != ';'))
        return refuse(check, ERROR_MALFORMED, "malformed chunk size");
    check->body_len += check->left;
    if (check->body_len > body_max)
        return refuse(check, ERROR_BODY_TOO_LARGE, "chunked body too large");
    check->state = c == '\r' ? CHUNK_SIZE_LF : CHUNK_EXTENSION;
    return true;
}

/* Text of an extension or a trailer, up to its CR, with which next begins. */
static bool read_text(struct chunk_check *check, char c, enum chunk_state next)
{
    if (c == '\r') {
        check->state = next;
        return true;
    }
    if (++check->overhead > CHUNK_MAX_OVERHEAD)
        return refuse(check, ERROR_MALFORMED, "too much beside the chunks");
    if (c != '\t' && ((unsigned char)c < ' ' || c == 0x7f))
        return refuse(check, ERROR_MALFORMED, "control character in a chunk's line");
    return true;
}

static bool read_exactly(struct chunk_check *check, char c, char expected, enum chunk_state next)
{
    if (c != expected)
        return refuse(check, ERROR_MALFORMED, "malformed chunk");
    check->state = next;
    return true;
}

static bool end_size_line(struct chunk_check *check, char c)
{
    enum chunk_state next = check->left > 0 ? CHUNK_DATA : CHUNK_TRAILER_START;
    check->digits = 0;
    return read_exactly(check, c, '\n', next);
}

static bool read_trailer_start(struct chunk_check *check, char c)
{
    if (c == ' ' || c == '\t')
        return refuse(check, ERROR_MALFORMED, "folded trailer");
    check->state = CHUNK_TRAILER;
    return read_text(check, c, CHUNK_LAST_LF);
}

static bool read_byte(struct chunk_check *check, char c, uint64_t body_max)
{
    switch (check->state) {
    case CHUNK_SIZE:
        return read_size(check, c, body_max);
    case CHUNK_EXTENSION:
        return read_text(check, c, CHUNK_SIZE_LF);
    case CHUNK_SIZE_LF:
        return end_size_line(check, c);
    case CHUNK_DATA_CR:
        return read_exactly(check, c, '\r', CHUNK_DATA_LF);
    case CHUNK_DATA_LF:
        return read_exactly(check, c, '\n', CHUNK_SIZE);
    case CHUNK_TRAILER_START:
        return read_trailer_start(check, c);
    case CHUNK_TRAILER:
        return read_text(check, c, CHUNK_TRAILER_LF);
    case CHUNK_TRAILER_LF:
        return read_exactly(check, c, '\n', CHUNK_TRAILER_START);
    case CHUNK_LAST_LF:
        return read_exactly(check, c, '\n', CHUNK_END);
    case CHUNK_DATA:
    case CHUNK_END:
        break;
    }
    return true;
}

bool chunk_check(struct chunk_check *check, struct str bytes, uint64_t body_max)
{
    size_t at = 0;
    while (at < bytes.len && check->state != CHUNK_END) {
        if (check->state == CHUNK_DATA) {
            size_t here = bytes.len - at < check->left ? bytes.len - at : (size_t)check->left;
            check->left -= here;
            at += here;
            if (check->left == 0)
                check->state = CHUNK_DATA_CR;
        } else if (!read_byte(check, bytes.ptr[at++], body_max)) {
            return false;
        }
    }
    return true;
}
