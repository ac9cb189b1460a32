/* Replies: their header, and the one way to h2o. Each is called once for a request, and ends it. */
#ifndef GATEWAY_RESPOND_H
#define GATEWAY_RESPOND_H

#include "gateway/error_body.h"
#include "gateway/request.h"

/* JSON text, which lives as long as the request. tag: its ETag, copied; "" = none. A GET or HEAD whose client has it
 * already is answered with 304. next_after: the cursor of the next page; 0 = none. */
void respond_json(struct request *request, int status, struct str json, struct str tag, int64_t next_after);

/* 200 with a body of another type, copied. */
void respond_page(struct request *request, struct str type, struct str body);

void respond_error(struct request *request, const struct failure *failure);

/* 204 */
void respond_nothing(struct request *request);

/* 204 to OPTIONS, with what a page of another origin may do. */
void respond_preflight(struct request *request);

/* For h2o's own answers, which are under way: sets status and header for a body of that length. */
void respond_prepare_error(struct request *request, const struct failure *failure, size_t body_len);

#endif
