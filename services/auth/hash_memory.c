/* The memory of password hashes in huge pages. libsodium maps it anew for each hash (19 MiB), and where the system
 * keeps huge pages for who asks for them ("madvise", see transparent_hugepage in the kernel's manual) it does not ask:
 * then making 4,864 pages takes longer than hashing in them, under a lock that other hashing threads wait for. It has
 * no setting for that. So its calls of mmap come here, as they do to whichever mmap the program itself defines, and are
 * recognized by MAP_POPULATE and their size. */
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __SANITIZE_ADDRESS__ /* which has an mmap of its own */

enum { LEAST = 4 * 1024 * 1024 };

__attribute__((visibility("default"))) void *mmap(void *address, size_t length, int protection, int flags, int fd,
                                                  off_t offset)
{
    enum { HUGE = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE };
    bool is_hash = (flags & HUGE) == HUGE && length >= LEAST;
    /* Populated by the first touch, which may take huge pages, and not in here, where it is too early to ask for them.
     */
    long result = syscall(SYS_mmap, address, length, protection, is_hash ? flags & ~MAP_POPULATE : flags, fd, offset);
    void *memory = (void *)result; // NOLINT(performance-no-int-to-ptr): what the system call returns
    if (is_hash && memory != MAP_FAILED)
        (void)madvise(memory, length, MADV_HUGEPAGE); /* refused: then in small ones */
    return memory;
}

#endif
