/* What the system knows of this process, from /proc/self, under the names that Prometheus' own clients use. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/metrics.h"

/* ---- /proc/self/stat: the fields behind the name, which is in brackets and may hold anything ---- */

enum { FIELD_STATE = 3, FIELD_THREADS = 20, FIELD_START = 22, FIELD_VSIZE = 23, FIELD_RSS = 24 };

static bool read_stat(char *text, size_t size)
{
    FILE *file = fopen("/proc/self/stat", "re");
    if (file == NULL)
        return false;
    size_t len = fread(text, 1, size - 1, file);
    fclose(file);
    text[len] = '\0';
    return len > 0;
}

static double field_of(const char *stat, int number)
{
    const char *at = strrchr(stat, ')');
    for (int field = FIELD_STATE - 1; at != NULL && field < number; field++)
        at = strchr(at + 1, ' ');
    return at != NULL ? strtod(at, NULL) : 0;
}

/* ---- the rest ---- */

static double cpu_seconds(void)
{
    struct timespec spent;
    return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent) == 0 ? (double)spent.tv_sec + (double)spent.tv_nsec / 1e9
                                                                : 0;
}

static double count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    double count = 0;
    if (folder == NULL)
        return 0;
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count - 3; /* ".", "..", and this folder's own */
}

static double most_descriptors(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (double)limit.rlim_cur : 0;
}

/* The process' start is told in ticks since the machine's. */
static double started_at(const char *stat, double ticks)
{
    struct timespec now, since_boot;
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &since_boot);
    double booted_at = (double)(now.tv_sec - since_boot.tv_sec) + (double)(now.tv_nsec - since_boot.tv_nsec) / 1e9;
    return booted_at + field_of(stat, FIELD_START) / ticks;
}

void metrics_process(struct buffer *page, const char *name)
{
    char stat[1024], labels[128];
    snprintf(labels, sizeof labels, "process=\"%s\",version=\"%s\"", name, BACKEND_VERSION);
    metrics_single(page, &METRIC_BUILD_INFO, labels, 1);
    if (!read_stat(stat, sizeof stat))
        return;
    double ticks = (double)sysconf(_SC_CLK_TCK), page_size = (double)sysconf(_SC_PAGESIZE);
    metrics_single(page, &METRIC_CPU_SECONDS, "", cpu_seconds());
    metrics_single(page, &METRIC_RESIDENT_MEMORY, "", field_of(stat, FIELD_RSS) * page_size);
    metrics_single(page, &METRIC_VIRTUAL_MEMORY, "", field_of(stat, FIELD_VSIZE));
    metrics_single(page, &METRIC_OPEN_FDS, "", count_descriptors());
    metrics_single(page, &METRIC_MAX_FDS, "", most_descriptors());
    metrics_single(page, &METRIC_THREADS, "", field_of(stat, FIELD_THREADS));
    metrics_single(page, &METRIC_START_TIME, "", started_at(stat, ticks));
}
