/* The tile program: a list of elementwise instructions that is run over
** pieces of at most TILE elements, so that a whole chain stays in L1. The
** eager call of one op, a fused region of a plan and the epilogue of a product
** are all tile programs. */
#ifndef KERNELS_TILE_H
#define KERNELS_TILE_H

#include "base/base.h"

enum {
  TILE = 1024,        /* elements a register holds at most, of 8 bytes */
  TILE_OPERANDS = 32, /* inputs + outputs of one program */
  TILE_CODE = 64,     /* instructions of one program */
  TILE_REGISTERS = 24,
  TILE_LOOP = 16 /* operands of a loop */
};

/* y[0..n) from a, b, c [0..n), all contiguous; unused sources are NULL. The
** element types are the strip's own business. imm points at the
** instruction's constants. y may be the same array as a source. */
typedef void (*Strip)(void *y, const void *a, const void *b, const void *c,
                      int n, const double *imm);

/* The same for a whole program: its operands are in an order of the loop's own;
** of those that are one number the first element is it. */
typedef void (*TileLoop)(void *const *operand, int n);

/* Where a source or a destination of an instruction lives. */
typedef struct TileRef {
  enum { TILE_NONE, TILE_IN, TILE_OUT, TILE_REG } space;
  int index;
} TileRef;

typedef struct TileInstr {
  Strip strip;
  TileRef y, a, b, c;
  uint8_t operand[4]; /* y, a, b, c by number (tile_ready) */
  double imm[3];
} TileInstr;

/* How an input comes to a piece. */
typedef enum TileAccess {
  DENSE,  /* in place, at the element's own number */
  SCALAR, /* the same everywhere: spread once */
  PHASE,  /* the same in each row */
  GATHER  /* anything else */
} TileAccess;

typedef struct TileOperand {
  int item;                 /* bytes an element: 1, 2, 4 or 8 */
  int64_t stride[MAX_RANK]; /* elements along each domain axis, 0: repeated */
  TileAccess access;        /* by tile_ready */
} TileOperand;

typedef struct TileProgram {
  int rank;              /* of the domain; axes are collapsed where allowed */
  int64_t dim[MAX_RANK]; /* of the domain, row-major */
  int nin, nout, ncode, nreg;
  int slots, slot_bytes; /* by tile_ready: places in the scratch, and what they
                            take for each element of a piece; */
  int piece;             /* the longest piece for which there is room */
  bool plain;            /* only registers need it, if a piece is of one row */
  uint32_t read_after[TILE_OPERANDS]; /* by tile_ready: a bit for each input that
                            is still read when this output has been written */
  TileOperand in[TILE_OPERANDS]; /* outputs are always dense in the domain */
  int out_item[TILE_OPERANDS];
  TileLoop loop; /* NULL, or what does all of the code at once */
  int nloop;
  TileRef of_loop[TILE_LOOP];
  uint8_t loop_operand[TILE_LOOP]; /* by number (tile_ready) */
  TileInstr code[TILE_CODE];
} TileProgram;

/* Merges neighbouring axes where every operand allows, drops axes of size 1,
** and notes what is the same in every run. Call once, before the first one. */
void tile_ready(TileProgram *p);
int64_t tile_elements(const TileProgram *p);

/* The bytes that a run works in, aligned to 64: registers and gathered
** inputs. */
int64_t tile_scratch(const TileProgram *p);
enum { TILE_MOST_SCRATCH = 64 << 10 };

/* Runs the elements [first, last) of the domain in row-major order. An output
** may share its memory with an input of the same domain layout: a piece is
** wholly read before it is written. An input whose strides are dense is read
** in place, and so is a row of a repeated one by a piece of no more than a row;
** else a repeated or strided one is first gathered into L1 (once for all pieces
** when it is repeated along every axis). */
void tile_run(const TileProgram *p, const void *const *in, void *const *out,
              int64_t first, int64_t last, void *scratch);

/* The same for a rectangle: n elements from `first` on, and `rows` times that,
** each `step` elements after the one before. */
void tile_run_rows(const TileProgram *p, const void *const *in,
                   void *const *out, int64_t first, int64_t rows, int64_t n,
                   int64_t step, void *scratch);

#endif
