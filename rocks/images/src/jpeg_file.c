/* JPEG by libjpeg, or what stands in its place: libjpeg-turbo.
**
** It reports what is wrong by a call that must not return, from which we jump to
** `guarded`. Whatever is to be freed after that is held by a struct of the
** function that calls that. */

#include "format.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

enum { PIECE = 4096 }; /* of a file that is written */

typedef struct Work {
  struct jpeg_error_mgr errors; /* first: the library hands it back */
  jmp_buf stop;
  const char *wrong; /* what the library's words are about */
  Fault *why;
  Pixels *pixels;
  /* reading */
  struct jpeg_decompress_struct in;
  struct jpeg_progress_mgr progress;
  Bytes bytes;
  /* writing */
  struct jpeg_compress_struct out;
  struct jpeg_destination_mgr to;
  Sink *sink;
  int quality;
  bool is_progressive;
  unsigned char piece[PIECE];
} Work;

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

static void stopped(j_common_ptr jpeg) {
  char text[JMSG_LENGTH_MAX];
  Work *w = (Work *)jpeg->err;
  jpeg->err->format_message(jpeg, text);
  if (jpeg->err->msg_code == JERR_OUT_OF_MEMORY) /* not the file's fault */
    fault(w->why, "there is no memory for its JPEG");
  else
    fault(w->why, "%s: %s", w->wrong, text);
  stop(w);
}

/* Warnings are of damage that leaves a picture, which others read, too; but one
** that ends too soon is an error, as in PIL. */
static void warned(j_common_ptr jpeg, int level) {
  Work *w = (Work *)jpeg->err;
  if (level >= 0 || jpeg->err->msg_code != JWRN_JPEG_EOF)
    return;
  fault(w->why, "its JPEG is damaged: it is cut off");
  stop(w);
}

/* Of a progressive file each scan goes over the whole picture, so a small file
** with very many would take hours. Cameras and programs write about ten. */
enum { MOST_SCANS = 200 };

static void count_scans(j_common_ptr jpeg) {
  j_decompress_ptr d = (j_decompress_ptr)jpeg;
  Work *w = (Work *)jpeg->err;
  if (jpeg->is_decompressor && d->input_scan_number > MOST_SCANS) {
    fault(w->why, "its JPEG has more than %d scans", MOST_SCANS);
    stop(w);
  }
}

static void take_errors(Work *w, Fault *why) {
  jpeg_std_error(&w->errors);
  w->errors.error_exit = stopped;
  w->errors.emit_message = warned;
  w->progress.progress_monitor = count_scans;
  w->why = why;
}

/* ---- reading ------------------------------------------------------------ */

/* Can so few bytes hold so many pixels? A block of 64 takes a bit at least, and
** where bits are coded together, about a hundredth. */
static bool is_credible(j_decompress_ptr d, size_t file, Fault *why) {
  uint64_t pixels = (uint64_t)d->image_width * d->image_height;
  if (pixels >> 15 <= file)
    return true;
  return fault(why, "it claims %u x %u pixels, which %zu bytes of a file "
                    "cannot hold", d->image_width, d->image_height, file);
}

/* Ink as light, in three channels. Nearly all programs write CMYK turned round,
** as Adobe's do: 255 is no ink. PIL takes it so, too. */
static void light_from_ink(unsigned char *row, JDIMENSION width) {
  for (JDIMENSION i = 0; i < width; i++) {
    const unsigned char *ink = row + (size_t)i * 4;
    int white = ink[3];
    for (int c = 0; c < 3; c++) {
      int t = (255 - ink[c]) * white + 128;
      row[(size_t)i * 3 + (size_t)c] =
          (unsigned char)(white - (((t >> 8) + t) >> 8));
    }
  }
}

static void read_rows(j_decompress_ptr d, Pixels *p) {
  size_t row = (size_t)p->width * (size_t)p->channels;
  JSAMPARRAY ink = NULL;
  if (d->out_color_space == JCS_CMYK)
    ink = d->mem->alloc_sarray((j_common_ptr)d, JPOOL_IMAGE,
                               d->output_width * 4, 1);
  while (d->output_scanline < d->output_height) {
    unsigned char *to = (unsigned char *)p->data + d->output_scanline * row;
    JSAMPROW rows[1] = {ink ? ink[0] : to};
    if (jpeg_read_scanlines(d, rows, 1) != 1)
      ERREXIT(d, JERR_CANT_SUSPEND);
    if (ink) {
      light_from_ink(ink[0], d->output_width);
      memcpy(to, ink[0], row);
    }
  }
}

static void read_image(Work *w) {
  j_decompress_ptr d = &w->in;
  jpeg_create_decompress(d);
  jpeg_mem_src(d, w->bytes.data, (unsigned long)w->bytes.size);
  jpeg_read_header(d, TRUE);
  d->progress = &w->progress;
  if (!is_credible(d, w->bytes.size, w->why))
    stop(w);
  if (d->jpeg_color_space == JCS_CMYK || d->jpeg_color_space == JCS_YCCK)
    d->out_color_space = JCS_CMYK;
  else if (d->jpeg_color_space != JCS_GRAYSCALE)
    d->out_color_space = JCS_RGB;
  int channels = d->out_color_space == JCS_GRAYSCALE ? 1 : 3;
  if (!pixels_new(w->pixels, d->image_height, d->image_width, channels, 8,
                  w->why))
    stop(w);
  jpeg_start_decompress(d);
  read_rows(d, w->pixels);
  jpeg_finish_decompress(d);
}

bool jpeg_decode(Bytes bytes, Pixels *p, Fault *why) {
  Work w = {.bytes = bytes, .pixels = p, .wrong = "its JPEG is damaged"};
  *p = (Pixels){0};
  take_errors(&w, why);
  w.in.err = &w.errors;
  bool well = guarded(&w, read_image);
  jpeg_destroy_decompress(&w.in);
  if (!well)
    pixels_free(p);
  return well;
}

/* ---- writing ------------------------------------------------------------ */

/* The library's own sink cannot be freed after a jump, so this one is ours. */
static void begin_piece(j_compress_ptr c) {
  Work *w = (Work *)c->err;
  w->to.next_output_byte = w->piece;
  w->to.free_in_buffer = PIECE;
}

static void add_piece(Work *w, size_t size) {
  if (!sink_add(w->sink, w->piece, size)) {
    fault(w->why, "there is no memory for the file");
    stop(w);
  }
}

static boolean write_piece(j_compress_ptr c) {
  add_piece((Work *)c->err, PIECE);
  begin_piece(c);
  return TRUE;
}

static void end_writing(j_compress_ptr c) {
  Work *w = (Work *)c->err;
  add_piece(w, PIECE - w->to.free_in_buffer);
}

static void write_image(Work *w) {
  j_compress_ptr c = &w->out;
  const Pixels *p = w->pixels;
  size_t row = (size_t)p->width * (size_t)p->channels;
  jpeg_create_compress(c);
  c->dest = &w->to;
  c->image_width = (JDIMENSION)p->width;
  c->image_height = (JDIMENSION)p->height;
  c->input_components = p->channels;
  c->in_color_space = p->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(c);
  jpeg_set_quality(c, w->quality, TRUE);
  if (w->is_progressive)
    jpeg_simple_progression(c);
  jpeg_start_compress(c, TRUE);
  while (c->next_scanline < c->image_height) {
    JSAMPROW rows[1] = {(unsigned char *)p->data + c->next_scanline * row};
    jpeg_write_scanlines(c, rows, 1);
  }
  jpeg_finish_compress(c);
}

bool jpeg_encode(const Pixels *p, int quality, bool is_progressive, Sink *out,
                 Fault *why) {
  Pixels same = *p;
  Work w = {
    .pixels = &same, .sink = out, .quality = quality,
    .wrong = "it cannot be a JPEG",
    .is_progressive = is_progressive,
    .to = {.init_destination = begin_piece,
           .empty_output_buffer = write_piece,
           .term_destination = end_writing}
  };
  if (p->width > JPEG_MAX_DIMENSION || p->height > JPEG_MAX_DIMENSION)
    return fault(why, "a JPEG has at most %ld pixels on a side, not %lld x "
                      "%lld", JPEG_MAX_DIMENSION, (long long)p->width,
                 (long long)p->height);
  take_errors(&w, why);
  w.out.err = &w.errors;
  bool well = guarded(&w, write_image);
  jpeg_destroy_compress(&w.out);
  return well;
}
