/* h2o answers some requests itself, in plain text: a broken chunk, a body that outgrew its limit, HTTP/2 header fields
 * with forbidden characters. This filter turns those answers into the contract's. */
#ifndef GATEWAY_OWN_ANSWER_H
#define GATEWAY_OWN_ANSWER_H

#include "gateway/http.h"

/* On the host's fallback path, which no handler of ours serves. */
void own_answer_register(h2o_hostconf_t *host);

#endif
