/* Zeroed memory from malloc's heap, for what outlives any arena. Out of memory ends the process: no caller checks. */
#ifndef COMMON_ALLOCATE_H
#define COMMON_ALLOCATE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* A copy of the text, alike. */
static inline char *allocate_copy(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(allocate(size), text, size);
}

#endif
