/* The Lua files that are inside the library: as bytecode, so that opening them
** costs no parsing, with names and lines, since parameters are found by name and
** the user's line by file. Bytecode is for one Lua only, so a host's Lua must
** first compile a probe to the same bytes. core.so lies beside its texts, and
** takes bytecode for those that have not changed; liblunula.a carries texts too.
** Both tables are written at build time by carry.lua; core.so has an empty one
** of texts. (It is no weak symbol: link-time optimisation loses those.) */
#ifndef BIND_CARRIED_H
#define BIND_CARRIED_H

#include <stddef.h>
#include <stdint.h>

#include <lua.h>

typedef struct Bytes {
  const char *at;
  size_t size;
} Bytes;

typedef struct CarriedFile {
  const char *module;  /* "lunula.layers", what require is asked for */
  const char *path;    /* "lunula/layers/init.lua" */
  size_t size;         /* of the text */
  uint64_t hash;       /* of the text */
  Bytes code;          /* what follows the head and the name of the chunk */
} CarriedFile;

extern const CarriedFile carried_files[]; /* sorted by module */
extern const int carried_count;
/* Zero-terminated, in the order of the files; the first is NULL: none are. */
extern const char *const carried_texts[];

extern const Bytes carried_head;       /* what all bytecode begins with */
extern const Bytes carried_probe;      /* a text, */
extern const Bytes carried_probe_code; /* and its whole bytecode */

/* For a host with nothing on disk: fills package.preload with the files, if
** their texts are carried, and with the function that opens lunula.core. */
void carried_preload(lua_State *L, lua_CFunction core);
/* For the files on disk: puts one more function among package.searchers, which
** finds the bytecode of those that have not changed. */
void carried_search(lua_State *L);

#endif
