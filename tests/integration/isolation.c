/* Each service's database role reaches its own schema and nothing else; DESIGN §1. */
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/scratch.h"
#include "tests/support/stack.h"

static const struct {
    const char *role, *schema;
} owners[] = {{"backend_auth", "auth"}, {"backend_user", "users"}, {"backend_room", "rooms"}};

/* Runs check for each table of the services' schemas, and at least one a schema. */
static void for_each_table(const struct stack *stack,
                           void check(const struct stack *stack, const char *schema, const char *table))
{
    for (size_t i = 0; i < 3; i++) {
        char *tables =
            database_value(stack,
                           "SELECT string_agg(quote_ident(table_schema) || '.' || quote_ident(table_name), ' ')"
                           " FROM information_schema.tables WHERE table_schema = $1",
                           owners[i].schema);
        assert_non_null(tables);
        char *rest;
        for (char *table = strtok_r(tables, " ", &rest); table != NULL; table = strtok_r(NULL, " ", &rest))
            check(stack, owners[i].schema, table);
    }
}

static void assert_denied(const struct stack *stack, const char *role, const char *sql)
{
    char *why_not;
    if (database_role_may(stack, role, sql, &why_not))
        fail_msg("%s may: %s", role, sql);
    if (strstr(why_not, "permission denied") == NULL && strstr(why_not, "must be owner") == NULL)
        fail_msg("%s: %s: %s", role, sql, why_not);
}

static void check_reading(const struct stack *stack, const char *schema, const char *table)
{
    char *why_not;
    char *sql = text("SELECT count(*) FROM %s", table);
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(owners[i].schema, schema) != 0)
            assert_denied(stack, owners[i].role, sql);
        else if (!database_role_may(stack, owners[i].role, sql, &why_not))
            fail_msg("%s may not: %s: %s", owners[i].role, sql, why_not);
    }
}

static void check_writing(const struct stack *stack, const char *schema, const char *table)
{
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(owners[i].schema, schema) != 0) {
            assert_denied(stack, owners[i].role, text("DELETE FROM %s", table));
            assert_denied(stack, owners[i].role, text("INSERT INTO %s DEFAULT VALUES", table));
        }
        assert_denied(stack, owners[i].role, text("TRUNCATE %s", table));
        assert_denied(stack, owners[i].role, text("DROP TABLE %s", table));
        assert_denied(stack, owners[i].role, text("ALTER TABLE %s ADD COLUMN x int", table));
    }
}

static void a_role_reads_its_own_tables_only(void **state)
{
    for_each_table(*state, check_reading);
}

static void a_role_writes_no_others_tables_and_changes_none(void **state)
{
    for_each_table(*state, check_writing);
}

static void a_role_makes_nothing_in_other_schemas(void **state)
{
    struct stack *stack = *state;
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 3; j++)
            if (i != j)
                assert_denied(stack, owners[i].role, text("CREATE TABLE %s.x (y int)", owners[j].schema));
        assert_denied(stack, owners[i].role, "CREATE TABLE public.x (y int)");
        assert_denied(stack, owners[i].role, "CREATE SCHEMA x");
        assert_denied(stack, owners[i].role, text("SET ROLE %s", owners[(i + 1) % 3].role));
        assert_denied(stack, owners[i].role, "SELECT pg_read_file('/etc/passwd')");
        assert_denied(stack, owners[i].role, "CREATE ROLE x");
    }
}

SUITE("isolation", cmocka_unit_test(a_role_reads_its_own_tables_only),
      cmocka_unit_test(a_role_writes_no_others_tables_and_changes_none),
      cmocka_unit_test(a_role_makes_nothing_in_other_schemas))
