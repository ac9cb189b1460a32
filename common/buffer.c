/* Buffers: one block of bytes that doubles when it is full. */
#include "common/buffer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 256, KEPT_CAPACITY = 1 << 20 };

void buffer_grow(struct buffer *buffer, size_t size)
{
    size_t needed = buffer->len + size;
    size_t capacity = buffer->capacity ? buffer->capacity : FIRST_CAPACITY;
    while (capacity < needed && capacity <= SIZE_MAX / 2)
        capacity *= 2;
    char *data = needed >= size && capacity >= needed ? realloc(buffer->data, capacity) : NULL;
    if (!data) {
        fputs("out of memory\n", stderr);
        abort();
    }
    buffer->data = data;
    buffer->capacity = capacity;
}

void buffer_append_integer(struct buffer *buffer, int64_t value)
{
    char digits[20], *at = digits + sizeof digits;
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do
        *--at = (char)('0' + left % 10);
    while (left /= 10);
    if (value < 0)
        *--at = '-';
    buffer_append(buffer, at, (size_t)(digits + sizeof digits - at));
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    assert(format);
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    assert(len >= 0);
    vsnprintf(buffer_reserve(buffer, (size_t)len + 1), (size_t)len + 1, format, again);
    buffer->len += (size_t)len;
    va_end(again);
    va_end(args);
}

void buffer_clear(struct buffer *buffer)
{
    buffer->len = 0;
    if (buffer->capacity > KEPT_CAPACITY)
        buffer_free(buffer);
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

struct str buffer_str(const struct buffer *buffer)
{
    return (struct str){buffer->data ? buffer->data : "", buffer->len};
}
