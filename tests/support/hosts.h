/* Three hosts, as far as a network is concerned: network namespaces joined by a bridge. This process is on the first,
 * HOST_GATEWAY, where the bridge is; names are resolved by a file that is /etc/hosts here and for what is started here.
 */
#ifndef TESTS_SUPPORT_HOSTS_H
#define TESTS_SUPPORT_HOSTS_H

#include <stdbool.h>

enum host { HOST_GATEWAY, HOST_FIRST, HOST_SECOND, HOSTS };

/* Before the first thread. False, and *why_not, where this process may not make them: then nothing is changed. */
bool hosts_make(const char **why_not);
/* Everything goes with this process but the file. */
void hosts_remove(void);

/* "10.77.0.2" */
const char *host_address(enum host host);

/* What is started from now on is on that host. */
void host_enter(enum host host);

/* Takes the host off the network, or puts it back. */
void host_cut(enum host host, bool is_cut);

/* The lines of /etc/hosts. */
void hosts_write(const char *lines);

#endif
