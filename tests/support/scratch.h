/* Text that a test makes and forgets: kept until the program's end, so that no test frees anything. Any thread. */
#ifndef TESTS_SUPPORT_SCRATCH_H
#define TESTS_SUPPORT_SCRATCH_H

#include <stddef.h>

/* printf into memory of its own. */
char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The character count times. */
char *text_repeat(const char *piece, size_t count);

/* Zeroed memory, as long-lived. */
void *scratch_alloc(size_t size);

/* Calls destroy(object) at scratch_free. */
void scratch_defer(void (*destroy)(void *object), void *object);

void scratch_free(void);

#endif
