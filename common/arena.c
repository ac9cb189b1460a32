/* Arenas: a chain of blocks that are filled from the front, and a list of destructors for what is not memory. */
#include "common/arena.h"

#include <assert.h>
#include <sanitizer/asan_interface.h> /* nothing at all where ASan is off */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 8192, ALIGNMENT = _Alignof(max_align_t) };

struct block {
    struct block *older;
    size_t size, used; /* of bytes */
    _Alignas(ALIGNMENT) char bytes[];
};

struct deferred {
    struct deferred *older;
    void (*destroy)(void *object);
    void *object;
};

struct arena {
    struct block *newest;
    struct deferred *deferred;
};

static _Noreturn void out_of_memory(void)
{
    fputs("out of memory\n", stderr);
    abort();
}

static struct block *block_new(size_t size, struct block *older)
{
    struct block *block = size <= SIZE_MAX - sizeof *block ? malloc(sizeof *block + size) : NULL;
    if (!block)
        out_of_memory();
    *block = (struct block){.older = older, .size = size};
    ASAN_POISON_MEMORY_REGION(block->bytes, size);
    return block;
}

static void block_free(struct block *block)
{
    ASAN_UNPOISON_MEMORY_REGION(block->bytes, block->size);
    free(block);
}

struct arena *arena_new(void)
{
    struct arena *arena = calloc(1, sizeof *arena);
    if (!arena)
        out_of_memory();
    arena->newest = block_new(BLOCK_SIZE, NULL);
    return arena;
}

void arena_destroy(struct arena **arena)
{
    if (!*arena)
        return;
    arena_reset(*arena);
    block_free((*arena)->newest);
    free(*arena);
    *arena = NULL;
}

void arena_reset(struct arena *arena)
{
    for (struct deferred *next; (next = arena->deferred);) {
        arena->deferred = next->older;
        next->destroy(next->object);
    }
    for (struct block *older; (older = arena->newest->older);) {
        block_free(arena->newest);
        arena->newest = older;
    }
    arena->newest->used = 0;
    ASAN_POISON_MEMORY_REGION(arena->newest->bytes, arena->newest->size);
}

/* What is too big for a common block gets one of its own, and the block in use stays in use: it is put behind it. */
static struct block *block_with_room(struct arena *arena, size_t size)
{
    struct block *newest = arena->newest;
    if (newest->size - newest->used >= size)
        return newest;
    if (size <= BLOCK_SIZE / 4)
        return arena->newest = block_new(BLOCK_SIZE, newest);
    struct block *own = block_new(size, newest->older);
    if (newest->older)
        return newest->older = own;
    own->older = newest;
    return arena->newest = own;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX - ALIGNMENT)
        out_of_memory();
    size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct block *block = block_with_room(arena, rounded);
    void *memory = block->bytes + block->used;
    block->used += rounded;
    ASAN_UNPOISON_MEMORY_REGION(memory, size);
    return memset(memory, 0, size);
}

struct str arena_copy(struct arena *arena, struct str s)
{
    if (s.len == SIZE_MAX)
        out_of_memory();
    char *copy = arena_alloc(arena, s.len + 1);
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    return (struct str){copy, s.len};
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
    assert(format);
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    assert(len >= 0);
    char *text = arena_alloc(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    va_end(args);
    return (struct str){text, (size_t)len};
}

void arena_defer(struct arena *arena, void (*destroy)(void *object), void *object)
{
    struct deferred *deferred = arena_alloc(arena, sizeof *deferred);
    *deferred = (struct deferred){arena->deferred, destroy, object};
    arena->deferred = deferred;
}
