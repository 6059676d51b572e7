/* What the passes that deal with weights share. Between them only. */
#ifndef PLAN_PREPARE_H
#define PLAN_PREPARE_H

#include "plan/prog.h"

/* Whether a node depends on weights and constants alone, and is worth keeping;
** fixed: the same of its inputs, by their numbers. */
bool depends_on_weights(const Prog *p, const bool *fixed, const Node *n);

#endif
