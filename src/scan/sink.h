/* Between prepare.c and sink.c: the inputs of a loop's body, once more. */
#ifndef SCAN_SINK_H
#define SCAN_SINK_H

#include "scan/scan.h"

typedef struct Sink {
  Context *c;
  const Scan *s;
  const bool *used; /* of each input of the body: somebody reads it */
  int64_t length;
  bool sinks[MAX_INPUTS]; /* of each input: the body computes it itself */
  Val outside[MAX_INPUTS]; /* what the new body takes, as there is room */
  Val inside[MAX_INPUTS];  /* ... and as what */
  ScanCounts n;            /* of that */
} Sink;

/* Finds what the new body takes. False when it is what the old one takes. */
bool sink_find(Sink *k);
/* Makes its inputs, in the scope that is open. */
void sink_make_inputs(Sink *k);
/* What stands for input i of the old body. */
Val sink_input(Sink *k, int i);

#endif
