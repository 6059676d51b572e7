/* Sums over all ranks that go on while other work is done. */
#ifndef SUMS_H
#define SUMS_H

#include "rocks.h"
#include "world.h"

/* What lunula's plans call (rocks.h). */
extern const ForRocksSums sums_calls;

#endif
