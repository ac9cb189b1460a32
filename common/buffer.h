/* Bytes that grow at their end. Whoever appends bytes from outside bounds them first. No memory ends the process. */
#ifndef COMMON_BUFFER_H
#define COMMON_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

/* Zeroed is empty and ready. */
struct buffer {
    char *data;
    size_t len;
    size_t capacity;
};

/* Room for size more bytes at the end; returns where they go. The caller adds to len what it wrote. */
char *buffer_reserve(struct buffer *buffer, size_t size);
void buffer_append(struct buffer *buffer, const void *bytes, size_t len);
void buffer_append_str(struct buffer *buffer, struct str s);
void buffer_append_char(struct buffer *buffer, char c);
void buffer_append_integer(struct buffer *buffer, int64_t value); /* in decimal */
void buffer_printf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Forgets the content; keeps the memory, unless it has grown past 1 MiB. */
void buffer_clear(struct buffer *buffer);
void buffer_free(struct buffer *buffer);

struct str buffer_str(const struct buffer *buffer);

#endif
