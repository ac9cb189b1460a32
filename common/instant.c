/* RFC 3339's grammar, read left to right, and the calendar. */
#include "common/instant.h"

enum { FIRST_YEAR = 1970, LAST_YEAR = 9998, LAST_OFFSET_HOUR = 14, MAX_FRACTION = 9 };

/* Cuts one of the characters off the front. */
static bool take(struct str *rest, const char *characters)
{
    for (; *characters != '\0' && rest->len > 0; characters++)
        if (*rest->ptr == *characters) {
            *rest = (struct str){rest->ptr + 1, rest->len - 1};
            return true;
        }
    return false;
}

/* Cuts a number of so many digits off the front; in its bounds. */
static bool take_number(struct str *rest, int digits, int min, int max, int *out)
{
    int value = 0;
    for (; digits > 0; digits--) {
        if (rest->len == 0 || *rest->ptr < '0' || *rest->ptr > '9')
            return false;
        value = 10 * value + (*rest->ptr - '0');
        *rest = (struct str){rest->ptr + 1, rest->len - 1};
    }
    *out = value;
    return value >= min && value <= max;
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && is_leap);
}

static bool take_date(struct str *rest)
{
    int year, month, day;
    return take_number(rest, 4, FIRST_YEAR, LAST_YEAR, &year) && take(rest, "-") &&
           take_number(rest, 2, 1, 12, &month) && take(rest, "-") &&
           take_number(rest, 2, 1, days_of(year, month), &day);
}

/* Of a second: a point and digits, or nothing. */
static bool take_fraction(struct str *rest)
{
    int digit, count = 0;
    if (!take(rest, "."))
        return true;
    while (count <= MAX_FRACTION && rest->len > 0 && *rest->ptr >= '0' && *rest->ptr <= '9')
        count += take_number(rest, 1, 0, 9, &digit);
    return count > 0 && count <= MAX_FRACTION;
}

static bool take_time(struct str *rest)
{
    int hour, minute, second;
    return take_number(rest, 2, 0, 23, &hour) && take(rest, ":") && take_number(rest, 2, 0, 59, &minute) &&
           take(rest, ":") && take_number(rest, 2, 0, 60, &second) && take_fraction(rest);
}

static bool take_offset(struct str *rest)
{
    int hour, minute;
    if (take(rest, "Zz"))
        return true;
    return take(rest, "+-") && take_number(rest, 2, 0, LAST_OFFSET_HOUR, &hour) && take(rest, ":") &&
           take_number(rest, 2, 0, 59, &minute);
}

bool instant_is_valid(struct str text)
{
    struct str rest = text;
    return take_date(&rest) && take(&rest, "Tt ") && take_time(&rest) && take_offset(&rest) && rest.len == 0;
}
