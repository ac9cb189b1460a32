/* Text that a test makes and forgets: one list of what is to be destroyed at the end. */
#include "tests/support/scratch.h"

#include <assert.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    struct entry *next;
    void (*destroy)(void *object);
    void *object;
};

static struct entry *entries;
static pthread_mutex_t entries_lock = PTHREAD_MUTEX_INITIALIZER;

void scratch_defer(void (*destroy)(void *object), void *object)
{
    struct entry *entry = malloc(sizeof *entry);
    assert(entry != NULL);
    entry->destroy = destroy;
    entry->object = object;
    pthread_mutex_lock(&entries_lock);
    entry->next = entries;
    entries = entry;
    pthread_mutex_unlock(&entries_lock);
}

void *scratch_alloc(size_t size)
{
    void *memory = calloc(1, size > 0 ? size : 1);
    assert(memory != NULL);
    scratch_defer(free, memory);
    return memory;
}

char *text(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *result = NULL;
    int len = vasprintf(&result, format, arguments);
    va_end(arguments);
    assert(len >= 0);
    scratch_defer(free, result);
    return result;
}

char *text_repeat(const char *piece, size_t count)
{
    size_t len = strlen(piece);
    char *result = scratch_alloc(len * count + 1);
    for (size_t i = 0; i < count; i++)
        memcpy(result + i * len, piece, len);
    return result;
}

void scratch_free(void)
{
    while (entries != NULL) {
        struct entry *entry = entries;
        entries = entry->next;
        entry->destroy(entry->object);
        free(entry);
    }
}
