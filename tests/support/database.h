/* A look into a stack's database, past the services. Knows no table's name: it finds tables by the columns they must
 * have. */
#ifndef TESTS_SUPPORT_DATABASE_H
#define TESTS_SUPPORT_DATABASE_H

#include <jansson.h>
#include <stdbool.h>

struct stack;
struct database;

/* Returns owned; fails the test if the server does not let us in. */
struct database *database_connect(const char *url);
/* The same; NULL where it does not. */
struct database *database_try_connect(const char *url);
void database_close(struct database **database);

/* Runs one statement with text parameters ($1 …); fails the test if it fails. */
void database_run(struct database *database, const char *sql);

/* ---- of a stack: each opens and closes a connection of its own ---- */

/* The first value of the first row, in scratch; NULL for none. Parameters are terminated by NULL. */
#define database_value(stack, ...) database_value_of((stack), (const char *const[]){__VA_ARGS__, NULL})
char *database_value_of(const struct stack *stack, const char *const *sql_and_parameters);

/* "schema.table" of the one table outside the catalog that has both columns; fails the test for none or several. */
char *database_table(const struct stack *stack, const char *column, const char *other_column);

/* How many members a room has by its table of members, and by the number in its own row. */
json_int_t database_members(const struct stack *stack, json_int_t room_id);
json_int_t database_participant_count(const struct stack *stack, json_int_t room_id);

json_int_t database_count(const struct stack *stack, const char *table);
void database_make_admin(const struct stack *stack, json_int_t user_id);
/* The password hash of a user, and another in its place. */
char *database_hash(const struct stack *stack, json_int_t user_id);
void database_set_hash(const struct stack *stack, json_int_t user_id, const char *hash);

/* A connection with the rights of the role. Returns owned. */
struct database *database_as(const struct stack *stack, const char *role);
/* Whether it may run the statement; else *why_not gets the server's words. */
bool database_may(struct database *database, const char *sql, char **why_not);

#endif
