/* Between scan.c and cut.c: the body of the way back, and what its notes
** say. */
#ifndef SCAN_CUT_H
#define SCAN_CUT_H

#include "scan/scan.h"

/* How the gradient of a const comes out of the loop back. */
enum { NO_TERM, SUMMED, PRODUCT_TERM, ROWS_TERM };

/* Stored values and sequences are stacked already: they have numbers < 0. */
enum { STORED = -1, SEQUENCE = -1000 };

/* Function.notes of a backward body: {sums, stored values}, then for each const
** the number of its terms and for each term {kind, first source, second
** source}, SUMMED: {kind, state, 0}; then for each sequence whether it has a
** cotangent. */

/* The extended body, which also gives what the way back needs, and the body of
** the way back. False with c->error set. */
bool scan_cut(Context *c, Function *body, ScanCounts n, Function **extended,
              Function **backward);

#endif
