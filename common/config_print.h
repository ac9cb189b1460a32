/* How config.c shows settings: usage, --help and --print-config. Nobody else's. */
#ifndef COMMON_CONFIG_PRINT_H
#define COMMON_CONFIG_PRINT_H

#include <stdio.h>

#include "common/config.h"

void config_print_usage(FILE *file, const struct config_program *program);

/* To standard output: usage, what it is, and the table of settings. */
void config_print_help(const struct config_program *program);

/* To standard output: NAME=value a line, secrets and passwords within URLs masked. */
void config_print_values(const struct config_program *program, const void *config);

#endif
