/* One request over a blocking socket with a timeout: what a health check runs every few seconds should be small. */
#include "common/healthcheck.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/address.h"
#include "common/banned.h"

enum { PATIENCE_S = 2, REPLY_MAX = 16 * 1024 };

static int connect_to(const struct config_common *config)
{
    struct sockaddr_storage address;
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    socklen_t len = address_to_socket(config->admin_host, config->admin_port, &address);
    int fd = len > 0 ? socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
        connect(fd, (struct sockaddr *)&address, len) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Until the other side closes. Returns how many bytes came; what is beyond the size is left. */
static size_t receive(int fd, char *reply, size_t size)
{
    size_t len = 0;
    ssize_t got = 1;
    while (got > 0 && len < size) {
        got = recv(fd, reply + len, size - len, 0);
        len += got > 0 ? (size_t)got : 0;
    }
    return len;
}

static int judge(char *reply, size_t len)
{
    static const char good[] = "HTTP/1.1 200 ";
    reply[len] = '\0';
    if (strncmp(reply, good, sizeof good - 1) == 0)
        return EXIT_SUCCESS;
    const char *head_end = strstr(reply, "\r\n\r\n");
    printf("not ready: %s\n", head_end != NULL && head_end[4] != '\0' ? head_end + 4 : "no answer in time");
    return EXIT_FAILURE;
}

int healthcheck(const struct config_common *config)
{
    static const char request[] = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    char reply[REPLY_MAX + 1];
    if (config->admin_port == 0) {
        puts("not known: ADMIN_PORT is not set");
        return EXIT_FAILURE;
    }
    int fd = connect_to(config);
    if (fd < 0) {
        printf("not ready: %s port %lld: %s\n", config->admin_host, (long long)config->admin_port, strerror(errno));
        return EXIT_FAILURE;
    }
    size_t len = send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0 ? receive(fd, reply, REPLY_MAX) : 0;
    close(fd);
    return judge(reply, len);
}
