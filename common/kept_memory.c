/* A program's own mmap and munmap are those of all its shared libraries too; these know the memory of a hash by the
 * flags and the size that libsodium asks for. It writes each page before it reads it, as Argon2 does (RFC 9106, 3.2):
 * so it may get back what it had before, where the manual promises zeros. */
#include "common/kept_memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <threads.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

/* Sanitizers have a mmap of their own. */
void kept_memory_begin(void)
{
}
void kept_memory_release(void)
{
}

#else

enum { LEAST = 4 * 1024 * 1024 };

static thread_local struct {
    bool begun, is_lent;
    void *memory; /* NULL: none */
    size_t size;
} kept;

static void *map(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    long result = syscall(SYS_mmap, address, length, protection, flags, fd, offset);
    return (void *)result; // NOLINT(performance-no-int-to-ptr): what the system call returns
}

static int unmap(void *address, size_t length)
{
    return (int)syscall(SYS_munmap, address, length);
}

static bool is_of_hash(const void *address, size_t length, int flags)
{
    return address == NULL && length >= LEAST && flags == (MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE);
}

__attribute__((visibility("default"))) void *mmap(void *address, size_t length, int protection, int flags, int fd,
                                                  off_t offset)
{
    if (!kept.begun || kept.is_lent || !is_of_hash(address, length, flags))
        return map(address, length, protection, flags, fd, offset);
    if (kept.size < length) {
        kept_memory_release();
        void *memory = map(address, length, protection, flags, fd, offset);
        if (memory == MAP_FAILED)
            return memory;
        kept.memory = memory;
        kept.size = length;
    }
    kept.is_lent = true;
    return kept.memory;
}

__attribute__((visibility("default"))) int munmap(void *address, size_t length)
{
    if (!kept.is_lent || address != kept.memory)
        return unmap(address, length);
    kept.is_lent = false;
    return 0;
}

void kept_memory_begin(void)
{
    kept.begun = true;
}

void kept_memory_release(void)
{
    if (kept.memory != NULL)
        (void)unmap(kept.memory, kept.size);
    kept.memory = NULL;
    kept.size = 0;
}

#endif
