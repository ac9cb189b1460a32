/* What the cores can hash: verifies an Argon2id hash on as many threads as there are cores, and prints how many a
 * second. With "kept" it keeps the memory of a hash for the next one, as our services do; libsodium does not.
 *
 * usage: hashes SECONDS MEMORY_KIB ITERATIONS [kept] */
#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/kept_memory.h"

enum { MAX_THREADS = 256 };

static const char password[] = "correct-horse";
static char hash[crypto_pwhash_STRBYTES];
static double end_s;
static bool is_kept;

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void *verify(void *memory)
{
    long *count = memory;
    if (is_kept)
        kept_memory_begin();
    for (; now_s() < end_s; ++*count)
        if (crypto_pwhash_str_verify(hash, password, strlen(password)) != 0)
            abort();
    return NULL;
}

int main(int argc, char **argv)
{
    long counts[MAX_THREADS] = {0}, cores = sysconf(_SC_NPROCESSORS_ONLN), sum = 0;
    pthread_t threads[MAX_THREADS];
    is_kept = argc == 5 && strcmp(argv[4], "kept") == 0;
    if ((argc != 4 && !is_kept) || sodium_init() < 0 || cores > MAX_THREADS)
        return 1;
    size_t memory = strtoul(argv[2], NULL, 10) * 1024;
    if (crypto_pwhash_str(hash, password, strlen(password), strtoul(argv[3], NULL, 10), memory) != 0)
        return 1;
    double begin_s = now_s();
    end_s = begin_s + strtod(argv[1], NULL);
    for (long i = 0; i < cores; i++)
        if (pthread_create(&threads[i], NULL, verify, &counts[i]) != 0)
            return 1;
    for (long i = 0; i < cores; i++) {
        pthread_join(threads[i], NULL);
        sum += counts[i];
    }
    printf("%.1f\n", (double)sum / (now_s() - begin_s));
    return 0;
}
