/* The memory of password hashes, kept from one to the next in a thread that computes many. libsodium maps it anew for
 * each (19 MiB by default) and has no setting for that: making and clearing 4,864 pages takes longer than hashing in
 * them, and goes on under a lock that other threads of the process wait for (2 cores: 130 hashes a second, and 320 in
 * memory that is kept). */
#ifndef COMMON_KEPT_MEMORY_H
#define COMMON_KEPT_MEMORY_H

/* From here on the calling thread keeps what a hash has unmapped, for the next one: as much as the largest needed. */
void kept_memory_begin(void);
/* Gives it back to the system; the next hash maps it again. No hash may be under way in this thread. */
void kept_memory_release(void);

#endif
