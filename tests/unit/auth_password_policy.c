/* The list of common passwords: each of it is found, and nothing else. */
#include "services/auth/password_policy.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/cmocka.h"

static void every_line_of_the_list_is_found(void **state)
{
    (void)state;
    FILE *list = fopen(SOURCE_DIR "/services/auth/common_passwords.txt", "re");
    char line[64], before[64] = "";
    int count = 0;
    assert_non_null(list);
    while (fgets(line, sizeof line, list) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        assert_true(strcmp(before, line) < 0); /* sorted, as the search takes it to be */
        if (!password_is_common(str_from(line)))
            fail_msg("\"%s\" is not found", line);
        snprintf(before, sizeof before, "%s", line);
        count++;
    }
    fclose(list);
    assert_int_equal(count, 10000);
}

static void letters_count_in_either_case(void **state)
{
    (void)state;
    assert_true(password_is_common(STR("Password")));
    assert_true(password_is_common(STR("QWERTY")));
}

static void others_are_not_found(void **state)
{
    (void)state;
    static const char *const others[] = {"",
                                         "password\n123456",
                                         "passwordpassword1 ",
                                         "correct horse battery staple",
                                         "\xc3\xa9",
                                         "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
                                         "\n",
                                         "!",
                                         "~~~~~~~"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (password_is_common(str_from(others[i])))
            fail_msg("\"%s\" is found", others[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_of_the_list_is_found),
        cmocka_unit_test(letters_count_in_either_case),
        cmocka_unit_test(others_are_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
