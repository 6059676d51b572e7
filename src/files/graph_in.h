/* How graph_in.c, graph_fields.c and graph_make.c share the reading of a graph:
** what a function has so far, and the node that is being read. */
#ifndef FILES_GRAPH_IN_H
#define FILES_GRAPH_IN_H

#include <string.h>

#include "files/graph_file.h"
#include "files/json.h"

/* What an entry of the list is, by its "op". */
typedef enum EntryKind {
  A_ROW, AN_INPUT, A_VARIABLE, A_CONSTANT, A_SHAPE, AN_ASSIGN, ENTRY_KINDS
} EntryKind;
extern const char *const reader_kinds[ENTRY_KINDS]; /* as files call them */

typedef struct Entry {
  Val v;
  int binding; /* of a variable: its number, else -1 */
} Entry;

/* The node that is being read: its fields, as far as they were there. */
typedef struct Draft {
  EntryKind kind;
  const Op *op; /* of a row; NULL: "op" was not there yet */
  Val in[MAX_INPUTS];
  Attr attr[MAX_ATTRS];
  Type type[MAX_OUTPUTS];
  int64_t version; /* of the op; not said: 1 */
  int nin, ntypes, variable;
  char *name;    /* of an input, a variable, a constant's tensor */
  Tensor values; /* buffer NULL: there are none */
} Draft;

/* A function that is being read: the whole one, or a body in it. On the heap:
** it is too large for a small stack, and bodies have bodies. */
typedef struct Level {
  int depth;
  Scope scope;
  Entry *entry;
  int n, room;
  Val output[MAX_OUTPUTS];
  int noutputs;
  Draft draft;
} Level;

typedef struct Reader Reader;
struct Reader {
  Context *c;
  JsonReader json;
  const GraphSource *source;
  StoredGraph *g;
  int inputs, outputs; /* names that were read */
  bool has_format;
  /* What follows the "{" of a function, for bodies too; NULL with the error. */
  Function *(*function)(Reader *r, int depth);
};

INLINE Error *error_of(const Reader *r) {
  return &r->c->error;
}

INLINE bool out_of_memory(const Reader *r) {
  return fail_memory(error_of(r), "out of memory");
}

/* Is the string or name that was just found this one? Ours need no escapes. */
INLINE bool is_word(const Reader *r, const char *word) {
  return strlen(word) == r->json.length &&
         memcmp(word, r->json.raw, r->json.length) == 0;
}

INLINE int shown(const Reader *r) {
  return r->json.length < 60 ? (int)r->json.length : 60;
}

INLINE bool fail_unknown(const Reader *r) {
  return fail(error_of(r), "what is \"%.*s\"?", shown(r), r->json.raw);
}

/* ---- what stands in the text (graph_fields.c) ---------------------------- */

/* The string that was just found, as one of ours; NULL when memory is out. */
char *reader_string(const Reader *r);
/* A value: the number of a node before this one, or [number, output]. */
bool reader_value(Reader *r, const Level *l, JsonKind kind, Val *v);
/* The values of a list, up to `most`; how many, or -1. */
int reader_values(Reader *r, const Level *l, Val *list, int most,
                  const char *what);
/* The fields of a node, up to its "}", into the draft. */
bool reader_fields(Reader *r, Level *l);

/* ---- what becomes of it (graph_make.c) ----------------------------------- */

/* The node of the draft, behind those before it. */
bool reader_make(Reader *r, Level *l);
/* Gives the variable of node `number` a new value; false when it is none. */
bool reader_assign(Reader *r, const Level *l, int number, Val v);

#endif
