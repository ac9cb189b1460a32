/* The route table for people: `gateway --routes`. */
#ifndef GATEWAY_ROUTES_PRINT_H
#define GATEWAY_ROUTES_PRINT_H

#include <stdio.h>

void routes_print(FILE *out);

#endif
