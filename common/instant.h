/* Moments in text, as RFC 3339 has them: "2026-05-01T18:30:00+02:00". */
#ifndef COMMON_INSTANT_H
#define COMMON_INSTANT_H

#include "common/str.h"

/* Whether text is a date, a time to the second or finer, and an offset, all of them real: a day its month has, an
 * offset a clock may have (±14:59). Years 1970 to 9998, so that every offset leaves four digits. Case of T and Z does
 * not count; a space may stand for T; a leap second is a second. */
bool instant_is_valid(struct str text);

#endif
