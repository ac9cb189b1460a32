/* Which proxies are believed when they say for whom they ask (X-Forwarded-For). */
#ifndef GATEWAY_PROXIES_H
#define GATEWAY_PROXIES_H

#include <stdbool.h>

#include "common/address.h"

struct proxies;

/* list: addresses and networks, comma-separated. Returns owned; NULL for a list with a mistake, which *mistake then is
 * (borrowed from list). */
struct proxies *proxies_new(const char *list, struct str *mistake);
void proxies_destroy(struct proxies **proxies);

bool proxies_trust(const struct proxies *proxies, const struct address *address);

/* Goes back the way that a request came. *address is who handed it on, and field an X-Forwarded-For, to which each
 * proxy adds at the right end who asked it: while *address is trusted, it becomes what stands there. Returns whether it
 * may go on with the field before; false when the client is reached, or a proxy passed on what is no address: then the
 * last that was one stays. */
bool proxies_follow(const struct proxies *proxies, struct str field, struct address *address);

#endif
