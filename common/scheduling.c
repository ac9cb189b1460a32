/* Policy, niceness and slice of the calling thread. By system calls: glibc 2.36 has no function for the slice, and its
 * sched.h none of the structs. */
#include "common/scheduling.h"

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LOWEST = 19, SLICE_NS = 100 * 1000 };

static void set(const struct sched_attr *attributes)
{
    (void)syscall(SYS_sched_setattr, 0, attributes, 0); /* works as well without */
}

void scheduling_take_turns(void)
{
    struct sched_attr attributes = {.size = sizeof attributes};
    if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0)
        return;
    attributes.sched_policy = SCHED_BATCH;
    set(&attributes);
}

void scheduling_step_back(void)
{
    const struct sched_attr attributes = {
        .size = sizeof attributes, .sched_policy = SCHED_BATCH, .sched_nice = LOWEST, .sched_runtime = SLICE_NS};
    set(&attributes);
}
