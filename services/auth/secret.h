/* Whether a secret is worth the name. */
#ifndef SERVICES_AUTH_SECRET_H
#define SERVICES_AUTH_SECRET_H

#include "common/str.h"

/* NULL, or in words why others could guess the secret: too short, an example's, too plain. */
const char *secret_mistake(struct str secret);

#endif
