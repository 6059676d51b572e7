/* Errors at the user's own line: who is called there, and what is wrong. */
#ifndef BIND_RAISE_H
#define BIND_RAISE_H

#include "bind/state.h"

/* ---- who is called (layer.c, where.c) ----------------------------------- */

/* The layers of this coroutine. Raises when memory is out. */
LayerStack *layer_stack(lua_State *L);
/* The class of the layer that is being called, or "". */
const char *layer_class(lua_State *L);
/* Pushes "layer "dense" (Dense): " or "". */
void layer_push(lua_State *L);

/* Pushes "train.lua:12: " or "". */
void where_push(lua_State *L);
/* The name of the op that the user's line calls, NULL: it calls none. */
const char *where_op(lua_State *L);

/* ---- errors (raise.c) --------------------------------------------------- */

/* Raises at the user's line: "train.lua:12: layer "dense" (Dense): text". */
int raise_error(lua_State *L, const char *format, ...) PRINTF_LIKE(2, 3);
int raise_text(lua_State *L, ErrorKind kind, const char *text);
/* The same with a failure from below, whose kind is remembered. */
int raise_failure(lua_State *L, const Error *e);
int raise_memory(lua_State *L); /* "out of memory" */
/* Raises what the context holds, and clears it. */
int raise_context(lua_State *L, State *s);
/* An error object that says that a value is wanted in a trace, by which a
** Lambda knows that it must be a step of the host; of a traced tensor. */
int raise_no_value(lua_State *L, const char *text);
int raise_symbolic(lua_State *L, Val v);
/* The kind of a caught error value: of the last one that was raised here, if
** it is that, or of Lua's own when its memory is out. */
ErrorKind raise_kind_of(lua_State *L, int index);

/* ---- arguments (want.c) ------------------------------------------------- */

/* These raise at the user's line when the value at the index is something
** else; `what` names it: "trace: the second argument". */
void want_type(lua_State *L, int index, int type, const char *what);
/* A path without zero bytes: the system would end it at the first, and find
** another file. */
const char *want_path(lua_State *L, int index, const char *what);
void want_callable(lua_State *L, int index, const char *what);
lua_Integer want_whole(lua_State *L, int index, const char *what);
bool want_is_callable(lua_State *L, int index);
/* A whole number, and no text that reads like one; *v is 0 when it is none. */
bool want_is_whole(lua_State *L, int index, int64_t *v);
/* How many elements a list has, those that are nil among them: since Lua 5.5
** the length of {nil, 3} is 0. */
lua_Unsigned want_length(lua_State *L, int index);
/* Fields and no elements, where a list is wanted that would then be an empty
** one: true, and pushes what stands there, for an error. */
bool want_finds_fields(lua_State *L, int index);

#endif
