/* b of a product as panels: between the files of products only. */
#ifndef KERNELS_PANELS_H
#define KERNELS_PANELS_H

#include "base/each_isa.h"
#include "kernels/kernels.h"

enum {
  PANEL_GROUP = 8, /* panels that are packed together */
  PANEL_SOON = 8,  /* rows until one is read that is asked for now */
  PANEL_LINE = 16  /* numbers that come from memory together */
};

/* Rows [k0, k1) of the columns [j0, j1) of p, as panels that are so far apart. */
ISA_DECLARE(void, panels_pack, (float *panels, int64_t apart, const Product *p,
                                int64_t j0, int64_t j1, int64_t k0, int64_t k1))

#endif
