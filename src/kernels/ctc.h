/* Paths through the frames of labels without times. The states of a path are its
** labels with a blank before, between and behind them; blanks and labels are
** kept apart, so that loops over either are plain. All is in logarithms: a path
** may be as improbable as it likes. */
#ifndef KERNELS_CTC_H
#define KERNELS_CTC_H

#include "base/vmath.h"
#include "kernels/kernels.h"

/* Where both are -inf, their difference would be NaN. */
INLINE float log_add(float a, float b) {
  float high = a > b ? a : b, low = a > b ? b : a;
  float d = high == -INFINITY ? 0.0f : low - high;
  return high + vlog1p_unit(vexp(d));
}

INLINE float log_add_3(float a, float b, float c) {
  float high = a > b ? a : b;
  high = high > c ? high : c;
  float m = high == -INFINITY ? 0.0f : high;
  return m + vlog(vexp(a - m) + vexp(b - m) + vexp(c - m));
}

/* What a label may be reached by from the one before it: 0, or nothing where
** both are the same: with no blank between them, two frames of a label are one
** label that lasts. */
INLINE void fill_skips(const Ctc *p, float *skip) {
  for (int64_t i = 0; i < p->n; i++)
    skip[i] = i > 0 && p->label[i] != p->label[i - 1] ? 0.0f : -INFINITY;
}

INLINE void fill_scores(const Ctc *p, const float *logs, float *score) {
  for (int64_t i = 0; i < p->n; i++) score[i] = logs[p->label[i]];
}

#endif
