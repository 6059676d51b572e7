/* What one lua_State has of lunula: its context, its boxes, its errors. The
** files of this folder are the only ones that know Lua. */
#ifndef BIND_STATE_H
#define BIND_STATE_H

#include <lauxlib.h>
#include <lua.h>

#include "graph/graph.h"
#include "plan/plan.h"

typedef struct LayerName {
  char name[64], class[48];
} LayerName;

/* The layers that are being called, outermost first; deeper ones are counted
** only. Each coroutine has its own: one that yields in the middle of a call,
** and never comes back, leaves the others as they are. */
typedef struct LayerStack {
  int n;
  LayerName layer[32];
} LayerStack;

typedef struct State {
  Context c;
  Account *account;
  lua_State *L;       /* of the call that is being served */
  char *home;         /* our Lua files' sources start so */
  LayerStack layers; /* of the main thread */
  int64_t hosts;      /* number of the last host closure */
  ErrorKind raised;   /* kind of the last error that was not a plain one */
  ErrorKind caught;   /* kind of what the last guarded call ended with */
  int mark;           /* values above belong to the function called last */
  int calling;        /* closures that a plan is calling, one in another */
  size_t after_gc;    /* bytes live after the last collection for memory */
  int collections;
  int64_t boxes; /* made since the last one */
} State;

#define TENSOR "lunula.Tensor"
#define VARIABLE_NAME "lunula.Variable"
#define FUNCTION_NAME "lunula.Function"

State *state_of(lua_State *L);
/* The same for functions that scripts call: what the context holds from here
** on is let go when an error is raised. */
State *state_enter(lua_State *L);
/* lua_pcall by a function that may hold values of the context meanwhile, and
** then goes on. */
int state_call(lua_State *L, State *s, int nargs, int nresults, int handler);
/* The state of L, made when there is none; its tensors are counted by this
** account, NULL: by one of its own. */
State *state_open(lua_State *L, Account *account);
__attribute__((visibility("default"))) int luaopen_lunula_core(lua_State *L);

/* ---- errors (layer.c, where.c, raise.c, want.c) ------------------------- */

/* The layers of this coroutine. Raises when memory is out. */
LayerStack *layer_stack(lua_State *L);
/* The class of the layer that is being called, or "". */
const char *layer_class(lua_State *L);
/* Pushes "layer "dense" (Dense): " or "". */
void layer_push(lua_State *L);

/* Pushes "train.lua:12: " or "". */
void where_push(lua_State *L);
/* Nodes note where they were made; adds core.where. */
void where_open(lua_State *L);

/* Raises at the user's line: "train.lua:12: layer "dense" (Dense): text". */
int raise_error(lua_State *L, const char *format, ...) PRINTF_LIKE(2, 3);
int raise_text(lua_State *L, ErrorKind kind, const char *text);
/* The same with a failure from below, whose kind is remembered. */
int raise_failure(lua_State *L, const Error *e);
int raise_memory(lua_State *L); /* "out of memory" */
/* Raises what the context holds, and clears it. */
int raise_context(lua_State *L, State *s);
/* An error object that says that a traced tensor has no value. */
int raise_symbolic(lua_State *L, Val v);
/* The kind of a caught error value: of the last one that was raised here, if
** it is that, or of Lua's own when its memory is out. */
ErrorKind raise_kind_of(lua_State *L, int index);

/* These raise at the user's line when the value at the index is something
** else; `what` names it: "trace: the second argument". */
void want_type(lua_State *L, int index, int type, const char *what);
void want_callable(lua_State *L, int index, const char *what);
lua_Integer want_whole(lua_State *L, int index, const char *what);
bool want_is_callable(lua_State *L, int index);

/* Adds core.raise, core.enter ... (errors.c) */
void errors_open(lua_State *L);

/* ---- memory (memory.c) -------------------------------------------------- */

/* Collects garbage when tensors, not Lua's own heap, have grown. */
void memory_relieve(lua_State *L, State *s, size_t wanted);
void memory_collect(lua_State *L, State *s);
/* A new tensor of the type, held by the context; raises when memory is out also
** after a collection. */
Val memory_value(lua_State *L, State *s, const Type *type);
void memory_open(lua_State *L);

/* ---- boxes (box.c) ------------------------------------------------------ */

/* Pushes a userdata that holds the value. Checks the context first: a sticky
** error is raised instead. */
void box_push(lua_State *L, State *s, Val v);
/* The same, takes the reference. */
void box_push_tensor(lua_State *L, State *s, Tensor t);
/* An empty one for a variable, whose reference it takes. */
Variable **box_push_variable(lua_State *L);
/* The value of a Tensor or Variable userdata; false for anything else. */
bool box_value(lua_State *L, State *s, int index, Val *v);
/* A tensor with a value; raises for traced ones. */
Tensor box_tensor(lua_State *L, State *s, int index);
bool box_is_tensor(lua_State *L, int index);
bool box_is_released(lua_State *L, int index); /* a tensor that is no more */
Variable *box_variable(lua_State *L, int index); /* NULL: it is none */
void box_open(lua_State *L);

/* ---- what scripts write (shape.c, number.c, table.c, operand.c) --------- */

void shape_push(lua_State *L, const Type *t);
/* A shape table ({false, 3}); raises with the name when it is none. */
Type shape_check(lua_State *L, int index, DType d, const char *name);
DType shape_check_dtype(lua_State *L, int index);

bool number_is(lua_State *L, int index); /* or a boolean */
/* Can the type hold the number or boolean at the index? */
bool number_fits(lua_State *L, int index, DType d);
/* A number or boolean of Lua, as element i. */
void number_put(lua_State *L, const Tensor *t, int64_t i, int index);
void number_push(lua_State *L, const Tensor *t, int64_t i);

/* A tensor from nested tables of numbers; d: DTYPE_COUNT for what the numbers
** say (whole: int32, true/false: bool, else float32). shape may be NULL. */
Val table_value(lua_State *L, State *s, int index, DType d,
                const Type *shape);
/* The same as core.tensor takes it: numbers are floats, also whole ones. */
Val table_data(lua_State *L, State *s, int index);
DType table_data_dtype(lua_State *L, int index);
void table_push(lua_State *L, const Tensor *t);

/* The value of a userdata, and of numbers, booleans and nested tables; an error
** otherwise. hint: the element type for numbers, DTYPE_COUNT: their own. `name`
** says whose value it is. */
Val operand_check(lua_State *L, State *s, int index, DType hint,
                  const char *name);

/* ---- the rest ----------------------------------------------------------- */

/* Adds core.threads, core.build_info ... (machine.c) */
void machine_open(lua_State *L);
void seed_open(lua_State *L); /* (seed.c) */
/* Adds core.tensor ... to the core table on the top (convert.c) */
void convert_open(lua_State *L);
/* What a metatable of boxes shows of both kinds; the fields that are read and
** set are left to `index`, a closure over the methods, and `newindex`
** (field.c). */
void field_metatable(lua_State *L, const char *name, lua_CFunction index,
                     lua_CFunction newindex);
/* The field of the box at 1, or 0 results. */
int field_get(lua_State *L, State *s, const char *name);
/* For `index`: the method by the name at 2. */
int field_method(lua_State *L);
void tensor_open(lua_State *L);   /* (tensor.c) */
void variable_open(lua_State *L); /* (variable.c) */
/* t[i], t[{...}], get, set and assignment (element.c). */
int element_index(lua_State *L, State *s);
int element_newindex(lua_State *L);
int element_get(lua_State *L);
int element_set(lua_State *L);
/* Pushes an empty text that is freed as garbage (print.c). */
Text *print_buffer(lua_State *L);
/* Pushes the text of a tensor. */
void print_push(lua_State *L, const char *what, Val v);
/* A table of Lua that stands for a tensor (placeholder.c) */
bool placeholder_is(lua_State *L, int index);
void placeholder_open(lua_State *L);
/* Adds core.ops, core.define, core.catalogue ... (catalogue.c) */
void catalogue_open(lua_State *L);
/* Operators of tensors and variables, which call what core.ops has
** (operators.c) */
void operators_open(lua_State *L);
/* Adds core.trace, core.grad ... (trace.c) */
void trace_open(lua_State *L);
/* Adds functions and their runs (function.c) */
void function_open(lua_State *L);
/* A function is first pushed empty, so that one that was traced at last finds
** its place without an allocation of Lua. */
struct FunctionBox *function_push(lua_State *L);
void function_fill(lua_State *L, State *s, struct FunctionBox *box,
                   Function *f); /* takes f over */
PlanCache *function_check(lua_State *L, int index);
/* Adds core.scan (scan.c) */
void scan_open(lua_State *L);
/* Adds core.call (call.c) */
void call_open(lua_State *L);
/* Adds core.json_read ... (json.c) */
void json_open(lua_State *L);
/* Adds core.parameters (parameters.c) */
void parameters_open(lua_State *L);
/* Host closures (host.c); ud of host_call is a HostRun */
typedef struct HostRun {
  State *s;
  bool record; /* closures run under a tape */
  const Env *env; /* of the plan: says where its batch lies in the data */
} HostRun;
void host_open(lua_State *L);
bool host_call(void *ud, int64_t id, bool gradient, const OpCall *step,
               void *const *in, void *const *out, Error *e);
/* Entries made since `first`, as a table that keeps them. */
void host_push_since(lua_State *L, State *s, int64_t first);
/* They are no longer kept otherwise (when no trace is open). */
void host_forget_since(lua_State *L, State *s, int64_t first);

#endif
