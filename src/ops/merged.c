/* The step of Adam and of AdamW, with the gate that an optimizer has: new means
** of gradients and of their squares, and the variable that follows them. */

#include "ops/merged.h"

#include <string.h>

#include "base/each_isa.h"
#include "ops/strip.h"

typedef struct AdamStep {
  const float *w, *m, *v, *g;
  float of_mean, of_square, rate, epsilon, decay;
  float *mean, *square, *to;
} AdamStep;

/* Each op rounds, as in lerp (binary.c); `own` is what the step starts from. */
#define ADAM_LOOP(name, own)                                        \
  WRITTEN static void name(const AdamStep *s, int n) {              \
    AS_WRITTEN                                                      \
    const float *w = s->w, *m = s->m, *v = s->v, *g = s->g;         \
    float *mean = s->mean, *square = s->square, *to = s->to;        \
    float of_mean = s->of_mean, of_square = s->of_square;           \
    float rate = s->rate, epsilon = s->epsilon, decay = s->decay;   \
    (void)decay;                                                    \
    IN_PLACE                                                        \
    for (int i = 0; i < n; i++) {                                   \
      float x = m[i] + (g[i] - m[i]) * of_mean;                     \
      float y = v[i] + (g[i] * g[i] - v[i]) * of_square;            \
      float z = (own) - x * rate / (vsqrt(y) + epsilon);            \
      mean[i] = x;                                                  \
      square[i] = y;                                                \
      to[i] = z;                                                    \
    }                                                               \
  }
ADAM_LOOP(adam_numbers, w[i])
ADAM_LOOP(adamw_numbers, w[i] - w[i] * decay)

/* A closed gate leaves what there is, which mostly is where the result lies. */
static void keep(float *to, const float *from, int n) {
  if (to != from) memcpy(to, from, (size_t)n * sizeof *to);
}

/* In the order of the loops: the wide ones first. Plain Adam has no decay. */
typedef enum AdamLeaf {
  W, M, V, G, OF_MEAN, OF_SQUARE, RATE, EPSILON, GATE, DECAY
} AdamLeaf;

INLINE void step(void *const *operand, void *const *result, float decay, int n,
                 void (*numbers)(const AdamStep *s, int n)) {
  AdamStep s = {operand[W], operand[M], operand[V], operand[G],
                *(float *)operand[OF_MEAN], *(float *)operand[OF_SQUARE],
                *(float *)operand[RATE], *(float *)operand[EPSILON], decay,
                result[0], result[1], result[2]};
  if (*(uint8_t *)operand[GATE]) {
    numbers(&s, n);
    return;
  }
  keep(s.mean, s.m, n);
  keep(s.square, s.v, n);
  keep(s.to, s.w, n);
}

LOCAL_KERNEL(void, loop_adam, (void *const *operand, int n)) {
  step(operand, operand + GATE + 1, 0, n, adam_numbers);
}

LOCAL_KERNEL(void, loop_adamw, (void *const *operand, int n)) {
  step(operand, operand + DECAY + 1, *(float *)operand[DECAY], n,
       adamw_numbers);
}

#if ISA_FIRST

/* A leaf as an input of a link (merged.h) */
#define L(leaf) (-1 - (int)(leaf))

/* The new means, and the quotient that the variable goes down by: links 0 to 8. */
#define DESCENT                             \
  {"lerp", {L(M), L(G), L(OF_MEAN)}},       \
  {"where", {L(GATE), 0, L(M)}},            \
  {"square", {L(G)}},                       \
  {"lerp", {L(V), 2, L(OF_SQUARE)}},        \
  {"where", {L(GATE), 3, L(V)}},            \
  {"multiply", {0, L(RATE)}},               \
  {"sqrt", {3}},                            \
  {"add", {6, L(EPSILON)}},                 \
  {"divide", {5, 7}}

static const MergedLink adam[] = {
  DESCENT,
  {"subtract", {L(W), 8}},
  {"where", {L(GATE), 9, L(W)}},
};

/* The decay has a gate of its own, as it is an assignment before. */
static const MergedLink adamw[] = {
  DESCENT,
  {"multiply", {L(W), L(DECAY)}},
  {"subtract", {L(W), 9}},
  {"where", {L(GATE), 10, L(W)}},
  {"subtract", {11, 8}},
  {"where", {L(GATE), 12, 11}},
};

static const MergedGroup groups[] = {
  {adam, COUNT_OF(adam), 9, 4, 3, {1, 4, 10}, loop_adam},
  {adamw, COUNT_OF(adamw), 10, 4, 3, {1, 4, 13}, loop_adamw},
};
_Static_assert(COUNT_OF(adamw) <= (int)MERGED_OPS &&
                   (int)DECAY < (int)MERGED_LEAVES &&
                   MERGED_LEAVES + MERGED_RESULTS <= (int)TILE_LOOP,
               "room");

static int place_of(const Node *const *node, int n, const Node *x) {
  for (int i = 0; i < n; i++)
    if (node[i] == x) return i;
  return -1;
}

/* Whether an op is that link; a leaf that is met for the first time becomes what
** the op reads there, which is no op of the group. */
static bool is_link(const MergedLink *l, const Node *const *node, int n,
                    const Node *x, Merging *m) {
  Val leaf[MERGED_LEAVES];
  memcpy(leaf, m->leaf, sizeof leaf);
  if (strcmp(x->op->name, l->op) != 0) return false;
  for (int i = 0; i < x->nin; i++) {
    int in = l->in[i], place = place_of(node, n, x->in[i].node);
    if (in >= 0) {
      if (place < 0 || place != m->op[in]) return false;
      continue;
    }
    Val *bound = &leaf[-1 - in];
    if (bound->node == NULL) *bound = x->in[i];
    if (place >= 0 || !val_same(*bound, x->in[i])) return false;
  }
  memcpy(m->leaf, leaf, sizeof leaf);
  return true;
}

/* An op is taken for the first link that it fits, and no choice is taken back: links
** of one name read different leaves or links. */
static bool matches(const MergedGroup *g, const Node *const *node, int n,
                    Merging *m) {
  bool taken[MERGED_OPS] = {0};
  memset(m, 0, sizeof *m);
  for (int k = 0; k < g->n; k++) {
    int i = 0;
    while (i < n && (taken[i] || !is_link(&g->link[k], node, n, node[i], m)))
      i++;
    if (i == n) return false;
    taken[i] = true;
    m->op[k] = i;
  }
  return true;
}

Merging merged_find(const Node *const *node, int n) {
  Merging m;
  for (int i = 0; i < COUNT_OF(groups); i++)
    if (groups[i].n == n && matches(&groups[i], node, n, &m)) {
      m.group = &groups[i];
      return m;
    }
  return (Merging){0};
}

#endif
