/* The codes and default texts of errors, straight from their table. What HTTP makes of them is proto's. */
#include "common/error.h"

#include <assert.h>

struct words {
    struct str code;
    const char *message;
};

static const struct words words[ERROR_COUNT] = {
    [OK] = {{"ok", sizeof("ok") - 1}, "ok"},
#define ERROR(name, status, shape, code, message) [ERROR_##name] = {{code, sizeof(code) - 1}, message},
#include "proto/errors.def"
#undef ERROR
};

const char *error_code(enum error error)
{
    assert(error < ERROR_COUNT);
    return words[error].code.ptr;
}

const char *error_message(enum error error)
{
    assert(error < ERROR_COUNT);
    return words[error].message;
}

enum error error_from_code(struct str code)
{
    for (unsigned i = 0; i < ERROR_COUNT; i++)
        if (str_equal(words[i].code, code))
            return (enum error)i;
    return ERROR_INTERNAL;
}
