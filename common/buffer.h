/* Bytes that grow at their end. Whoever appends bytes from outside bounds them first. No memory ends the process. */
#ifndef COMMON_BUFFER_H
#define COMMON_BUFFER_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/str.h"

/* Zeroed is empty and ready. */
struct buffer {
    char *data;
    size_t len;
    size_t capacity;
};

/* What buffer_reserve does where there is no room. */
void buffer_grow(struct buffer *buffer, size_t size);

/* Room for size more bytes at the end; returns where they go. The caller adds to len what it wrote. */
static inline char *buffer_reserve(struct buffer *buffer, size_t size)
{
    assert(buffer->len <= buffer->capacity);
    if (buffer->data == NULL || buffer->capacity - buffer->len < size)
        buffer_grow(buffer, size);
    return buffer->data + buffer->len;
}

static inline void buffer_append(struct buffer *buffer, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    memcpy(buffer_reserve(buffer, len), bytes, len);
    buffer->len += len;
}

static inline void buffer_append_str(struct buffer *buffer, struct str s)
{
    buffer_append(buffer, s.ptr, s.len);
}

static inline void buffer_append_char(struct buffer *buffer, char c)
{
    *buffer_reserve(buffer, 1) = c;
    buffer->len++;
}

void buffer_append_integer(struct buffer *buffer, int64_t value); /* in decimal */
void buffer_printf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Forgets the content; keeps the memory, unless it has grown past 1 MiB. */
void buffer_clear(struct buffer *buffer);
void buffer_free(struct buffer *buffer);

struct str buffer_str(const struct buffer *buffer);

#endif
