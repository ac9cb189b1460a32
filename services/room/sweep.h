/* Starts and ends rooms when their time has come, for whom the events of it matter: what holds is the clock's, and
 * needs no sweep. And removes counts of wrong passwords that are over. */
#ifndef SERVICES_ROOM_SWEEP_H
#define SERVICES_ROOM_SWEEP_H

#include "common/service.h"

struct sweep;

/* Sweeps every interval_ms from now on. Each copy of the service does, and passes over what another is at. Returns
 * owned. */
struct sweep *sweep_new(struct service *service, int64_t interval_ms);
void sweep_destroy(struct sweep **sweep);

#endif
