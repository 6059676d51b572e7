/* The module lunula.images.core: what the Lua files of the rock build on.
**
** What fails because of a file or an image gives nil and a text. Lua raises by a
** jump, so what is owned lies in a userdata that is closed when the function is
** left, in whichever way. */

#include "file.h"
#include "format.h"
#include "resize.h"
#include "rocks.h"

#include <lauxlib.h>
#include <lua.h>
#include <string.h>

/* In the order of Method. */
static const char *const methods[] = {
  "nearest", "bilinear", "bicubic", "box", "hamming", "lanczos", "lanczos3",
  "lanczos5", "area", "gaussian", "mitchellcubic", NULL
};

static int refused(lua_State *L, const Fault *why) {
  lua_pushnil(L);
  lua_pushstring(L, why->text);
  return 2;
}

/* ---- what is owned ------------------------------------------------------ */

#define HELD "lunula.images.held"

typedef struct Held {
  Bytes file;
  Pixels pixels;
  Sink sink;
} Held;

static int held_close(lua_State *L) {
  Held *h = luaL_checkudata(L, 1, HELD);
  file_free(&h->file);
  pixels_free(&h->pixels);
  sink_free(&h->sink);
  return 0;
}

static Held *held_new(lua_State *L) {
  Held *h = lua_newuserdatauv(L, sizeof *h, 0);
  *h = (Held){0};
  luaL_setmetatable(L, HELD);
  lua_toclose(L, -1);
  return h;
}

/* ---- one image ---------------------------------------------------------- */

static void push_pixels(lua_State *L, const Pixels *p) {
  int64_t shape[3] = {p->height, p->width, p->channels};
  int64_t n = p->height * p->width;
  if (p->depth == 8) {
    memcpy(rocks_lent(L)->push_tensor(L, "uint8", 3, shape), p->data,
           pixels_size(p));
    return;
  }
  int32_t *to = rocks_lent(L)->push_tensor(L, "int32", 3, shape);
  for (int64_t i = 0; i < n; i++)
    to[i] = ((const uint16_t *)p->data)[i];
}

static int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/* The largest part in the middle with the proportions of the new size. The Lua
** files allow 1 << 16 on a side, so no product overflows. */
static Part middle(const Pixels *p, int64_t height, int64_t width) {
  Part part = {.height = least(p->height, p->width * height / width),
               .width = least(p->width, p->height * width / height)};
  part.height += part.height == 0;
  part.width += part.width == 0;
  part.top = (p->height - part.height) / 2;
  part.left = (p->width - part.width) / 2;
  return part;
}

/* load(path or bytes, is_bytes, channels [, height, width, method, keeps]): a
** tensor of uint8, or of int32 where the file has gray of 16 bits and gray is
** wanted. keeps: proportions stay, what does not fit is cut off. */
static int core_load(lua_State *L) {
  Fault why;
  size_t size;
  const char *source = luaL_checklstring(L, 1, &size);
  bool is_bytes = lua_toboolean(L, 2);
  int channels = (int)luaL_checkinteger(L, 3);
  int64_t height = luaL_optinteger(L, 4, 0), width = luaL_optinteger(L, 5, 0);
  Method method = (Method)luaL_checkoption(L, 6, "nearest", methods);
  bool keeps = lua_toboolean(L, 7);
  Held *h = held_new(L);
  Bytes bytes = {(const unsigned char *)source, size};
  if (!is_bytes) {
    if (!file_read(source, &h->file, &why))
      return refused(L, &why);
    bytes = h->file;
  }
  Pixels *p = &h->pixels;
  if (!image_decode(bytes, p, &why) ||
      !pixels_convert(p, channels, WIDE, &why))
    return refused(L, &why);
  Part part = {0, 0, p->height, p->width};
  if (height && keeps)
    part = middle(p, height, width);
  if (height && !resize_as_pil(p, part, method, height, width, &why))
    return refused(L, &why);
  push_pixels(L, p);
  return 1;
}

/* ---- many images -------------------------------------------------------- */

typedef struct Image {
  const char *path;
  float *to;
  Fault why;
  bool is_done;
} Image;

typedef struct Batch {
  const Fit *fit;
  int channels;
  Image *images;
} Batch;

static void read_image(void *arg, int64_t i) {
  const Batch *b = arg;
  Image *image = &b->images[i];
  Bytes file;
  Pixels p = {0};
  if (!file_read(image->path, &file, &image->why))
    return;
  image->is_done = image_decode(file, &p, &image->why) &&
                   pixels_convert(&p, b->channels, CHOPPED, &image->why) &&
                   resize_as_tensorflow(&p, b->fit, image->to, &image->why);
  pixels_free(&p);
  file_free(&file);
}

/* The texts stay the table's, which nothing of the script can change while they
** are read. One more, because a userdata of none may have no memory. */
static Image *push_images(lua_State *L, int paths, int64_t n) {
  Image *images = lua_newuserdatauv(L, sizeof *images * (size_t)(n + 1), 0);
  for (int64_t i = 0; i < n; i++) {
    lua_rawgeti(L, paths, i + 1);
    luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, paths, "no path");
    images[i] = (Image){.path = lua_tostring(L, -1)};
    lua_pop(L, 1);
  }
  return images;
}

/* batch(paths, height, width, channels, method, crops, pads, channels_first): a
** tensor of float32 with a row for each; nil, the path and a text where one
** cannot be read. The images are shared out among the threads. */
static int core_batch(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  int64_t n = luaL_len(L, 1);
  Fit fit = {
    .height = luaL_checkinteger(L, 2), .width = luaL_checkinteger(L, 3),
    .method = (Method)luaL_checkoption(L, 5, NULL, methods),
    .crops = lua_toboolean(L, 6), .pads = lua_toboolean(L, 7),
    .channels_first = lua_toboolean(L, 8)
  };
  int64_t c = luaL_checkinteger(L, 4), h = fit.height, w = fit.width;
  int64_t last[4] = {n, h, w, c}, first[4] = {n, c, h, w};
  Batch b = {&fit, (int)c, push_images(L, 1, n)};
  float *to = rocks_lent(L)->push_tensor(L, "float32", 4,
                                         fit.channels_first ? first : last);
  for (int64_t i = 0; i < n; i++)
    b.images[i].to = to + i * h * w * c;
  rocks_lent(L)->run(read_image, &b, n);
  for (int64_t i = 0; i < n; i++)
    if (!b.images[i].is_done) {
      lua_pushnil(L);
      lua_pushstring(L, b.images[i].path);
      lua_pushstring(L, b.images[i].why.text);
      return 3;
    }
  return 1;
}

/* ---- writing ------------------------------------------------------------ */

/* encode(format, bytes, height, width, channels, depth, quality, progressive):
** the bytes of a file of "png", where quality is the level of zlib, or "jpeg" */
static int core_encode(lua_State *L) {
  static const char *const formats[] = {"png", "jpeg", NULL};
  Fault why;
  size_t size;
  bool is_png = luaL_checkoption(L, 1, NULL, formats) == 0;
  const char *bytes = luaL_checklstring(L, 2, &size);
  Pixels p = {luaL_checkinteger(L, 3), luaL_checkinteger(L, 4),
              (int)luaL_checkinteger(L, 5), (int)luaL_checkinteger(L, 6),
              (void *)(uintptr_t)bytes};
  int quality = (int)luaL_checkinteger(L, 7);
  bool is_progressive = lua_toboolean(L, 8);
  luaL_argcheck(L, p.height > 0 && p.width > 0 && pixels_size(&p) == size, 2,
                "other sizes than told");
  Held *h = held_new(L);
  bool well = is_png ? png_encode(&p, quality, &h->sink, &why)
                     : jpeg_encode(&p, quality, is_progressive, &h->sink, &why);
  if (!well)
    return refused(L, &why);
  lua_pushlstring(L, (const char *)h->sink.data, h->sink.size);
  return 1;
}

/* ---- the module --------------------------------------------------------- */

__attribute__((visibility("default")))
int luaopen_lunula_images_core(lua_State *L);

int luaopen_lunula_images_core(lua_State *L) {
  static const luaL_Reg functions[] = {
    {"load", core_load}, {"batch", core_batch}, {"encode", core_encode},
    {NULL, NULL}
  };
  static const luaL_Reg held[] = {
    {"__gc", held_close}, {"__close", held_close}, {NULL, NULL}
  };
  luaL_newmetatable(L, HELD);
  luaL_setfuncs(L, held, 0);
  lua_pop(L, 1);
  luaL_newlibtable(L, functions);
  rocks_push_lent(L, "lunula-images");
  luaL_setfuncs(L, functions, 1);
  return 1;
}
