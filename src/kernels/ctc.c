/* Connectionist temporal classification: the probability of labels without
** times, given the log-probabilities of each frame. And the search for the
** labels, by beams of prefixes that are told apart as nodes of a tree. */

#include "base/each_isa.h"
#include "kernels/ctc.h"

/* ---- forwards ------------------------------------------------------------ */

INLINE void first_frame(int64_t n, float *restrict blank, float *restrict label,
                        const float *score, float blank_score) {
  for (int64_t i = 0; i <= n; i++) blank[i] = -INFINITY;
  for (int64_t i = 0; i < n; i++) label[i] = -INFINITY;
  blank[0] = blank_score;
  if (n > 0) label[0] = score[0];
}

INLINE void next_frame(int64_t n, const float *restrict b,
                       const float *restrict l, const float *restrict skip,
                       const float *restrict score, float blank_score,
                       float *restrict blank, float *restrict label) {
  blank[0] = b[0] + blank_score;
  for (int64_t i = 1; i <= n; i++)
    blank[i] = log_add(b[i], l[i - 1]) + blank_score;
  if (n > 0) label[0] = log_add(l[0], b[0]) + score[0];
  for (int64_t i = 1; i < n; i++)
    label[i] = log_add_3(l[i], b[i], l[i - 1] + skip[i]) + score[i];
}

KERNEL(float, ctc_forward, (const Ctc *p, float *paths, float *room)) {
  int64_t n = p->n;
  float *score = room, *skip = room + p->room, *b = paths, *l = b + p->room + 1;
  fill_skips(p, skip);
  for (int64_t t = 0; t < p->frames; t++, b += p->width, l += p->width) {
    const float *logs = p->logs + t * p->classes;
    fill_scores(p, logs, score);
    if (t == 0)
      first_frame(n, b, l, score, logs[p->blank]);
    else
      next_frame(n, b - p->width, l - p->width, skip, score, logs[p->blank], b,
                 l);
  }
  if (p->frames == 0) return n == 0 ? 0.0f : INFINITY;
  b -= p->width, l -= p->width;
  return -(n == 0 ? b[0] : log_add(b[n], l[n - 1]));
}

#if ISA_FIRST

int64_t ctc_room(int64_t labels) { return 5 * (labels + 1); }

/* ---- the search ---------------------------------------------------------- */

enum { NONE = -1 };

/* A beam of this frame, or what may become one: a prefix, which is a node of
** the tree or the child `label` of one. By the probability of those paths that
** end with its label, of those that end with a blank, and of both. */
typedef struct Beam {
  float total, label_ends, blank_ends;
  int32_t node, label; /* NONE: it is the node itself */
} Beam;

typedef struct Search {
  const CtcBeams *p;
  int32_t nodes, beams, found; /* of the tree; kept; in the heap */
  int32_t *parent, *label, *beam; /* of each node; its beam, or NONE */
  int32_t *slots;              /* nodes by parent and label */
  int32_t *child, *sibling;    /* of beams: beams that are longer by one */
  int32_t *stamp;              /* (classes): the beam that has such a child */
  float *logs;                 /* (classes) */
  Beam *kept, *heap;           /* (width) */
} Search;

static int64_t most_nodes(const CtcBeams *p) {
  return 1 + p->frames * p->width;
}

static int64_t slots_for(const CtcBeams *p) {
  int64_t n = 2;
  while (n < 2 * most_nodes(p)) n *= 2;
  return n;
}

int64_t ctc_search_bytes(const CtcBeams *p) {
  int64_t numbers = 3 * most_nodes(p) + slots_for(p) + 2 * p->width +
                    2 * p->classes;
  return (int64_t)sizeof(Beam) * 2 * p->width + 4 * numbers;
}

static void search_begin(Search *s, const CtcBeams *p, void *room) {
  int64_t nodes = most_nodes(p);
  s->p = p;
  s->kept = room;
  s->heap = s->kept + p->width;
  s->parent = (int32_t *)(void *)(s->heap + p->width);
  s->label = s->parent + nodes;
  s->beam = s->label + nodes;
  s->slots = s->beam + nodes;
  s->child = s->slots + slots_for(p);
  s->sibling = s->child + p->width;
  s->stamp = s->sibling + p->width;
  s->logs = (float *)(void *)(s->stamp + p->classes);
  for (int64_t i = 0; i < slots_for(p); i++) s->slots[i] = NONE;
  s->nodes = s->beams = 1;
  s->found = 0;
  s->parent[0] = s->label[0] = NONE;
  s->beam[0] = 0;
  s->kept[0] = (Beam){0.0f, -INFINITY, 0.0f, 0, NONE};
}

/* The node that is longer than `parent` by a label, made where there is none.
** The place is of the product's higher bits: its lower ones are those of the
** label alone. Half of the places stay free, so that looking for one ends. */
static int32_t node_of(Search *s, int32_t parent, int32_t label) {
  uint64_t mask = (uint64_t)slots_for(s->p) - 1;
  uint64_t h = ((uint64_t)(uint32_t)parent << 32 | (uint32_t)label) *
               UINT64_C(0x9e3779b97f4a7c15);
  uint64_t at = (h >> 32) & mask;
  for (; s->slots[at] != NONE; at = (at + 1) & mask) {
    int32_t i = s->slots[at];
    if (s->parent[i] == parent && s->label[i] == label) return i;
  }
  s->slots[at] = s->nodes;
  s->parent[s->nodes] = parent;
  s->label[s->nodes] = label;
  s->beam[s->nodes] = NONE;
  return s->nodes++;
}

/* Of two, the one that goes first when there is room for one: of equal ones
** whichever was there before, which the heap keeps on top. */
static void sink(Beam *heap, int32_t n, int32_t i) {
  Beam moved = heap[i];
  for (int32_t j = 2 * i + 1; j < n; i = j, j = 2 * i + 1) {
    if (j + 1 < n && heap[j + 1].total < heap[j].total) j++;
    if (!(heap[j].total < moved.total)) break;
    heap[i] = heap[j];
  }
  heap[i] = moved;
}

static void rise(Beam *heap, int32_t i) {
  Beam moved = heap[i];
  for (; i > 0 && moved.total < heap[(i - 1) / 2].total; i = (i - 1) / 2)
    heap[i] = heap[(i - 1) / 2];
  heap[i] = moved;
}

static bool is_wanted(const Search *s, float total) {
  return total > -INFINITY &&
         (s->found < s->p->width || total > s->heap[0].total);
}

static void offer(Search *s, Beam b) {
  if (!is_wanted(s, b.total)) return;
  if (s->found < s->p->width) {
    s->heap[s->found] = b;
    rise(s->heap, s->found++);
  } else {
    s->heap[0] = b;
    sink(s->heap, s->found, 0);
  }
}

/* The beams that stay what they are: by a blank, or by their label again. */
static void go_on(Search *s) {
  for (int32_t i = 0; i < s->beams; i++) {
    Beam b = s->kept[i];
    int32_t parent = s->parent[b.node];
    int32_t from = parent == NONE ? NONE : s->beam[parent];
    float label = s->label[b.node] == NONE ? -INFINITY : b.label_ends;
    if (from != NONE) {
      const Beam *f = &s->kept[from];
      label = log_add(label, s->label[parent] == s->label[b.node]
                                 ? f->blank_ends : f->total);
      s->sibling[i] = s->child[from];
      s->child[from] = i;
    }
    if (parent != NONE) label += s->logs[s->label[b.node]];
    float blank = b.total + s->logs[s->p->blank];
    offer(s, (Beam){log_add(blank, label), label, blank, b.node, NONE});
  }
}

/* The beams that get longer by one label, but for children that are beams
** themselves: go_on has given them this way, too. (TensorFlow forgets some that
** others have pushed out meanwhile; this is what Keras does on JAX and
** PyTorch.) */
static void grow(Search *s) {
  for (int32_t i = 0; i < s->beams; i++) {
    Beam b = s->kept[i];
    if (!is_wanted(s, b.total)) continue;
    for (int32_t j = s->child[i]; j != NONE; j = s->sibling[j])
      s->stamp[s->label[s->kept[j].node]] = i;
    for (int32_t k = 0; k < s->p->classes; k++) {
      if (k == s->p->blank || s->stamp[k] == i) continue;
      float from = k == s->label[b.node] ? b.blank_ends : b.total;
      offer(s, (Beam){from + s->logs[k], from + s->logs[k], -INFINITY, b.node,
                      k});
    }
  }
}

/* What is in the heap, best first. It gives the worst one, which so goes to the
** last place. */
static void keep(Search *s) {
  for (int32_t i = 0; i < s->beams; i++) s->beam[s->kept[i].node] = NONE;
  s->beams = s->found;
  while (s->found > 0) {
    Beam b = s->heap[0];
    s->heap[0] = s->heap[--s->found];
    sink(s->heap, s->found, 0);
    if (b.label != NONE) b.node = node_of(s, b.node, b.label);
    s->beam[b.node] = s->found;
    s->kept[s->found] = b;
  }
}

static void search_frame(Search *s, const float *scores) {
  int64_t classes = s->p->classes;
  ISA(log_softmax_rows)(scores, s->logs, classes, 0, 1);
  for (int64_t k = 0; k < classes; k++) s->stamp[k] = NONE;
  for (int32_t i = 0; i < s->beams; i++) s->child[i] = NONE;
  go_on(s);
  grow(s);
  keep(s);
}

static void write_path(const Search *s, int32_t node, int32_t *y) {
  int32_t n = 0;
  for (int32_t i = node; i > 0; i = s->parent[i]) n++;
  for (int64_t i = n; i < s->p->room; i++) y[i] = NONE;
  for (int32_t i = node; i > 0; i = s->parent[i]) y[--n] = s->label[i];
}

void ctc_search(const CtcBeams *p, const float *scores, int32_t *paths,
                float *logs, void *room) {
  Search s;
  search_begin(&s, p, room);
  for (int64_t t = 0; t < p->frames; t++)
    search_frame(&s, scores + t * p->classes);
  for (int64_t i = 0; i < p->top; i++) {
    bool is_there = i < s.beams;
    write_path(&s, is_there ? s.kept[i].node : 0, paths + i * p->path_step);
    logs[i] = is_there ? s.kept[i].total : -INFINITY;
  }
}

#endif
