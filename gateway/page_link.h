/* The Link header of a page of a list (RFC 8288): the request's own URL, with the cursor of the next page. */
#ifndef GATEWAY_PAGE_LINK_H
#define GATEWAY_PAGE_LINK_H

#include <stdint.h>

#include "common/buffer.h"
#include "common/str.h"

/* Appends `<path?…&limit=…&after=…>; rel="next"`: query (without '?') is kept but for its limit and after. */
void page_link(struct buffer *out, struct str path, struct str query, int64_t limit, int64_t after);

#endif
