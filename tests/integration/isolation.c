/* Each service's database role reaches its own schema and nothing else; DESIGN §1. */
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/scratch.h"
#include "tests/support/stack.h"

enum { OWNERS = 4 };

static struct owner {
    const char *role, *schema;
    struct database *database; /* connected as the role */
} owners[OWNERS] = {
    {.role = "backend_auth", .schema = "auth"},
    {.role = "backend_user", .schema = "users"},
    {.role = "backend_room", .schema = "rooms"},
    {.role = "backend_post", .schema = "posts"},
};

static int connect_owners(void **state)
{
    for (size_t i = 0; i < OWNERS; i++)
        owners[i].database = database_as(*state, owners[i].role);
    return 0;
}

static int disconnect_owners(void **state)
{
    (void)state;
    for (size_t i = 0; i < OWNERS; i++)
        database_close(&owners[i].database);
    return 0;
}

/* Runs check for each owner and each table of each schema; there is at least one a schema. */
static void for_each_table(const struct stack *stack,
                           void check(const struct owner *owner, bool own, const char *table))
{
    for (size_t i = 0; i < OWNERS; i++) {
        char *tables =
            database_value(stack,
                           "SELECT string_agg(quote_ident(table_schema) || '.' || quote_ident(table_name), ' ')"
                           " FROM information_schema.tables WHERE table_schema = $1 AND table_type = 'BASE TABLE'",
                           owners[i].schema);
        assert_non_null(tables);
        char *rest;
        for (char *table = strtok_r(tables, " ", &rest); table != NULL; table = strtok_r(NULL, " ", &rest))
            for (size_t j = 0; j < OWNERS; j++)
                check(&owners[j], i == j, table);
    }
}

static void assert_denied(const struct owner *owner, const char *sql)
{
    char *why_not;
    if (database_may(owner->database, sql, &why_not))
        fail_msg("%s may: %s", owner->role, sql);
    if (strstr(why_not, "permission denied") == NULL && strstr(why_not, "must be owner") == NULL)
        fail_msg("%s: %s: %s", owner->role, sql, why_not);
}

static void check_reading(const struct owner *owner, bool own, const char *table)
{
    char *why_not, *sql = text("SELECT count(*) FROM %s", table);
    if (!own)
        assert_denied(owner, sql);
    else if (!database_may(owner->database, sql, &why_not))
        fail_msg("%s may not: %s: %s", owner->role, sql, why_not);
}

static void check_writing(const struct owner *owner, bool own, const char *table)
{
    if (!own) {
        assert_denied(owner, text("DELETE FROM %s", table));
        assert_denied(owner, text("INSERT INTO %s DEFAULT VALUES", table));
    }
    assert_denied(owner, text("TRUNCATE %s", table));
    assert_denied(owner, text("DROP TABLE %s", table));
    assert_denied(owner, text("ALTER TABLE %s ADD COLUMN x int", table));
}

static void a_role_reads_its_own_tables_only(void **state)
{
    for_each_table(*state, check_reading);
}

static void a_role_writes_no_others_tables_and_changes_none(void **state)
{
    for_each_table(*state, check_writing);
}

static void a_role_makes_nothing_and_becomes_nobody(void **state)
{
    (void)state;
    for (size_t i = 0; i < OWNERS; i++) {
        for (size_t j = 0; j < OWNERS; j++)
            assert_denied(&owners[i], text("CREATE TABLE %s.x (y int)", owners[j].schema));
        assert_denied(&owners[i], "CREATE TABLE public.x (y int)");
        assert_denied(&owners[i], "CREATE SCHEMA x");
        assert_denied(&owners[i], text("SET ROLE %s", owners[(i + 1) % OWNERS].role));
        assert_denied(&owners[i], "SELECT pg_read_file('/etc/passwd')");
        assert_denied(&owners[i], "CREATE ROLE x");
    }
}

#define OWNERS_TEST(test) cmocka_unit_test_setup_teardown(test, connect_owners, disconnect_owners)
SUITE("isolation", OWNERS_TEST(a_role_reads_its_own_tables_only),
      OWNERS_TEST(a_role_writes_no_others_tables_and_changes_none),
      OWNERS_TEST(a_role_makes_nothing_and_becomes_nobody))
