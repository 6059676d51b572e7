/* The adjoint of labels without times: the frames are walked from the last one,
** with the logarithm of what is left to come from each state. */
#include "base/each_isa.h"
#include "kernels/ctc.h"

/* What is left to come, from being in the states of the frame before. Blanks
** come last, because labels read what they were. */
INLINE void frame_before(int64_t n, float *restrict b, float *restrict l,
                         const float *restrict skip, float *restrict label,
                         const float *restrict score, float blank_score) {
  for (int64_t i = 0; i <= n; i++) b[i] += blank_score;
  for (int64_t i = 0; i < n; i++) label[i] = l[i] + score[i];
  for (int64_t i = 0; i < n - 1; i++)
    l[i] = log_add_3(label[i], b[i + 1], label[i + 1] + skip[i + 1]);
  if (n > 0) l[n - 1] = log_add(label[n - 1], b[n]);
  for (int64_t i = 0; i < n; i++) b[i] = log_add(b[i], label[i]);
}

/* The share of all paths that go through each of n states. */
INLINE void shares(int64_t n, const float *restrict before,
                   const float *restrict behind, float loss,
                   float *restrict share) {
  for (int64_t i = 0; i < n; i++)
    share[i] = vexp(before[i] + behind[i] + loss);
}

INLINE void give(const Ctc *p, const float *before, const float *b,
                 const float *l, float loss, float g, float *share, float *d) {
  int64_t n = p->n;
  float sum = 0.0f;
  shares(n + 1, before, b, loss, share);
  for (int64_t i = 0; i <= n; i++) sum += share[i];
  d[p->blank] -= g * sum;
  shares(n, before + p->room + 1, l, loss, share);
  for (int64_t i = 0; i < n; i++) d[p->label[i]] -= g * share[i];
}

KERNEL(void, ctc_backward, (const Ctc *p, const float *paths, float loss,
                            float g, float *d, float *room)) {
  int64_t n = p->n, step = p->room + 1;
  float *score = room, *skip = score + step, *b = skip + step;
  float *l = b + step, *label = l + step;
  if (p->frames == 0 || loss == INFINITY) return;
  fill_skips(p, skip);
  for (int64_t i = 0; i <= n; i++) b[i] = l[i] = -INFINITY;
  b[n] = 0.0f;
  if (n > 0) l[n - 1] = 0.0f;
  for (int64_t t = p->frames - 1; t >= 0; t--) {
    const float *logs = p->logs + t * p->classes;
    /* `label` is free as long as frame_before has not begun */
    give(p, paths + t * p->width, b, l, loss, g, label, d + t * p->classes);
    fill_scores(p, logs, score);
    frame_before(n, b, l, skip, label, score, logs[p->blank]);
  }
}
