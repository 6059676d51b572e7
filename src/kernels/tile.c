/* The interpreter of tile programs. A piece of the domain goes through all
** instructions before the next piece is touched, so that what lies between
** them never leaves L1. Nothing here knows what an instruction computes. */
#define ISA_AVX2_SERVES
#include "base/each_isa.h"
#include "kernels/tile.h"

#include <string.h>

#include "kernels/kernels.h"

enum {
  REGISTER_ITEM = 8,  /* bytes of the widest element a register holds */
  ALIGNMENT = 64,
  GAP = 128,  /* between slots: equal places fall into different cache sets */
  SHORT_ROW = 8, /* items below which rows are gathered by columns */
  GRAIN = 16, /* pieces are multiples of it where they can be */
  OPERANDS = 1 + 2 * TILE_OPERANDS + TILE_REGISTERS
};

/* ---- the one loop of this file ------------------------------------------ */

INLINE void gather_run(char *restrict y, const char *restrict x, int64_t n,
                       int64_t step, int64_t stride, int item) {
  for (int64_t i = 0; i < n; i++)
    memcpy(y + i * step * item, x + i * stride * item, (size_t)item);
}

/* rows x n items at (row_stride, stride) to a dense place */
INLINE void gather_items(char *y, const char *x, int64_t rows, int64_t n,
                         int64_t row_stride, int64_t stride, int item) {
  if (n < SHORT_ROW && n < rows) { /* the longer axis inside */
    for (int64_t i = 0; i < n; i++)
      gather_run(y + i * item, x + i * stride * item, rows, n, row_stride,
                 item);
    return;
  }
  for (int64_t r = 0; r < rows; r++) {
    if (stride == 1)
      gather_run(y, x, n, 1, 1, item);
    else if (stride == 0)
      gather_run(y, x, n, 1, 0, item);
    else
      gather_run(y, x, n, 1, stride, item);
    y += n * item;
    x += row_stride * item;
  }
}

LOCAL_KERNEL(void, gather_part, (char *y, const char *x, int64_t rows,
                                 int64_t n, int64_t row_stride, int64_t stride,
                                 int item)) {
  switch (item) {
    case 1: gather_items(y, x, rows, n, row_stride, stride, 1); break;
    case 2: gather_items(y, x, rows, n, row_stride, stride, 2); break;
    case 4: gather_items(y, x, rows, n, row_stride, stride, 4); break;
    default: gather_items(y, x, rows, n, row_stride, stride, 8); break;
  }
}

#if ISA_FIRST

/* What the slot of an input holds. */
typedef struct Input {
  char *slot;
  int64_t column; /* PHASE: the first column, */
  int held;       /* and the number of elements */
} Input;

/* One run of a program over a range. Operand 0 is the one that is not there,
** then come inputs, outputs, registers. */
typedef struct Run {
  const TileProgram *p;
  const void *const *in;
  void *const *out;
  Input input[TILE_OPERANDS];
  bool in_place;               /* are all inputs DENSE or SCALAR? */
  char *shadow[TILE_OPERANDS]; /* where an output is held back, or NULL */
  void *operand[OPERANDS];
  int64_t columns;            /* elements of a row (the last axis) */
  int64_t at[MAX_RANK];       /* coordinates of the piece's first element */
  int cap;                    /* elements a slot holds */
} Run;

/* ---- the program ------------------------------------------------------- */

static bool mergeable(const TileProgram *p, int axis) {
  for (int i = 0; i < p->nin; i++) {
    const int64_t *s = p->in[i].stride;
    if (s[axis] != s[axis + 1] * p->dim[axis + 1]) return false;
  }
  return true;
}

static void drop_axis(TileProgram *p, int axis) {
  for (int d = axis; d + 1 < p->rank; d++) {
    p->dim[d] = p->dim[d + 1];
    for (int i = 0; i < p->nin; i++)
      p->in[i].stride[d] = p->in[i].stride[d + 1];
  }
  p->rank--;
}

static void collapse(TileProgram *p) {
  for (int d = p->rank - 1; d >= 0; d--)
    if (p->dim[d] == 1) drop_axis(p, d);
  for (int d = p->rank - 2; d >= 0; d--)
    if (mergeable(p, d)) {
      p->dim[d + 1] *= p->dim[d];
      drop_axis(p, d);
    }
}

int64_t tile_elements(const TileProgram *p) {
  int64_t n = 1;
  for (int d = 0; d < p->rank; d++) n *= p->dim[d];
  return n;
}

static TileAccess access_of(const TileProgram *p, const int64_t *s) {
  bool everywhere = true, each_row = true, dense = true;
  int64_t size = 1;
  for (int d = p->rank - 1; d >= 0; d--) {
    if (p->dim[d] == 1) continue;
    if (s[d] != 0) everywhere = false;
    if (s[d] != 0 && d < p->rank - 1) each_row = false;
    if (s[d] != size) dense = false;
    size *= p->dim[d];
  }
  return dense ? DENSE : everywhere ? SCALAR : each_row ? PHASE : GATHER;
}

static uint8_t operand_number(const TileProgram *p, TileRef ref) {
  switch (ref.space) {
    case TILE_IN: return (uint8_t)(1 + ref.index);
    case TILE_OUT: return (uint8_t)(1 + p->nin + ref.index);
    case TILE_REG: return (uint8_t)(1 + p->nin + p->nout + ref.index);
    default: return 0;
  }
}

/* The longest piece for which the scratch has so many slots of so many bytes an
** element: no longer than all that there is to do, so that small programs need
** little. */
static int longest_piece(const TileProgram *p, int slots, int bytes) {
  int64_t elements = (tile_elements(p) + GRAIN - 1) / GRAIN * GRAIN;
  int most = elements < TILE ? (int)elements : TILE;
  if (most < GRAIN) most = GRAIN;
  if (bytes == 0) return most;
  int cap = (TILE_MOST_SCRATCH - slots * (GAP + ALIGNMENT)) / bytes;
  return cap >= most ? most : cap / GRAIN * GRAIN;
}

static uint32_t bit_of(TileRef ref) {
  return ref.space == TILE_IN ? (uint32_t)1 << ref.index : 0;
}

/* The inputs that are read when the output has been written, a bit for each. */
static uint32_t inputs_after(const TileProgram *p, int out) {
  uint32_t bits = 0;
  bool written = false;
  for (int k = 0; k < p->ncode; k++) {
    const TileInstr *c = &p->code[k];
    if (written) bits |= bit_of(c->a) | bit_of(c->b) | bit_of(c->c);
    written = written || (c->y.space == TILE_OUT && c->y.index == out);
  }
  return bits;
}

/* Whether nothing is to be prepared but registers: no input in a slot where a
** piece is of one row, no output held back. */
static bool is_plain(const TileProgram *p) {
  for (int o = 0; o < p->nout; o++)
    if (p->read_after[o]) return false;
  for (int i = 0; i < p->nin; i++) {
    const TileOperand *x = &p->in[i];
    bool row = x->access == PHASE && x->stride[p->rank - 1] == 1;
    if (x->access != DENSE && !row) return false;
  }
  return true;
}

void tile_ready(TileProgram *p) {
  collapse(p);
  p->slots = p->nreg;
  p->slot_bytes = p->nreg * REGISTER_ITEM;
  for (int i = 0; i < p->nin; i++) {
    p->in[i].access = access_of(p, p->in[i].stride);
    if (p->in[i].access == DENSE) continue;
    p->slots++;
    p->slot_bytes += p->in[i].item;
  }
  p->piece = longest_piece(p, p->slots, p->slot_bytes);
  for (int o = 0; o < p->nout; o++) p->read_after[o] = inputs_after(p, o);
  p->plain = is_plain(p);
  for (int k = 0; k < p->ncode; k++) {
    TileInstr *c = &p->code[k];
    c->operand[0] = operand_number(p, c->y);
    c->operand[1] = operand_number(p, c->a);
    c->operand[2] = operand_number(p, c->b);
    c->operand[3] = operand_number(p, c->c);
  }
  for (int k = 0; k < p->nloop; k++)
    p->loop_operand[k] = operand_number(p, p->of_loop[k]);
}

/* ---- preparing a run --------------------------------------------------- */

/* Would writing the output spoil an input that is still to be read? */
static bool needs_shadow(const Run *r, int out) {
  uint32_t after = r->p->read_after[out];
  for (int i = 0; after != 0; i++, after >>= 1)
    if ((after & 1) && r->in[i] == r->out[out]) return true;
  return false;
}

static char *take_slot(char **scratch, int cap, int item) {
  char *slot = *scratch;
  *scratch += (size_t)(cap * item + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  *scratch += GAP;
  return slot;
}

/* Which outputs need a shadow only a run can tell: here those count that would
** if they were in the place of an input. */
int64_t tile_scratch(const TileProgram *p) {
  int slots = p->slots, each = p->slot_bytes;
  for (int o = 0; o < p->nout; o++)
    if (p->read_after[o]) slots++, each += p->out_item[o];
  int64_t bytes = (int64_t)p->piece * each + slots * (GAP + ALIGNMENT);
  return bytes < TILE_MOST_SCRATCH ? bytes : TILE_MOST_SCRATCH;
}

/* Chooses the outputs that are held back, and the pieces that leave room. */
static void find_shadows(Run *r, bool *shadowed) {
  const TileProgram *p = r->p;
  int slots = p->slots, bytes = p->slot_bytes;
  for (int o = 0; o < p->nout; o++) {
    shadowed[o] = needs_shadow(r, o);
    if (shadowed[o]) slots++, bytes += p->out_item[o];
  }
  r->cap = slots == p->slots ? p->piece : longest_piece(p, slots, bytes);
}

static void prepare_inputs(Run *r, char **scratch, int64_t elements) {
  const TileProgram *p = r->p;
  r->in_place = true;
  for (int i = 0; i < p->nin; i++) {
    Input *x = &r->input[i];
    if (p->in[i].access == DENSE) continue;
    x->slot = take_slot(scratch, r->cap, p->in[i].item);
    x->held = 0;
    r->operand[1 + i] = x->slot;
    if (p->in[i].access == SCALAR)
      ISA(fill)(x->slot, r->in[i], elements < r->cap ? elements : r->cap,
                p->in[i].item);
    else
      r->in_place = false;
  }
}

/* For stretches of so many elements. */
static void prepare(Run *r, char *scratch, int64_t elements) {
  const TileProgram *p = r->p;
  bool shadowed[TILE_OPERANDS];
  r->columns = p->rank > 0 ? p->dim[p->rank - 1] : 1;
  r->operand[0] = NULL;
  find_shadows(r, shadowed);
  prepare_inputs(r, &scratch, elements);
  for (int o = 0; o < p->nout; o++)
    r->shadow[o] =
        shadowed[o] ? take_slot(&scratch, r->cap, p->out_item[o]) : NULL;
  for (int k = 0; k < p->nreg; k++)
    r->operand[1 + p->nin + p->nout + k] =
        take_slot(&scratch, r->cap, REGISTER_ITEM);
}

/* ---- gathering --------------------------------------------------------- */

static int64_t offset_at(const TileProgram *p, int i, const int64_t *at) {
  int64_t offset = 0;
  for (int d = 0; d < p->rank; d++) offset += at[d] * p->in[i].stride[d];
  return offset;
}

/* The n elements of input i from r->at on, to its slot. Walks stretches of
** whole rows along the last axis but one, and what rows are cut at the ends. */
static void gather_input(const Run *r, int i, int n) {
  const TileProgram *p = r->p;
  const TileOperand *x = &p->in[i];
  int last = p->rank - 1;
  int64_t at[MAX_RANK];
  char *y = r->input[i].slot;
  memcpy(at, r->at, sizeof at);
  for (int64_t left = n; left > 0;) {
    const char *src = (const char *)r->in[i] + offset_at(p, i, at) * x->item;
    int64_t rows = 1, run = r->columns - at[last];
    if (run > left) run = left;
    if (at[last] == 0 && run == r->columns && last > 0) {
      rows = left / run;
      if (rows > p->dim[last - 1] - at[last - 1])
        rows = p->dim[last - 1] - at[last - 1];
    }
    ISA(gather_part)(y, src, rows, run, last > 0 ? x->stride[last - 1] : 0,
                     x->stride[last], x->item);
    y += rows * run * x->item;
    left -= rows * run;
    at[last] = 0;
    for (int d = last - 1; d >= 0; d--) { /* carry the rows upwards */
      at[d] += d == last - 1 ? rows : 1;
      if (at[d] < p->dim[d]) break;
      at[d] = 0;
    }
  }
}

/* ---- running ----------------------------------------------------------- */

static void locate(Run *r, int64_t first) {
  for (int d = r->p->rank - 1; d >= 0; d--) {
    r->at[d] = first % r->p->dim[d];
    first /= r->p->dim[d];
  }
}

/* The end of the piece that begins at `first`: pieces of parts of a row are
** equally long, others are whole rows, so that phases come again. */
static int64_t piece_end(const Run *r, int64_t first, int64_t last) {
  int64_t end, cap = r->cap, columns = r->columns;
  if (first == 0 && last <= cap) { /* small programs are spared divisions */
    end = last;
  } else if (r->in_place) {
    end = (first / cap + 1) * cap;
  } else if (columns <= cap) {
    int64_t piece = cap / columns * columns;
    end = (first / piece + 1) * piece;
  } else {
    int64_t parts = (columns + cap - 1) / cap;
    int64_t piece = (columns / parts + GRAIN) / GRAIN * GRAIN;
    if (piece > cap) piece = cap;
    int64_t column = r->at[r->p->rank - 1], row = first - column;
    end = row + (column / piece + 1) * piece;
    if (end > row + columns) end = row + columns;
  }
  return end < last ? end : last;
}

/* Whether n elements of an input lie side by side: those of a piece of no more
** than a row, whose elements do. */
static bool lie_together(const Run *r, int i, int n) {
  int last = r->p->rank - 1;
  return r->p->in[i].stride[last] == 1 && r->at[last] + n <= r->columns;
}

/* Those in place are pointed at, and others come to their slots, unless what
** the slot holds is the same again. */
static void place_inputs(Run *r, int64_t first, int n) {
  const TileProgram *p = r->p;
  for (int i = 0; i < p->nin; i++) {
    Input *x = &r->input[i];
    const TileOperand *o = &p->in[i];
    int64_t offset = first;
    if (o->access == SCALAR) continue;
    if (o->access != DENSE && !lie_together(r, i, n)) {
      int64_t column = r->at[p->rank - 1];
      r->operand[1 + i] = x->slot;
      if (o->access == PHASE && x->held >= n && x->column == column) continue;
      gather_input(r, i, n);
      x->column = column;
      x->held = n;
      continue;
    }
    if (o->access != DENSE) offset = offset_at(p, i, r->at);
    const char *base = r->in[i];
    r->operand[1 + i] = (void *)(uintptr_t)(base + offset * o->item);
  }
}

static void run_code(const TileProgram *p, void *const *operand, int n) {
  void *at[TILE_LOOP];
  for (int k = 0; k < p->ncode && p->loop == NULL; k++) {
    const uint8_t *c = p->code[k].operand;
    p->code[k].strip(operand[c[0]], operand[c[1]], operand[c[2]],
                     operand[c[3]], n, p->code[k].imm);
  }
  if (p->loop == NULL) return;
  for (int k = 0; k < p->nloop; k++) at[k] = operand[p->loop_operand[k]];
  p->loop(at, n);
}

static void run_piece(Run *r, int64_t first, int n) {
  const TileProgram *p = r->p;
  void **operand = r->operand;
  place_inputs(r, first, n);
  for (int o = 0; o < p->nout; o++)
    operand[1 + p->nin + o] =
        r->shadow[o] != NULL ? r->shadow[o]
                             : (char *)r->out[o] + first * p->out_item[o];
  run_code(p, operand, n);
  for (int o = 0; o < p->nout; o++)
    if (r->shadow[o] != NULL)
      memcpy((char *)r->out[o] + first * p->out_item[o], r->shadow[o],
             (size_t)n * (size_t)p->out_item[o]);
}

static void run_stretch(Run *r, int64_t first, int64_t last) {
  while (first < last) {
    if (!r->in_place) locate(r, first);
    int64_t end = piece_end(r, first, last);
    run_piece(r, first, (int)(end - first));
    first = end;
  }
}

/* ---- plain programs ----------------------------------------------------- */

/* The n elements from `first` on, which is at this column of its row. */
static void run_plain(const TileProgram *p, const void *const *in,
                      void *const *out, int64_t first, int64_t column, int n,
                      char *scratch) {
  void *operand[OPERANDS];
  operand[0] = NULL;
  for (int k = 0; k < p->nreg; k++)
    operand[1 + p->nin + p->nout + k] =
        take_slot(&scratch, p->piece, REGISTER_ITEM);
  for (int i = 0; i < p->nin; i++) {
    const TileOperand *x = &p->in[i];
    int64_t at = x->access == DENSE ? first : column;
    operand[1 + i] =
        (void *)(uintptr_t)((const char *)in[i] + at * x->item);
  }
  for (int o = 0; o < p->nout; o++)
    operand[1 + p->nin + o] = (char *)out[o] + first * p->out_item[o];
  run_code(p, operand, n);
}

/* Small pieces of rows are many: what is done for each of them counts. False:
** these are not of that kind. */
static bool run_rows_plain(const TileProgram *p, const void *const *in,
                           void *const *out, int64_t first, int64_t rows,
                           int64_t n, int64_t step, void *scratch) {
  int64_t columns = p->rank > 0 ? p->dim[p->rank - 1] : 1;
  if (!p->plain || n > p->piece || n > columns || (rows > 1 && step != columns))
    return false;
  int64_t column = first < columns ? first : first % columns;
  if (column + n > columns) return false;
  for (int64_t i = 0; i < rows; i++, first += step)
    run_plain(p, in, out, first, column, (int)n, scratch);
  return true;
}

void tile_run_rows(const TileProgram *p, const void *const *in,
                   void *const *out, int64_t first, int64_t rows, int64_t n,
                   int64_t step, void *scratch) {
  if (n <= 0 || run_rows_plain(p, in, out, first, rows, n, step, scratch))
    return;
  Run r;
  r.p = p;
  r.in = in;
  r.out = out;
  prepare(&r, scratch, n);
  for (int64_t i = 0; i < rows; i++, first += step)
    run_stretch(&r, first, first + n);
}

void tile_run(const TileProgram *p, const void *const *in, void *const *out,
              int64_t first, int64_t last, void *scratch) {
  tile_run_rows(p, in, out, first, 1, last - first, 0, scratch);
}

#endif
