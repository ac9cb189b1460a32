/* What --healthcheck does, for containers and whoever else watches over a process by running a command. */
#ifndef COMMON_HEALTHCHECK_H
#define COMMON_HEALTHCHECK_H

#include "common/config.h"

/* Asks /readyz of the process that runs with these settings. Returns 0 where it is ready; else 1, having printed why
 * not. Takes two seconds at most. */
int healthcheck(const struct config_common *config);

#endif
