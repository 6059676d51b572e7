/* Convolutions of windows of 3 x 3 cells with fewer products (winograd.c). */
#ifndef KERNELS_WINOGRAD_H
#define KERNELS_WINOGRAD_H

#include "kernels/kernels.h"

/* Whether that takes less time: by the sizes of an image and of the kernel, for
** any number of images. */
bool winograd_pays(const Conv *c);

/* Some tiles of 2 x 2 pixels of an image, no more than at once: the lines
** [line0, line1) of tiles, the columns [column0, column1) of them. y and what an
** ending adds begin with pixel0 of all images. */
typedef struct WinogradBlock {
  int64_t image, line0, line1, column0, column1, pixel0;
} WinogradBlock;

int64_t winograd_tiles_at_once(const Conv *c);

int64_t winograd_blocks(const Conv *c); /* of all images */
WinogradBlock winograd_block(const Conv *c, int64_t q);

/* panels = k (3, 3, channels, filters), so many numbers */
extern void SET(winograd_pack)(const float *k, int64_t channels,
                               int64_t filters, float *panels);
int64_t winograd_panels(int64_t channels, int64_t filters);

/* y at the pixels of a block, the filters [f0, f1) of it, where f0 is a multiple
** of GEMM_COLUMNS. x is all of the images. A pixel is as exact as the largest
** cell of its window and the largest of nine numbers of a kernel let it be: what
** is small beside those is rounded with them. Works in as many bytes as
** winograd_scratch says. */
extern void SET(winograd)(const float *x, const float *panels, float *y,
                          const Conv *c, const WinogradBlock *block, int64_t f0,
                          int64_t f1, const Ending *end, void *scratch);
int64_t winograd_scratch(const Conv *c);
enum { WINOGRAD_MOST_SCRATCH = 576 << 10 };

#endif
