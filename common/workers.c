/* Two lists behind one lock: what is to be done, and what is. Nobody wakes another thread while holding the lock. */
#include "common/workers.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/allocate.h"
#include "common/kept_memory.h"
#include "common/scheduling.h"

enum { PATIENCE_S = 1 };

STAILQ_HEAD(job_list, job);

struct workers {
    pthread_mutex_t mutex; /* guards given, done and ends */
    pthread_cond_t changed;
    struct job_list given, done;
    bool ends;
    int done_fd;
    size_t count;
    pthread_t threads[];
};

/* ---- in the threads ---- */

/* Waits for a job, or the end. Who waits long needs no memory. */
static void await(struct workers *workers)
{
    struct timespec patience;
    clock_gettime(CLOCK_MONOTONIC, &patience);
    patience.tv_sec += PATIENCE_S;
    int result = 0;
    while (STAILQ_EMPTY(&workers->given) && !workers->ends && result != ETIMEDOUT)
        result = pthread_cond_clockwait(&workers->changed, &workers->mutex, CLOCK_MONOTONIC, &patience);
    if (result != ETIMEDOUT)
        return;
    pthread_mutex_unlock(&workers->mutex);
    kept_memory_release();
    pthread_mutex_lock(&workers->mutex);
    while (STAILQ_EMPTY(&workers->given) && !workers->ends)
        pthread_cond_wait(&workers->changed, &workers->mutex);
}

/* NULL = it is over. */
static struct job *next(struct workers *workers)
{
    pthread_mutex_lock(&workers->mutex);
    await(workers);
    struct job *job = STAILQ_FIRST(&workers->given);
    if (job != NULL)
        STAILQ_REMOVE_HEAD(&workers->given, link);
    pthread_mutex_unlock(&workers->mutex);
    return job;
}

static void hand_back(struct workers *workers, struct job *job)
{
    pthread_mutex_lock(&workers->mutex);
    bool tells = STAILQ_EMPTY(&workers->done) || STAILQ_EMPTY(&workers->given);
    STAILQ_INSERT_TAIL(&workers->done, job, link);
    pthread_mutex_unlock(&workers->mutex);
    if (tells) {
        int result = eventfd_write(workers->done_fd, 1);
        assert(result == 0);
    }
}

static void *work(void *context)
{
    struct workers *workers = context;
    pthread_setname_np(pthread_self(), "worker");
    scheduling_step_back();
    kept_memory_begin();
    for (struct job *job; (job = next(workers)) != NULL;) {
        scheduling_offer_begin();
        job->run(job);
        scheduling_offer_end();
        hand_back(workers, job);
    }
    kept_memory_release();
    return NULL;
}

/* ---- for the owner ---- */

void workers_give(struct workers *workers, struct job *job)
{
    pthread_mutex_lock(&workers->mutex);
    STAILQ_INSERT_TAIL(&workers->given, job, link);
    pthread_mutex_unlock(&workers->mutex);
    pthread_cond_signal(&workers->changed);
}

int workers_fd(const struct workers *workers)
{
    return workers->done_fd;
}

bool workers_hear(struct workers *workers)
{
    eventfd_t count;
    (void)eventfd_read(workers->done_fd, &count); /* nothing to read: then nothing has changed */
    pthread_mutex_lock(&workers->mutex);
    bool more = !STAILQ_EMPTY(&workers->given);
    pthread_mutex_unlock(&workers->mutex);
    return more;
}

void workers_collect(struct workers *workers, void (*on_done)(struct job *job))
{
    struct job_list done = STAILQ_HEAD_INITIALIZER(done);
    pthread_mutex_lock(&workers->mutex);
    STAILQ_CONCAT(&done, &workers->done);
    pthread_mutex_unlock(&workers->mutex);
    for (struct job *job; (job = STAILQ_FIRST(&done)) != NULL;) {
        STAILQ_REMOVE_HEAD(&done, link);
        on_done(job);
    }
}

struct workers *workers_new(size_t count)
{
    struct workers *workers = allocate(sizeof *workers + count * sizeof *workers->threads);
    pthread_mutex_init(&workers->mutex, NULL);
    pthread_cond_init(&workers->changed, NULL);
    STAILQ_INIT(&workers->given);
    STAILQ_INIT(&workers->done);
    workers->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    workers->count = count;
    bool made = workers->done_fd >= 0;
    for (size_t i = 0; made && i < count; i++)
        made = pthread_create(&workers->threads[i], NULL, work, workers) == 0;
    if (!made) {
        perror("worker threads");
        abort();
    }
    return workers;
}

void workers_destroy(struct workers **workers_)
{
    struct workers *workers = *workers_;
    if (workers == NULL)
        return;
    *workers_ = NULL;
    pthread_mutex_lock(&workers->mutex);
    assert(STAILQ_EMPTY(&workers->given) && STAILQ_EMPTY(&workers->done));
    workers->ends = true;
    pthread_mutex_unlock(&workers->mutex);
    pthread_cond_broadcast(&workers->changed);
    for (size_t i = 0; i < workers->count; i++)
        pthread_join(workers->threads[i], NULL);
    pthread_cond_destroy(&workers->changed);
    pthread_mutex_destroy(&workers->mutex);
    close(workers->done_fd);
    free(workers);
}
