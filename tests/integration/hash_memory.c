/* Passwords are hashed in huge pages where the system has some for who asks. On this machine's own numbers: other
 * suites do not ask. */
#include <stdio.h>
#include <string.h>

#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

enum { HUGE_PAGES_OF_A_HASH = 19456 / 2048 - 1 }; /* at least: it may begin and end within one */

static bool has_huge_pages(void)
{
    char choice[64] = "";
    FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
    bool is_told = file != NULL && fgets(choice, sizeof choice, file) != NULL;
    if (file != NULL)
        fclose(file);
    return is_told && strstr(choice, "[never]") == NULL;
}

/* Since the system's start, of all processes, whether or not there was one left. */
static long huge_pages_asked_for(void)
{
    char name[64];
    long value, sum = 0;
    FILE *file = fopen("/proc/vmstat", "re");
    assert_non_null(file);
    while (fscanf(file, "%63s %ld", name, &value) == 2)
        if (strcmp(name, "thp_fault_alloc") == 0 || strcmp(name, "thp_fault_fallback") == 0)
            sum += value;
    fclose(file);
    return sum;
}

static void a_login_hashes_in_huge_pages(void **state)
{
    struct stack *stack = *state;
    if (stack_is_sanitized() || !has_huge_pages())
        skip();
    struct user user = make_user(stack);
    long before = huge_pages_asked_for();
    log_in(stack, &user);
    assert_in_range(huge_pages_asked_for() - before, HUGE_PAGES_OF_A_HASH, 1000000);
}

static const struct stack_options options = {
    .environment = {"PASSWORD_MEMORY_KIB=19456", "PASSWORD_ITERATIONS=2"},
};
SUITE_WITH("hash_memory", &options, cmocka_unit_test(a_login_hashes_in_huge_pages))
