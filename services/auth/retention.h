/* What is over goes: sessions, tokens, counts, and entries of the audit trail that are old. */
#ifndef SERVICES_AUTH_RETENTION_H
#define SERVICES_AUTH_RETENTION_H

#include "common/service.h"

struct retention;

/* Looks every interval_s, and soon after the start. Returns owned. */
struct retention *retention_new(struct service *service, int64_t interval_s);
void retention_destroy(struct retention **retention);

#endif
