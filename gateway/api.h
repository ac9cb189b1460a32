/* The API's requests: each becomes one call of one service. */
#ifndef GATEWAY_API_H
#define GATEWAY_API_H

#include "gateway/request.h"

/* Serves the host's every path. */
void api_register(h2o_hostconf_t *host);

/* Calls a method for the request, within its deadline. */
enum error api_send(struct request *request, const struct method *method, struct str arguments,
                    void (*on_reply)(void *context, const struct bus_reply *reply), void *context,
                    bus_call_id *id) MUST_USE;

#endif
