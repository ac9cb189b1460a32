/* Zeroed memory from malloc's heap, for what outlives any arena. Out of memory ends the process: no caller checks. */
#ifndef COMMON_ALLOCATE_H
#define COMMON_ALLOCATE_H

#include <stdio.h>
#include <stdlib.h>

/* Returns owned; free() takes it back. */
static inline void *allocate(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return memory;
}

#endif
