/* PNG by libpng.
**
** It reports what is wrong by a jump (longjmp), which ends in `guarded`. Whatever
** is to be freed after one is held by a struct of the function that calls that. */

#include "format.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

typedef struct Work {
  jmp_buf stop;
  png_structp png;
  png_infop info;
  Bytes left;       /* reading */
  Sink *out;        /* writing */
  int level;
  Pixels *pixels;
  png_bytep *rows;  /* of the pixels */
  const char *wrong; /* what the library's words are about */
  Fault *why;
} Work;

static void stopped(png_structp png, png_const_charp text) {
  Work *w = png_get_error_ptr(png);
  fault(w->why, "%s: %s", w->wrong, text);
  longjmp(w->stop, 1);
}

static void stop(Work *w) {
  longjmp(w->stop, 1);
}

/* Does it; false after a jump. */
static bool guarded(Work *w, void (*step)(Work *w)) {
  if (setjmp(w->stop) != 0)
    return false;
  step(w);
  return true;
}

static bool no_libpng(Fault *why) {
  return fault(why, "there is no memory for libpng, or it is of another "
                    "version");
}

static void ignored(png_structp png, png_const_charp text) {
  (void)png, (void)text;
}

static bool take_rows(Work *w) {
  size_t n = (size_t)w->pixels->height;
  size_t row = pixels_size(w->pixels) / n;
  w->rows = malloc(n * sizeof *w->rows);
  if (w->rows == NULL)
    return fault(w->why, "there is no memory for %zu rows", n);
  for (size_t i = 0; i < n; i++)
    w->rows[i] = (png_bytep)w->pixels->data + i * row;
  return true;
}

/* Else the library refuses more than a million on a side. */
static void allow_long_sides(png_structp png) {
  png_set_user_limits(png, MOST_PIXELS, MOST_PIXELS);
}

/* Files have the upper byte first. */
static void swap_where_small_is_first(png_structp png, int depth) {
  const uint16_t one = 1;
  if (depth == 16 && *(const unsigned char *)&one == 1)
    png_set_swap(png);
}

/* ---- reading ------------------------------------------------------------ */

static void read_some(png_structp png, png_bytep to, size_t size) {
  Work *w = png_get_io_ptr(png);
  if (size > w->left.size)
    png_error(png, "it is cut off");
  memcpy(to, w->left.data, size);
  w->left.data += size;
  w->left.size -= size;
}

/* What is not needed for pixels is not unpacked: some of it may be a bomb. */
static void pass_over_texts(png_structp png) {
  static const png_byte names[] = "iCCP\0iTXt\0tEXt\0zTXt\0eXIf\0sPLT\0hIST";
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, names,
                              (int)(sizeof names / 5));
}

/* Can so few bytes hold so many? zlib makes at most 1032 out of one. */
static bool is_credible(Work *w, size_t file, png_uint_32 height) {
  size_t row = png_get_rowbytes(w->png, w->info);
  if ((uint64_t)row * height <= (uint64_t)file * 1032)
    return true;
  return fault(w->why, "it claims %lu rows of %zu bytes, which %zu bytes of a "
                       "file cannot hold", (unsigned long)height, row, file);
}

/* Asks for bytes: palettes as colours, few bits as 8, colours of 16 bits as 8,
** a transparent colour as alpha. Gray alone stays 16 bits. */
static int ask_for_bytes(Work *w) {
  int depth = png_get_bit_depth(w->png, w->info);
  int type = png_get_color_type(w->png, w->info);
  bool is_keyed = png_get_valid(w->png, w->info, PNG_INFO_tRNS) != 0;
  if (depth == 16 && type == PNG_COLOR_TYPE_GRAY && !is_keyed) {
    swap_where_small_is_first(w->png, 16);
    return 16;
  }
  if (type == PNG_COLOR_TYPE_PALETTE || depth < 8 || is_keyed)
    png_set_expand(w->png);
  png_set_strip_16(w->png);
  return 8;
}

static void read_image(Work *w) {
  size_t file = w->left.size;
  png_set_read_fn(w->png, w, read_some);
  allow_long_sides(w->png);
  pass_over_texts(w->png);
  png_read_info(w->png, w->info);
  png_uint_32 height = png_get_image_height(w->png, w->info);
  if (!is_credible(w, file, height))
    stop(w);
  int depth = ask_for_bytes(w);
  png_set_interlace_handling(w->png);
  png_read_update_info(w->png, w->info);
  if (!pixels_new(w->pixels, height, png_get_image_width(w->png, w->info),
                  png_get_channels(w->png, w->info), depth, w->why))
    stop(w);
  if (png_get_rowbytes(w->png, w->info) * height != pixels_size(w->pixels))
    png_error(w->png, "its rows have another size than told");
  if (!take_rows(w))
    stop(w);
  png_read_image(w->png, w->rows);
  png_read_end(w->png, NULL);
}

bool png_decode(Bytes bytes, Pixels *p, Fault *why) {
  Work w = {.left = bytes, .pixels = p, .wrong = "its PNG is damaged",
            .why = why};
  *p = (Pixels){0};
  w.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &w, stopped, ignored);
  w.info = w.png ? png_create_info_struct(w.png) : NULL;
  bool well = w.info ? guarded(&w, read_image) : no_libpng(why);
  png_destroy_read_struct(&w.png, &w.info, NULL);
  free(w.rows);
  if (!well)
    pixels_free(p);
  return well;
}

/* ---- writing ------------------------------------------------------------ */

static void write_some(png_structp png, png_bytep from, size_t size) {
  Work *w = png_get_io_ptr(png);
  if (!sink_add(w->out, from, size))
    png_error(png, "there is no memory for the file");
}

static void flush_nothing(png_structp png) {
  (void)png;
}

static void write_image(Work *w) {
  static const int types[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA,
                              PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
  const Pixels *p = w->pixels;
  png_set_write_fn(w->png, w, write_some, flush_nothing);
  allow_long_sides(w->png);
  png_set_compression_level(w->png, w->level);
  png_set_IHDR(w->png, w->info, (png_uint_32)p->width, (png_uint_32)p->height,
               p->depth, types[p->channels], PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(w->png, w->info);
  swap_where_small_is_first(w->png, p->depth);
  png_write_image(w->png, w->rows);
  png_write_end(w->png, NULL);
}

bool png_encode(const Pixels *p, int level, Sink *out, Fault *why) {
  Pixels same = *p;
  Work w = {.pixels = &same, .level = level, .out = out,
            .wrong = "it cannot be a PNG", .why = why};
  w.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &w, stopped, ignored);
  w.info = w.png ? png_create_info_struct(w.png) : NULL;
  bool well = w.info ? take_rows(&w) && guarded(&w, write_image)
                     : no_libpng(why);
  png_destroy_write_struct(&w.png, &w.info);
  free(w.rows);
  return well;
}
