/* Functions that nobody here calls, each with what to call instead: the compiler says so. Included by log.h, and so by
 * nearly every file. System headers come first: the macros would break their declarations. */
#ifndef COMMON_BANNED_H
#define COMMON_BANNED_H

#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BANNED(reason) sizeof(struct { _Static_assert(0, reason); })

#undef strcpy
#undef stpcpy
#undef strcat
#undef strncpy
#undef strncat
#define strcpy(...) BANNED("strcpy writes without a bound: use struct str, buffer_append or snprintf")
#define stpcpy(...) BANNED("stpcpy writes without a bound: use struct str, buffer_append or snprintf")
#define strcat(...) BANNED("strcat writes without a bound: use struct buffer")
#define strncpy(...) BANNED("strncpy may leave the end without a NUL: use memcpy or snprintf")
#define strncat(...) BANNED("strncat is bounded by what it adds, not by where it goes: use struct buffer")

#undef sprintf
#undef vsprintf
#undef gets
#define sprintf(...) BANNED("sprintf writes without a bound: use snprintf or buffer_printf")
#define vsprintf(...) BANNED("vsprintf writes without a bound: use vsnprintf")
#define gets(...) BANNED("gets writes without a bound: use getline")

#undef strtok
#define strtok(...) BANNED("strtok keeps its place in a global: use strtok_r or strsep")

#undef atoi
#undef atol
#undef atoll
#undef atof
#define atoi(...) BANNED("atoi takes garbage for 0 and overflows silently: use str_to_int64")
#define atol(...) BANNED("atol takes garbage for 0 and overflows silently: use str_to_int64")
#define atoll(...) BANNED("atoll takes garbage for 0 and overflows silently: use str_to_int64")
#define atof(...) BANNED("atof takes garbage for 0: use strtod and look at its end")

#undef gmtime
#undef localtime
#undef ctime
#undef asctime
#define gmtime(...) BANNED("gmtime returns a global: use gmtime_r")
#define localtime(...) BANNED("localtime returns a global and the host's zone: use gmtime_r")
#define ctime(...) BANNED("ctime returns a global: use strftime")
#define asctime(...) BANNED("asctime returns a global: use strftime")

#undef alloca
#define alloca(...) BANNED("alloca has no bound and a fiber's stack is small: use the arena")

#undef tmpnam
#undef mktemp
#define tmpnam(...) BANNED("tmpnam races with whoever guesses the name: use mkstemp or mkdtemp")
#define mktemp(...) BANNED("mktemp races with whoever guesses the name: use mkstemp or mkdtemp")

#endif
