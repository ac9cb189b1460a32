/* Carries mails away: by SMTP, or into files where no server is set. */
#ifndef SERVICES_AUTH_MAIL_CARRIER_H
#define SERVICES_AUTH_MAIL_CARRIER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/loop.h"
#include "common/str.h"

enum mail_tls { MAIL_TLS_REQUIRED, MAIL_TLS_OPPORTUNISTIC, MAIL_TLS_OFF }; /* SMTP_TLS's choices */

struct mail_carrier {
    const char *smtp_url; /* "" = files */
    const char *smtp_ca;  /* file of the certificates to trust; "" = the system's */
    int tls;              /* enum mail_tls */
    const char *folder;   /* of the files */
    int64_t timeout_ms;   /* of one mail */
};

enum mail_outcome {
    MAIL_CARRIED,
    MAIL_FAILED,  /* for now: the server is away, busy, or wants it later */
    MAIL_REFUSED, /* for good */
};

struct mail_parcel {
    struct str from, to; /* addresses */
    struct str message;
    struct str file; /* its name, where it becomes one */
    /* Filled in: why it was not carried, or where the file is */
    char detail[512];
};

/* In a fiber: carries one, in a thread of its own, so that a slow server keeps nobody else waiting. Gives up early once
 * *is_stopping. */
enum mail_outcome mail_carry(const struct mail_carrier *carrier, struct loop *loop, struct mail_parcel *parcel,
                             bool (*is_stopping)(void *context), void *context);

#endif
