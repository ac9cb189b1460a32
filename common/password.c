/* Password hashes, computed in the loop's worker threads. Argon2id is made and checked; bcrypt only checked, and always
 * outdated, because it looks at the first 72 bytes of a password and no further. */
#include "common/password.h"

#include <assert.h>
#include <crypt.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "common/banned.h"

enum {
    BCRYPT_LEN = 60,      /* "$2b$10$", 22 characters of salt, 31 of hash */
    BCRYPT_MAX_COST = 15, /* seconds; each step more doubles it */
    BCRYPT_MAX_PASSWORD = 72,
};

/* What crosses to the worker thread and back. It stands, with what it borrows, on the stack of the fiber that waits. */
struct job {
    unsigned long long iterations;
    size_t memory;
    struct str password;
    char hash[crypto_pwhash_STRBYTES]; /* zeroed to its end: libsodium reads all of it, whatever the text's length */
    bool matches, outdated;
    bool no_memory;
};

static struct job job_of(const struct password_cost *cost, struct str password)
{
    assert(cost->iterations >= (int64_t)crypto_pwhash_OPSLIMIT_MIN);
    assert(cost->memory_kib >= (int64_t)crypto_pwhash_MEMLIMIT_MIN / 1024);
    int result = sodium_init(); /* once for all; it also chooses the fast code for this processor */
    assert(result >= 0);
    return (struct job){
        .iterations = (unsigned long long)cost->iterations,
        .memory = (size_t)cost->memory_kib * 1024,
        .password = password.len > 0 ? password : STR(""), /* which has no NULL */
    };
}

/* ---- in the worker thread ---- */

static void make(void *argument)
{
    struct job *job = argument;
    job->no_memory = crypto_pwhash_str_alg(job->hash, job->password.ptr, job->password.len, job->iterations,
                                           job->memory, crypto_pwhash_ALG_ARGON2ID13) != 0;
}

/* libsodium calls it a mismatch when it got no memory to check with. To tell the two apart, as well as can be told
 * afterwards, we ask for the same ourselves: nobody's right password shall be called wrong. */
static bool has_memory(size_t size)
{
    void *probe = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return probe != MAP_FAILED && munmap(probe, size) == 0;
}

/* False where the text is no hash of this kind. */
static bool check_argon2id(struct job *job)
{
    int needs_rehash = crypto_pwhash_str_needs_rehash(job->hash, job->iterations, job->memory);
    if (strncmp(job->hash, crypto_pwhash_argon2id_STRPREFIX, strlen(crypto_pwhash_argon2id_STRPREFIX)) != 0 ||
        needs_rehash < 0)
        return false;
    job->matches = crypto_pwhash_str_verify(job->hash, job->password.ptr, job->password.len) == 0;
    job->no_memory = !job->matches && !has_memory(job->memory);
    job->outdated = needs_rehash != 0;
    return true;
}

/* One of bcrypt's schemes that is not broken, at a cost that ends. */
static bool is_bcrypt(const char *hash)
{
    static const char digits[] = "0123456789";
    if (strnlen(hash, BCRYPT_LEN + 1) != BCRYPT_LEN || strncmp(hash, "$2", 2) != 0 || !strchr("aby", hash[2]) ||
        hash[3] != '$' || strspn(hash + 4, digits) != 2 || hash[6] != '$')
        return false;
    return (hash[4] - '0') * 10 + (hash[5] - '0') <= BCRYPT_MAX_COST;
}

static bool check_bcrypt(struct job *job)
{
    if (!is_bcrypt(job->hash))
        return false;
    size_t len = job->password.len < BCRYPT_MAX_PASSWORD ? job->password.len : BCRYPT_MAX_PASSWORD;
    char terminated[BCRYPT_MAX_PASSWORD + 1] = {0};
    struct crypt_data data = {0};
    if (len > 0)
        memcpy(terminated, job->password.ptr, len);
    const char *computed = crypt_r(terminated, job->hash, &data);
    bool is_computed = computed != NULL && strlen(computed) == BCRYPT_LEN;
    job->matches = is_computed && strlen(terminated) == len && sodium_memcmp(computed, job->hash, BCRYPT_LEN) == 0;
    job->outdated = true;
    sodium_memzero(terminated, sizeof terminated);
    sodium_memzero(&data, sizeof data);
    return is_computed;
}

/* Takes the time of a real check, against a well-formed hash that nobody has a password for. */
static void check_nothing(struct job *job)
{
    memset(job->hash, 0, sizeof job->hash);
    snprintf(job->hash, sizeof job->hash, "$argon2id$v=19$m=%zu,t=%llu,p=1$%s$%s", job->memory / 1024, job->iterations,
             "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    bool is_well_formed = check_argon2id(job);
    assert(is_well_formed);
    job->matches = false;
}

static void check(void *argument)
{
    struct job *job = argument;
    if (!check_argon2id(job) && !check_bcrypt(job))
        check_nothing(job);
}

/* ---- in the fiber ---- */

enum error password_hash(struct loop *loop, int64_t deadline_ms, struct arena *arena, const struct password_cost *cost,
                         struct str password, struct str *hash)
{
    struct job job = job_of(cost, password);
    TRY(loop_work(loop, deadline_ms, make, &job));
    if (job.no_memory)
        return ERROR_OVERLOADED;
    *hash = arena_copy(arena, str_from(job.hash));
    return OK;
}

enum error password_verify(struct loop *loop, int64_t deadline_ms, const struct password_cost *cost,
                           struct str password, struct str hash, bool *matches, bool *outdated)
{
    struct job job = job_of(cost, password);
    if (hash.len > 0 && hash.len < sizeof job.hash)
        memcpy(job.hash, hash.ptr, hash.len);
    TRY(loop_work(loop, deadline_ms, check, &job));
    if (job.no_memory)
        return ERROR_OVERLOADED;
    *matches = job.matches;
    *outdated = job.matches && job.outdated;
    return OK;
}
