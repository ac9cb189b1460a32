/* MessagePack, read and written one value at a time.
 *
 * The writer is msgpack-c's. The reader is ours: msgpack-c builds a tree and trusts the counts it reads (5 bytes can
 * ask for 12.9 GB); this one allocates nothing, and no count can exceed the bytes that are left. */
#ifndef COMMON_PACK_H
#define COMMON_PACK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/str.h"

/* ---- reading ---- */

enum pack_type {
    PACK_NIL,
    PACK_BOOLEAN,
    PACK_INTEGER,
    PACK_REAL,
    PACK_STRING,
    PACK_BINARY,
    PACK_ARRAY,
    PACK_MAP,
    PACK_EXTENSION,
};

struct pack_value {
    enum pack_type type;
    union {
        bool boolean;
        int64_t integer; /* an unsigned above INT64_MAX is read as PACK_REAL */
        double real;
        struct str text; /* STRING, BINARY, EXTENSION: borrowed from the reader's bytes; UTF-8 unchecked */
        uint32_t count;  /* ARRAY: elements; MAP: pairs. They follow. */
    };
};

struct pack_reader {
    const char *at;
    const char *end;
};

struct pack_reader pack_reader(struct str bytes);
static inline bool pack_at_end(const struct pack_reader *reader)
{
    return reader->at == reader->end;
}

/* Reads the next value, of a container only its head. False for the end or malformed bytes; the reader then stays. */
bool pack_read(struct pack_reader *reader, struct pack_value *out);

/* The same, but only of one type. */
bool pack_read_string(struct pack_reader *reader, struct str *out);
bool pack_read_integer(struct pack_reader *reader, int64_t *out);
bool pack_read_array(struct pack_reader *reader, uint32_t *count);
bool pack_read_map(struct pack_reader *reader, uint32_t *count);

/* Passes over one whole value, nested at most 16 deep; *out, where not NULL, gets its bytes. False as above. */
bool pack_skip(struct pack_reader *reader, struct str *out);

/* ---- writing: appends to a buffer ---- */

void pack_nil(struct buffer *buffer);
void pack_boolean(struct buffer *buffer, bool value);
void pack_integer(struct buffer *buffer, int64_t value);
void pack_real(struct buffer *buffer, double value);
void pack_string(struct buffer *buffer, struct str value);
void pack_array(struct buffer *buffer, uint32_t count);
void pack_map(struct buffer *buffer, uint32_t pairs);
/* Appends bytes that are MessagePack already. */
void pack_raw(struct buffer *buffer, struct str bytes);

/* For a container whose count is known only at its end: an array32 or map32 head, and the mend of its count.
 * Returns the place to hand to pack_close. */
size_t pack_open_array(struct buffer *buffer);
size_t pack_open_map(struct buffer *buffer);
void pack_close(struct buffer *buffer, size_t place, uint32_t count);

#endif
