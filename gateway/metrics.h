/* What the gateway measures: each thread for itself, added up for whoever asks for /metrics. */
#ifndef GATEWAY_METRICS_H
#define GATEWAY_METRICS_H

#include "common/metrics.h"
#include "proto/proto.h"

struct http_stats {
#define HTTP METRIC_MEMBER
#include "gateway/metrics.def"
};

/* A thread's numbers. */
struct metrics;
struct metrics *metrics_new(void); /* owned */
void metrics_destroy(struct metrics **metrics);

struct http_stats *metrics_http(struct metrics *metrics);
/* A request has ended. route NULL: there is none for it. status 0: it was not answered. */
void metrics_note_request(struct metrics *metrics, const struct route *route, int status, int64_t took_us);

/* The page, of all threads of the gateway. */
struct gateway;
void metrics_write(const struct gateway *gateway, struct buffer *page);

#endif
