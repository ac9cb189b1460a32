/* Faults that clients cause. Each is played as chaos_play asks. */
#ifndef TESTS_CHAOS_CLIENTS_H
#define TESTS_CHAOS_CLIENTS_H

#include "tests/support/stack.h"

void hold_slow_heads(struct stack *stack);
void hold_slow_readers(struct stack *stack);
void hold_idle_connections(struct stack *stack);
void storm_connections(struct stack *stack);
void reset_rapidly(struct stack *stack);
void make_it_reset(struct stack *stack);
void overload(struct stack *stack);

#endif
