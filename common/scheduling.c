/* Policy, niceness and slice of the calling thread. By system calls: glibc 2.36 has no function for the slice, and its
 * sched.h none of the structs. */
#include "common/scheduling.h"

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

enum { NICENESS = 10, SLICE_NS = 100 * 1000, OFFER_NS = 200 * 1000 };

/* What it does by default is nothing, to whichever thread it comes; debuggers pass it on unseen. */
enum { OFFER_SIGNAL = SIGURG };

static thread_local bool offers;
static thread_local timer_t offering;

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
        .size = sizeof attributes, .sched_policy = SCHED_BATCH, .sched_nice = NICENESS, .sched_runtime = SLICE_NS};
    set(&attributes);
}

static void offer(int signal)
{
    (void)signal;
    (void)syscall(SYS_sched_yield); /* always succeeds: errno stays */
}

void scheduling_offer_begin(void)
{
    struct sigaction action = {.sa_handler = offer, .sa_flags = SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = OFFER_SIGNAL};
    const struct itimerspec every = {.it_interval.tv_nsec = OFFER_NS, .it_value.tv_nsec = OFFER_NS};
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid); /* sigev_notify_thread_id, for which glibc 2.36 has no name */
    offers = sigaction(OFFER_SIGNAL, &action, NULL) == 0 && timer_create(CLOCK_MONOTONIC, &event, &offering) == 0;
    if (offers)
        (void)timer_settime(offering, 0, &every, NULL);
}

void scheduling_offer_end(void)
{
    if (offers)
        (void)timer_delete(offering);
}
