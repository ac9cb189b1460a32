/* What the fields of a message must be, and the texts that say what they are not (CONTRACT §1). schema.c's other half.
 */
#ifndef COMMON_SCHEMA_RULES_H
#define COMMON_SCHEMA_RULES_H

#include "common/schema.h"

/* One message under validation; the report grows as its fields are checked. */
struct check {
    const struct message *message;
    struct arena *arena;
    struct report report;
    size_t capacity; /* of report.texts */
};

void check_refuse_key(struct check *check, struct str key);

/* Whether value (NULL = absent) is there and good: then *out is it, an INTEGER as PACK_INTEGER whichever way it was
 * sent. Reports what is wrong with it. */
bool check_field(struct check *check, const struct field *field, const struct pack_value *value,
                 struct pack_value *out);

#endif
