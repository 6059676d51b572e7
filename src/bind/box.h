/* Tensors and variables as userdata, and what else a script gives for them. */
#ifndef BIND_BOX_H
#define BIND_BOX_H

#include "bind/raise.h"

/* ---- memory (memory.c) -------------------------------------------------- */

/* Collects garbage when tensors, not Lua's own heap, have grown. */
void memory_relieve(lua_State *L, State *s, size_t wanted);
void memory_collect(lua_State *L, State *s);
/* A new tensor of the type, held by the context; raises when memory is out also
** after a collection. */
Val memory_value(lua_State *L, State *s, const Type *type);
/* The same with a copy of what lies at `data`. */
Val memory_value_of(lua_State *L, State *s, const Type *type, const void *data);
/* The same of strings, all empty, with room for so many bytes. */
Val memory_strings(lua_State *L, State *s, const Type *type, int64_t bytes,
                   char **room);

/* ---- boxes (box.c) ------------------------------------------------------ */

/* The names of metatables. Those of userdata that are met all the time are kept
** under the address of the name as well, which is found sooner. */
extern const char TENSOR[], LIGHT_TENSOR[], VARIABLE_NAME[];
/* Keeps the metatable on top of the stack so. */
void userdata_keep(lua_State *L, const char *name);
/* Gives the userdata on top of the stack that metatable. */
void userdata_mark(lua_State *L, const char *name);
/* The userdata at the index if that is its metatable, or NULL. */
void *userdata_test(lua_State *L, int index, const char *name);

/* Pushes a userdata that holds the value. Checks the context first: a sticky
** error is raised instead. */
void box_push(lua_State *L, State *s, Val v);
/* What is in the box at the index, if it has a value; else NULL. The metatable
** of tensors is at this address. */
const Val *box_plain(lua_State *L, int index, const void *metatable);

/* A box that can have few numbers in itself, and no finalizer: the metatable is
** that of LIGHT_TENSOR. It is pushed as a released one; then either there is
** room for the type, the numbers are written and it is done, or, where there is
** none (NULL), it is given a value, whose reference it takes, while it is on
** top. */
typedef struct LightBox LightBox;
LightBox *box_push_light(lua_State *L, int metatable);
void *box_light_room(LightBox *b, const Type *type);
void box_light_done(LightBox *b);
void box_light_hold(lua_State *L, State *s, LightBox *b, Node *n);
/* The same as box_push, takes the reference. */
void box_push_tensor(lua_State *L, State *s, Tensor t);
/* An empty one for a variable, whose reference it takes. */
Variable **box_push_variable(lua_State *L);
/* The one that scripts already have for it (box_know_variable), or a new one. */
void box_push_known(lua_State *L, Variable *v);
/* Remembers the one on the top for as long as a script keeps it. */
void box_know_variable(lua_State *L, Variable *v);
/* The value of a Tensor or Variable userdata; false for anything else. */
bool box_value(lua_State *L, State *s, int index, Val *v);
/* A tensor with a value; raises for traced ones. */
Tensor box_tensor(lua_State *L, State *s, int index);
bool box_is_tensor(lua_State *L, int index);
bool box_is_released(lua_State *L, int index); /* a tensor that is no more */
void box_release(lua_State *L, int index); /* if there is a tensor's */
Variable *box_variable(lua_State *L, int index); /* NULL: it is none */
/* The same, and never raises: one that was closed is none. */
Variable *box_variable_at(lua_State *L, int index);

/* ---- shapes, numbers, tables (shape.c, number.c, table.c) --------------- */

void shape_push(lua_State *L, const Type *t); /* a Shape */
/* A shape table ({false, 3}); raises with the name when it is none. */
Type shape_check(lua_State *L, int index, DType d, const char *name);
DType shape_check_dtype(lua_State *L, int index);

bool number_is(lua_State *L, int index); /* or a boolean */
/* Can the type hold the number or boolean at the index? */
bool number_fits(lua_State *L, int index, DType d);
/* A number or boolean of Lua, as element i. */
void number_put(lua_State *L, const Tensor *t, int64_t i, int index);
void number_push(lua_State *L, const Tensor *t, int64_t i);

/* A tensor from nested tables of numbers or strings; d: DTYPE_COUNT for what they
** say (whole: int32, true/false: bool, strings: string, else float32). shape may be NULL. */
Val table_value(lua_State *L, State *s, int index, DType d, const Type *shape);
/* The same as core.tensor takes it: numbers are floats, also whole ones. */
Val table_data(lua_State *L, State *s, int index);
DType table_data_dtype(lua_State *L, int index);
void table_push(lua_State *L, const Tensor *t);

/* ---- operands (operand.c) ----------------------------------------------- */

/* A table of Lua that stands for a tensor (operand.c); see placeholder.c. */
bool placeholder_is(lua_State *L, int index);

/* The value of a userdata, and of numbers, booleans and nested tables; an error
** otherwise. hint: the element type for numbers, DTYPE_COUNT: their own. `name`
** says whose value it is. */
Val operand_check(lua_State *L, State *s, int index, DType hint,
                  const char *name);
/* The values of a list of at most so many, for a function of the core, which
** calls each of them `what`; held, because a Lua function may release them. */
int operand_list(lua_State *L, State *s, int index, const char *function,
                 const char *what, Val *list, int most);

/* ---- what a box shows (element.c, print.c, field.c) --------------------- */

/* t[i], t[{...}], get, set and assignment. */
int element_index(lua_State *L, State *s);
int element_newindex(lua_State *L);
int element_get(lua_State *L);
int element_set(lua_State *L);
/* core.refuse_index(index, axis): an error where that is a tensor. */
int element_refuse(lua_State *L);
/* Pushes an empty text that is freed as garbage. */
Text *print_buffer(lua_State *L);
/* Pushes the text of a tensor. */
void print_push(lua_State *L, const char *what, Val v);

/* What a metatable of boxes shows of both kinds; the fields that are read and
** set are left to `index`, a closure over the methods, and `newindex`. */
void field_metatable(lua_State *L, const char *name, lua_CFunction index,
                     lua_CFunction newindex);
bool field_is(const char *name); /* or of a method, or of nothing */
/* The field of the box at 1, or 0 results. */
int field_get(lua_State *L, State *s, const char *name);
/* For `index`: the method by the name at 2. */
int field_method(lua_State *L);

#endif
