/* What a function that can fail returns. The table is proto/errors.def: the one file that common/ takes from proto/,
 * because an error needs one owner. */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

#include "common/str.h"

enum error {
    OK = 0,
#define ERROR(name, ...) ERROR_##name,
#include "proto/errors.def"
#undef ERROR
    ERROR_COUNT
};

/* The stable code that crosses the bus ("room_full"), and the default text. Borrowed, never NULL. OK is "ok". */
const char *error_code(enum error error);
const char *error_message(enum error error);

/* The error of a code; ERROR_INTERNAL for one this build does not know. */
enum error error_from_code(struct str code);

/* For functions whose result must be looked at. */
#define MUST_USE __attribute__((warn_unused_result))

/* In handlers only: passes a failure on to the caller, who answers with it. */
#define TRY(expression)                                                                                                \
    do {                                                                                                               \
        enum error try_error_ = (expression);                                                                          \
        if (try_error_ != OK)                                                                                          \
            return try_error_;                                                                                         \
    } while (0)

#endif
