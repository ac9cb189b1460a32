/* Messages as tables of fields: decoding and validating MessagePack into structs, and encoding them back.
 * The tables come from proto/messages.def; the texts of failed validation are clients' contract (CONTRACT §1). */
#ifndef COMMON_SCHEMA_H
#define COMMON_SCHEMA_H

#include "common/arena.h"
#include "common/buffer.h"
#include "common/error.h"
#include "common/pack.h"

/* Of one message. */
enum { SCHEMA_MAX_FIELDS = 64 };

enum field_type {
    FIELD_STRING,
    FIELD_EMAIL,
    FIELD_TIME,
    FIELD_BOOLEAN,
    FIELD_INTEGER,
    FIELD_ID,
    FIELD_OBJECT,
    FIELD_INTEGERS,
    FIELD_VERSIONS
};

/* An id out of a path: as sent, for the error that quotes it, and its value; 0 where out of range (no row has 0). */
struct path_id {
    struct str text;
    int64_t value;
};

/* Of a field of type INTEGERS or VERSIONS; borrowed. */
struct integers {
    const int64_t *values;
    size_t count;
};

enum field_rule { RULE_ANY, RULE_LENGTH, RULE_RANGE, RULE_ONE_OF, RULE_ME_OR_ID, RULE_INSTANT, RULE_COUNT };

struct field {
    const char *name; /* in JSON */
    size_t name_len;
    enum field_type type;
    bool required;
    enum field_rule rule;
    int64_t min, max;    /* of RULE_INSTANT, min 0: it may be empty */
    const char *choices; /* of RULE_ONE_OF: "user, admin" */
    size_t offset;       /* of the member */
    size_t has_offset;   /* of its has_ */
};

struct message {
    const char *name;
    const struct field *fields;
    size_t field_count;
    size_t struct_size;
    bool refuses_unknown;
    enum error invalid; /* what an invalid one is answered with */
};

/* What a service answers: a row of proto/methods.def. */
struct method {
    const char *name; /* "room.create" */
    unsigned target;  /* the service, enum proto_service */
    const struct message *in;
    const struct message *out; /* NULL = nothing */
    bool out_is_list;
};

/* What was wrong with a message: a text a line of the contract, in its order. */
struct report {
    struct str *texts;
    size_t count;
};

/* Decodes a method's arguments, `[{path parameters}, {the rest}]`, into *out (message->struct_size bytes, zeroed here).
 * Strings borrow from the reader's bytes; the report and integers are the arena's. Fields of type ID and VERSIONS come
 * from the first map only, the others from the second only. `null` counts as absent. OK                    valid or
 * not: report->count tells; the ID fields are good ERROR_MALFORMED       not that shape, not MessagePack, not UTF-8
 *   ERROR_ID_NOT_NUMERIC  an ID that is not an optional sign and digits */
enum error schema_decode(const struct message *message, struct pack_reader *reader, struct arena *arena, void *out,
                         struct report *report) MUST_USE;

/* Encodes as arguments, in the shape schema_decode reads. */
void schema_encode_arguments(const struct message *message, const void *in, struct buffer *buffer);

/* Decodes one plain map, as replies are. Anything invalid is ERROR_INTERNAL: a peer of ours broke the contract. */
enum error schema_decode_view(const struct message *message, struct str bytes, struct arena *arena, void *out) MUST_USE;

/* Encodes as one map, the fields in their order; absent optional ones are left out. */
void schema_encode(const struct message *message, const void *in, struct buffer *buffer);

/* Checks a table's own consistency (names unique, rules fit types). Returns NULL, or what is wrong, in the arena. */
const char *schema_check(const struct message *message, struct arena *arena);

#endif
