/* The list (common_passwords.txt) is one text, a password a line, sorted by bytes: built into the program as it is, and
 * searched by halves. */
#include "services/auth/password_policy.h"

#include <string.h>

#include "services/auth/common_passwords.h"

enum { LONGEST = 32 }; /* bytes, of those on the list */

static const struct str list = {common_passwords, sizeof common_passwords - 1};

/* The line that the byte at a place belongs to. */
static struct str line_at(size_t place)
{
    const char *before = place > 0 ? memrchr(list.ptr, '\n', place) : NULL;
    const char *start = before != NULL ? before + 1 : list.ptr;
    const char *end = memchr(start, '\n', (size_t)(list.ptr + list.len - start));
    return (struct str){start, (size_t)(end - start)};
}

static int compare(struct str a, struct str b)
{
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static bool is_listed(struct str word)
{
    size_t low = 0, high = list.len;
    while (low < high) {
        struct str line = line_at(low + (high - low) / 2);
        size_t start = (size_t)(line.ptr - list.ptr);
        int order = compare(word, line);
        if (order == 0)
            return true;
        if (order < 0)
            high = start;
        else
            low = start + line.len + 1;
    }
    return false;
}

bool password_is_common(struct str password)
{
    char lower[LONGEST];
    if (password.len > sizeof lower)
        return false;
    for (size_t i = 0; i < password.len; i++)
        lower[i] =
            password.ptr[i] >= 'A' && password.ptr[i] <= 'Z' ? (char)(password.ptr[i] + 'a' - 'A') : password.ptr[i];
    return is_listed((struct str){lower, password.len});
}
