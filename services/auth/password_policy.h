/* Which passwords are too easily guessed to be anybody's. */
#ifndef SERVICES_AUTH_PASSWORD_POLICY_H
#define SERVICES_AUTH_PASSWORD_POLICY_H

#include "common/str.h"

/* Whether it is one of the 10,000 most common, ASCII letters in either case. */
bool password_is_common(struct str password);

#endif
