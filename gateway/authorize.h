/* Who asks, and whether such a one may: the token, then the user it speaks for as that user is now, then the route's
 * column. */
#ifndef GATEWAY_AUTHORIZE_H
#define GATEWAY_AUTHORIZE_H

#include "gateway/request.h"

/* Calls then(request), now or when the user service has answered, with user_id and principal filled in; or answers the
 * request with 401, 403, 503, 504 and does not. Arguments are kept by the request meanwhile. */
void authorize(struct request *request, struct str arguments,
               void (*then)(struct request *request, struct str arguments));

#endif
