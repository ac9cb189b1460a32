/* Password hashes, in a fiber over the real loop and its worker threads. */
#include "common/password.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fiber.h"
#include "tests/support/cmocka.h"

#define PASSWORD STR("correct horse")
/* Of "correct horse", of "correct", and of 72 times x; made by crypt(3). */
#define BCRYPT_2B "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"
#define BCRYPT_2A "$2a$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"
#define BCRYPT_2Y "$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"
#define BCRYPT_PREFIX "$2b$04$abcdefghijklmnopqrstuu2Vo3TWutZSHUfluiaHt5gekKPzGepHC"
#define BCRYPT_72 "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i"

static const struct password_cost cheap = {.memory_kib = 8, .iterations = 1};
static const struct password_cost real = {.memory_kib = 19456, .iterations = 2};

static struct loop *loop;
static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    loop = loop_new();
    arena = arena_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_destroy(&arena);
    loop_destroy(&loop);
    fiber_cleanup();
    return 0;
}

/* One call of the module, and what came of it. */
struct attempt {
    const struct password_cost *cost;
    struct str password;
    struct str hash; /* to verify against; NULL = make one */
    int64_t deadline_ms;
    enum error error;
    bool matches, outdated;
};

static void attempt_in_fiber(void *argument)
{
    struct attempt *attempt = argument;
    if (attempt->hash.ptr == NULL)
        attempt->error =
            password_hash(loop, attempt->deadline_ms, arena, attempt->cost, attempt->password, &attempt->hash);
    else
        attempt->error = password_verify(loop, attempt->deadline_ms, attempt->cost, attempt->password, attempt->hash,
                                         &attempt->matches, &attempt->outdated);
    loop_stop(loop);
}

static void run(struct attempt *attempt)
{
    attempt->deadline_ms = attempt->deadline_ms != 0 ? attempt->deadline_ms : INT64_MAX;
    attempt->error = ERROR_COUNT;
    assert_true(fiber_start(attempt_in_fiber, attempt));
    loop_run(loop);
}

static struct str hash_of(struct str password, const struct password_cost *cost)
{
    struct attempt attempt = {.cost = cost, .password = password};
    run(&attempt);
    assert_int_equal(attempt.error, OK);
    return attempt.hash;
}

static struct attempt verify(struct str password, struct str hash, const struct password_cost *cost)
{
    struct attempt attempt = {.cost = cost, .password = password, .hash = hash};
    run(&attempt);
    assert_int_equal(attempt.error, OK);
    return attempt;
}

static bool matches(struct str password, struct str hash)
{
    return verify(password, hash, &cheap).matches;
}

/* ---- Argon2id ---- */

static void hash_says_how_it_was_made(void **state)
{
    (void)state;
    struct str hash = hash_of(PASSWORD, &real);
    assert_true(str_starts_with(hash, STR("$argon2id$v=19$m=19456,t=2,p=1$")));
    assert_int_equal(hash.len, strlen(hash.ptr));
    struct attempt attempt = verify(PASSWORD, hash, &real);
    assert_true(attempt.matches);
    assert_false(attempt.outdated);
    assert_false(str_equal(hash, hash_of(PASSWORD, &real)));
}

static void only_the_password_matches(void **state)
{
    (void)state;
    struct str hash = hash_of(PASSWORD, &cheap);
    assert_true(matches(PASSWORD, hash));
    assert_false(matches(STR("correct hors"), hash));
    assert_false(matches(STR("correct horse "), hash));
    assert_false(matches(STR("Correct horse"), hash));
    assert_false(matches(STR(""), hash));
    assert_false(matches((struct str){0}, hash));
    assert_false(matches(hash, hash));
}

static void any_bytes_make_a_password(void **state)
{
    (void)state;
    char bytes[3000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i % 255 + 1);
    struct str hash = hash_of((struct str){bytes, sizeof bytes}, &cheap);
    assert_true(matches((struct str){bytes, sizeof bytes}, hash));
    bytes[sizeof bytes - 1] ^= 1;
    assert_false(matches((struct str){bytes, sizeof bytes}, hash));
}

static void another_cost_is_outdated(void **state)
{
    (void)state;
    const struct password_cost more_memory = {.memory_kib = 16, .iterations = 1};
    const struct password_cost more_iterations = {.memory_kib = 8, .iterations = 2};
    struct str hash = hash_of(PASSWORD, &cheap);
    assert_false(verify(PASSWORD, hash, &cheap).outdated);
    assert_true(verify(PASSWORD, hash, &more_memory).matches);
    assert_true(verify(PASSWORD, hash, &more_memory).outdated);
    assert_true(verify(PASSWORD, hash, &more_iterations).outdated);
    assert_false(verify(STR("wrong"), hash, &more_iterations).outdated); /* nobody can make it anew */
}

/* The hash is not terminated where it lies: a neighbour's bytes must not count. */
static void hash_is_read_to_its_length(void **state)
{
    (void)state;
    struct str hash = hash_of(PASSWORD, &cheap);
    char *exact = malloc(hash.len);
    memcpy(exact, hash.ptr, hash.len);
    assert_true(matches(PASSWORD, (struct str){exact, hash.len}));
    assert_false(matches(PASSWORD, (struct str){exact, hash.len - 1}));
    free(exact);
}

/* ---- bcrypt ---- */

static void imported_hashes_match_and_are_outdated(void **state)
{
    (void)state;
    const struct str hashes[] = {STR(BCRYPT_2B), STR(BCRYPT_2A), STR(BCRYPT_2Y)};
    for (size_t i = 0; i < 3; i++) {
        struct attempt attempt = verify(PASSWORD, hashes[i], &cheap);
        assert_true(attempt.matches);
        assert_true(attempt.outdated);
        attempt = verify(STR("correct hors"), hashes[i], &cheap);
        assert_false(attempt.matches);
        assert_false(attempt.outdated);
    }
}

static void bcrypt_takes_the_first_72_bytes(void **state)
{
    (void)state;
    char bytes[1000];
    memset(bytes, 'x', sizeof bytes);
    assert_true(matches((struct str){bytes, 72}, STR(BCRYPT_72)));
    assert_true(matches((struct str){bytes, 73}, STR(BCRYPT_72)));
    assert_true(matches((struct str){bytes, sizeof bytes}, STR(BCRYPT_72)));
    assert_false(matches((struct str){bytes, 71}, STR(BCRYPT_72)));
}

/* bcrypt stops at a NUL; what stands behind it must not be ignored. */
static void bcrypt_does_not_match_up_to_a_nul(void **state)
{
    (void)state;
    assert_true(matches(STR("correct"), STR(BCRYPT_PREFIX)));
    assert_false(matches(STR("correct\0horse"), STR(BCRYPT_PREFIX)));
}

/* ---- what is no hash ---- */

static const char *const not_hashes[] = {
    "",
    "*",
    "*0",
    "!",
    "correct horse",
    "$argon2id$",
    "$argon2id$v=19$m=8,t=1,p=1$",
    "$argon2i$v=19$m=8,t=3,p=1$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$1$abcdefgh$G//4keteveJp0qb8z2DxG/",
    "$6$abcdefgh$yIZAF3gQPvtKZO/9qOJKffAKKbtS3ef3qmwyugk4uWVjX8YZf/GV3A8SkFxEPY0T56CcilGrHKLffBsp6dLMG.",
    "$2x$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
    "$2$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e.",
    "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6",
    "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6ee",
    "$2b$04$********************************************************",
    "$2b$4$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e1",
    "$2b$31$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", /* would take a core for a day */
};

static void nothing_matches_what_is_no_hash(void **state)
{
    (void)state;
    char large[300];
    memset(large, '$', sizeof large);
    assert_false(matches(PASSWORD, (struct str){large, sizeof large}));
    for (size_t i = 0; i < sizeof not_hashes / sizeof *not_hashes; i++) {
        struct str hash = str_from(not_hashes[i]);
        struct attempt attempt = verify(PASSWORD, hash, &cheap);
        assert_false(attempt.matches);
        assert_false(attempt.outdated);
        assert_false(matches(hash, hash));
        assert_false(matches(STR(""), hash));
    }
}

static int64_t cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void lower_to_cost(int64_t *least_us, struct str hash)
{
    int64_t before = cpu_us();
    (void)verify(PASSWORD, hash, &real);
    int64_t cost = cpu_us() - before;
    *least_us = cost < *least_us ? cost : *least_us;
}

/* Who has no account must look like a wrong password: the processor's time is the same, give or take. What disturbs a
 * measurement only adds to it, so the least of each is compared, measured in turns until both were left in peace. */
static void assert_cost_alike(struct str hash, struct str other)
{
    enum { TURNS = 60 };
    int64_t least_us = INT64_MAX, other_us = INT64_MAX;
    for (int i = 0; i < TURNS; i++) {
        lower_to_cost(&least_us, hash);
        lower_to_cost(&other_us, other);
        if (i > 2 && other_us > least_us * 2 / 3 && other_us < least_us * 3 / 2)
            return;
    }
    fail_msg("%lld µs and %lld µs", (long long)least_us, (long long)other_us);
}

static void no_hash_costs_as_much_as_a_hash(void **state)
{
    (void)state;
    struct str known = hash_of(STR("another"), &real);
    assert_cost_alike(known, STR(""));
    assert_cost_alike(known, STR("$argon2id$v=19$m=8,t=1,p=1$"));
    assert_cost_alike(known, STR("$6$abcdefgh$yIZA"));
}

/* ---- bounds ---- */

static void queue_and_deadline_bound_the_work(void **state)
{
    (void)state;
    struct attempt late = {.cost = &cheap, .password = PASSWORD, .deadline_ms = loop_now_ms() - 1};
    run(&late);
    assert_int_equal(late.error, ERROR_TIMEOUT);
    assert_null(late.hash.ptr);

    loop_set_work_limit(loop, 0);
    struct attempt refused = {.cost = &cheap, .password = PASSWORD, .hash = STR(""), .matches = true, .outdated = true};
    run(&refused);
    assert_int_equal(refused.error, ERROR_OVERLOADED);
    assert_true(refused.matches && refused.outdated); /* untouched on failure */
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* whose address space is limitless */
/* A check that could not be made is not a wrong password. */
static void without_memory_it_is_overload(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit limit = {512 << 20, 512 << 20};
        const struct password_cost large = {.memory_kib = 1 << 20, .iterations = 1};
        (void)setrlimit(RLIMIT_AS, &limit);
        loop = loop_new(); /* threads do not survive a fork */
        struct attempt make = {.cost = &large, .password = PASSWORD};
        run(&make);
        struct attempt check = {.cost = &large, .password = PASSWORD, .hash = STR("")};
        run(&check);
        _exit(make.error == ERROR_OVERLOADED && check.error == ERROR_OVERLOADED ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}
#endif

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* where nothing is kept */
static long page_faults(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

static long resident_pages(void)
{
    long resident = -1;
    FILE *file = fopen("/proc/self/statm", "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d %ld", &resident), 1);
    fclose(file);
    return resident;
}

/* Any thread may be the one that hashes: sooner or later it is one that has some memory already. */
static void memory_is_kept_for_the_next_hash_and_then_given_back(void **state)
{
    (void)state;
    enum { HASH_PAGES = 19456 / 4, MANY = 500, DEADLINE_MS = 20000 };
    const struct password_cost smaller = {.memory_kib = 8192, .iterations = 1};
    long resident = resident_pages(), before = page_faults(), faults;
    struct str hash = hash_of(PASSWORD, &real), small_hash = hash_of(PASSWORD, &smaller);
    assert_in_range(page_faults() - before, HASH_PAGES, LONG_MAX); /* so that is how they show */
    int64_t give_up = loop_now_ms() + DEADLINE_MS;
    do {
        before = page_faults();
        assert_true(verify(PASSWORD, hash, &real).matches);
        faults = page_faults() - before;
        assert_true(verify(PASSWORD, small_hash, &smaller).matches); /* in the larger one's memory */
        assert_false(verify(STR("wrong"), small_hash, &smaller).matches);
    } while (faults > HASH_PAGES / 2 && loop_now_ms() < give_up);
    assert_in_range(faults, 0, HASH_PAGES / 2);

    while (resident_pages() > resident + MANY && loop_now_ms() < give_up)
        usleep(1000);
    assert_in_range(resident_pages(), 0, resident + MANY);
}
#endif

#define PASSWORD_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        PASSWORD_TEST(without_memory_it_is_overload), /* first: libuv's pool must not have been used before the fork */
#endif
        PASSWORD_TEST(hash_says_how_it_was_made),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        PASSWORD_TEST(memory_is_kept_for_the_next_hash_and_then_given_back),
#endif
        PASSWORD_TEST(only_the_password_matches),
        PASSWORD_TEST(any_bytes_make_a_password),
        PASSWORD_TEST(another_cost_is_outdated),
        PASSWORD_TEST(hash_is_read_to_its_length),
        PASSWORD_TEST(imported_hashes_match_and_are_outdated),
        PASSWORD_TEST(bcrypt_takes_the_first_72_bytes),
        PASSWORD_TEST(bcrypt_does_not_match_up_to_a_nul),
        PASSWORD_TEST(nothing_matches_what_is_no_hash),
        PASSWORD_TEST(no_hash_costs_as_much_as_a_hash),
        PASSWORD_TEST(queue_and_deadline_bound_the_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
