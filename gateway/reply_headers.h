/* Header fields that stand on every reply, whoever writes it: FIELD(name in lower case, name
 * as HTTP/1 writes it, value). */
#ifndef GATEWAY_REPLY_HEADERS_H
#define GATEWAY_REPLY_HEADERS_H

#define REPLY_HEADERS(FIELD)                                                                                           \
    FIELD("vary", "Vary", "Origin")                                                                                    \
    FIELD("access-control-allow-credentials", "Access-Control-Allow-Credentials", "true")                              \
    FIELD("x-content-type-options", "X-Content-Type-Options", "nosniff")

/* On replies to a listed origin, beside access-control-allow-origin */
#define EXPOSED_HEADERS                                                                                                \
    "ETag,Link,RateLimit-Limit,RateLimit-Remaining,RateLimit-Reset,Retry-After,Server-Timing,X-Request-Id"

#define SERVER_NAME "backend"
#define JSON_TYPE "application/json; charset=utf-8"
#define PROBLEM_TYPE "application/problem+json"

#endif
