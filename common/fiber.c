/* Fibers as QEMU's coroutine-ucontext makes them: makecontext enters a stack once, then _setjmp and _longjmp switch,
 * which makes no system call. A fiber that ends rests in a pool, parked in the loop of enter(), until it gets its next
 * entry. Built without _FORTIFY_SOURCE, whose longjmp check takes another stack for an attack. */
#include "common/fiber.h"

#include <assert.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "common/allocate.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STACK_SIZE = 512 * 1024 }; /* their frames are several times as large */
#else
enum { STACK_SIZE = 128 * 1024 };
#endif
enum { MAX_POOLED = 1024, DEFAULT_LIMIT = 4096 };

/* For the functions whose frames are live during a switch: the sanitizers' bookkeeping changes stacks under them. */
#define UNINSTRUMENTED __attribute__((noinline, no_sanitize("address", "thread")))

enum state { POOLED, RUNNING, SUSPENDED }; /* RUNNING: also while it waits for another that it resumed */

struct fiber {
    enum state state;
    bool entered;    /* makecontext has done its part: context is good */
    jmp_buf context; /* where it goes on */
    void (*entry)(void *argument);
    void *argument;
    struct fiber *resumer; /* where it goes back to */
    struct fiber *next;    /* in the pool */
    const void *stack;     /* lowest address; a guard page is mapped below it */
    size_t stack_size;
    void *fake_stack; /* AddressSanitizer's */
    void *shadow;     /* ThreadSanitizer's */
};

/* One thread's. Its own stack counts as a fiber, so that every switch is one between two fibers. */
static _Thread_local struct {
    struct fiber thread;
    struct fiber *running; /* NULL = thread */
    struct fiber *previous;
    struct fiber *pool;
    size_t pooled;
    size_t alive;
    size_t limit;
} fibers = {.limit = DEFAULT_LIMIT};

/* ---- what the sanitizers are told ---- */

static inline void announce_switch(struct fiber *from, struct fiber *to)
{
#ifdef __SANITIZE_ADDRESS__
    /* NULL gives the fake stack back: no frame of an ended fiber is used again. */
    __sanitizer_start_switch_fiber(from->state == POOLED ? NULL : &from->fake_stack, to->stack, to->stack_size);
    if (from->state == POOLED)
        from->fake_stack = NULL;
#endif
#ifdef __SANITIZE_THREAD__
    if (from == &fibers.thread)
        from->shadow = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(to->shadow, 0);
#endif
    (void)from;
    (void)to;
}

/* On arrival. This is also how the bounds of the thread's own stack become known, when it is left. */
static inline void confirm_switch(void)
{
#ifdef __SANITIZE_ADDRESS__
    struct fiber *from = fibers.previous;
    __sanitizer_finish_switch_fiber(fibers.running->fake_stack, &from->stack, &from->stack_size);
#endif
}

/* ---- switching ---- */

static void enter(void);

/* Makes the first entry into a stack. What makecontext prepares is needed no longer than until setcontext has read it.
 */
UNINSTRUMENTED static void enter_first(struct fiber *fiber)
{
    ucontext_t context;
    if (getcontext(&context) != 0)
        abort();
    context.uc_stack.ss_sp = (void *)fiber->stack;
    context.uc_stack.ss_size = fiber->stack_size;
    context.uc_link = NULL;
    makecontext(&context, enter, 0);
    fiber->entered = true;
    setcontext(&context);
    abort(); /* it returns only when it failed */
}

/* Returns when somebody switches back. */
UNINSTRUMENTED static void switch_to(struct fiber *to)
{
    fibers.previous = fibers.running;
    fibers.running = to;
    announce_switch(fibers.previous, to);
    if (_setjmp(fibers.previous->context) == 0) {
        if (to->entered)
            _longjmp(to->context, 1);
        enter_first(to);
    }
    confirm_switch();
}

/* The bottom of every fiber's stack: one entry after the other. */
UNINSTRUMENTED static void enter(void)
{
    confirm_switch();
    for (;;) {
        struct fiber *self = fibers.running;
        self->entry(self->argument);
        self->state = POOLED;
        switch_to(self->resumer);
    }
}

/* ---- stacks ---- */

static struct fiber *create(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *mapping = mmap(NULL, page + STACK_SIZE, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED || mprotect(mapping, page, PROT_NONE) != 0) {
        perror("no memory for a fiber's stack");
        abort();
    }
    struct fiber *fiber = allocate(sizeof *fiber);
    fiber->stack = mapping + page;
    fiber->stack_size = STACK_SIZE;
#ifdef __SANITIZE_THREAD__
    fiber->shadow = __tsan_create_fiber(0);
#endif
    return fiber;
}

static void destroy(struct fiber *fiber)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
#ifdef __SANITIZE_THREAD__
    __tsan_destroy_fiber(fiber->shadow);
#endif
    int result = munmap((char *)fiber->stack - page, page + fiber->stack_size);
    assert(result == 0);
    free(fiber);
}

static struct fiber *take_from_pool(void)
{
    struct fiber *fiber = fibers.pool;
    if (fiber == NULL)
        return create();
    fibers.pool = fiber->next;
    fibers.pooled--;
    return fiber;
}

static void give_to_pool(struct fiber *fiber)
{
    if (fibers.pooled == MAX_POOLED) {
        destroy(fiber);
        return;
    }
    fiber->next = fibers.pool;
    fibers.pool = fiber;
    fibers.pooled++;
}

/* ---- public ---- */

static void run(struct fiber *fiber)
{
    if (fibers.running == NULL) {
        fibers.thread.state = RUNNING;
        fibers.thread.entered = true;
        fibers.running = &fibers.thread;
    }
    fiber->state = RUNNING;
    fiber->resumer = fibers.running;
    switch_to(fiber);
    if (fiber->state == POOLED) {
        fibers.alive--;
        give_to_pool(fiber);
    }
}

bool fiber_start(void (*entry)(void *argument), void *argument)
{
    if (fibers.alive >= fibers.limit)
        return false;
    struct fiber *fiber = take_from_pool();
    fiber->entry = entry;
    fiber->argument = argument;
    fibers.alive++;
    run(fiber);
    return true;
}

struct fiber *fiber_current(void)
{
    return fibers.running != &fibers.thread ? fibers.running : NULL;
}

void fiber_suspend(void)
{
    struct fiber *self = fiber_current();
    assert(self != NULL);
    self->state = SUSPENDED;
    switch_to(self->resumer);
}

void fiber_resume(struct fiber *fiber)
{
    assert(fiber->state == SUSPENDED);
    run(fiber);
}

size_t fiber_count(void)
{
    return fibers.alive;
}

void fiber_set_limit(size_t limit)
{
    fibers.limit = limit;
}

void fiber_cleanup(void)
{
    assert(fibers.alive == 0);
    while (fibers.pool != NULL)
        destroy(take_from_pool());
}
