/* Network namespaces, a bridge, and a file mounted over /etc/hosts. */
#include "tests/support/hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/support/cmocka.h"
#include "tests/support/process.h"

static const char *const addresses[HOSTS] = {"10.77.0.1", "10.77.0.2", "10.77.0.3"};
static int namespaces[HOSTS];
static char names_path[] = "/tmp/hosts.XXXXXX";

const char *host_address(enum host host)
{
    return addresses[host];
}

void host_enter(enum host host)
{
    assert_int_equal(setns(namespaces[host], CLONE_NEWNET), 0);
}

void hosts_write(const char *lines)
{
    FILE *file = fopen(names_path, "we");
    assert_non_null(file);
    fprintf(file, "127.0.0.1 localhost\n%s", lines);
    fclose(file);
}

/* ---- making them ---- */

static bool make_namespace(enum host host)
{
    if (unshare(CLONE_NEWNET) != 0)
        return false;
    namespaces[host] = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_true(namespaces[host] >= 0);
    shell("ip link set lo up");
    return true;
}

static bool mount_names(void)
{
    int fd = mkstemp(names_path);
    assert_true(fd >= 0);
    close(fd);
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount(names_path, "/etc/hosts", NULL, MS_BIND, NULL) == 0;
}

static void make_bridge(void)
{
    host_enter(HOST_GATEWAY);
    shell("ip link add bridge type bridge && ip address add %s/24 dev bridge && ip link set bridge up",
          addresses[HOST_GATEWAY]);
}

/* A cable from the bridge to the host. The host's namespace is named by this process's descriptor of it. */
static void plug_in(enum host host)
{
    host_enter(HOST_GATEWAY);
    shell("ip link add port%d type veth peer name uplink netns /proc/%d/fd/%d && ip link set port%d master bridge up",
          (int)host, (int)getpid(), namespaces[host], (int)host);
    host_enter(host);
    shell("ip address add %s/24 dev uplink && ip link set uplink up", addresses[host]);
}

bool hosts_make(const char **why_not)
{
    *why_not = NULL;
    if (!mount_names())
        *why_not = strerror(errno);
    for (enum host host = 0; *why_not == NULL && host < HOSTS; host++)
        if (!make_namespace(host))
            *why_not = strerror(errno);
    if (*why_not != NULL) {
        unlink(names_path);
        return false;
    }
    make_bridge();
    plug_in(HOST_FIRST);
    plug_in(HOST_SECOND);
    host_enter(HOST_GATEWAY);
    return true;
}

void hosts_remove(void)
{
    unlink(names_path);
}

void host_cut(enum host host, bool is_cut)
{
    shell("ip link set port%d %s", (int)host, is_cut ? "down" : "up");
}
