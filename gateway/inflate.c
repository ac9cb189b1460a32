/* Inflating by zlib, in one step into room for one byte more than is allowed. */
#include "gateway/inflate.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum { WINDOW_BITS = 15, GZIP_WRAPPER = 16 }; /* what zlib.h calls them in inflateInit2's text */

enum error inflate_bounded(struct str compressed, enum compression compression, size_t max, struct buffer *out)
{
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)compressed.ptr, .avail_in = (unsigned)compressed.len};
    if (inflateInit2(&stream, compression == COMPRESSION_GZIP ? WINDOW_BITS + GZIP_WRAPPER : WINDOW_BITS) != Z_OK) {
        fputs("out of memory\n", stderr);
        abort();
    }
    stream.next_out = (unsigned char *)buffer_reserve(out, max + 1);
    stream.avail_out = (unsigned)max + 1;
    int result = inflate(&stream, Z_FINISH);
    size_t len = max + 1 - stream.avail_out;
    bool is_whole = result == Z_STREAM_END && stream.avail_in == 0;
    inflateEnd(&stream);
    if (len > max)
        return ERROR_BODY_TOO_LARGE;
    if (!is_whole)
        return ERROR_MALFORMED;
    out->len += len;
    return OK;
}
