/* The admin port: /healthz (this process turns), /readyz (each service says that it can work) and /metrics. */
#ifndef GATEWAY_ADMIN_H
#define GATEWAY_ADMIN_H

#include "gateway/http.h"

/* Serves the host's every path. */
void admin_register(h2o_hostconf_t *host);

#endif
