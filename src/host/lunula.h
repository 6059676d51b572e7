/* lunula for C programs: tensors, neural networks and their training, in the
** way of Keras, written in Lua scripts and run as compiled plans.
**
** This header is the manual. It serves three kinds of hosts, and its sections
** are in this order:
**
**   - one that only predicts loads a model from a file (lunula_load), predicts
**     (lunula_predict), on as many threads as it likes, and links no Lua;
**   - one that does not care for Lua makes a runtime (lunula_new), runs a
**     script in it (lunula_run_file), takes the model that the script made
**     (lunula_find_model), and predicts with it, or freezes it (lunula_freeze)
**     for other threads;
**   - one that has a lua_State of its own opens lunula in it (lunula_open) and
**     exchanges tensors and models with scripts (lunula_push_tensor,
**     lunula_to_view, lunula_push_model).
**
** All link liblunula.a; what the second and third kind call needs Lua 5.4 or
** 5.5, too.
** Hosts in other languages load liblunula.so, which has a Lua inside that nobody
** else sees: a lua_State there can only be that of a runtime of its own.
** The Lua files of lunula are inside the library, nothing is read from disk but
** what the host names.
**
** Rules for all functions
**   - What can fail returns a status, and takes as its last argument a place
**     for the message, which may be NULL.
**   - NULL where something must be is refused with LUNULA_ARGUMENT. Where it is
**     allowed, and what it means there, is said.
**   - Structs begin with their size when they may grow. A bigger one than the
**     library knows is fine as long as what it does not know is zero.
**   - A call that fails has done nothing: the Lua stack is as it was, what it
**     should have made is NULL, memory offered to it still belongs to the host.
**   - Nothing exits, aborts, prints, or lets an error of Lua pass through the
**     host. There is no state outside of what these functions make, except for
**     the threads that share out big products, one team for the process, who
**     makes these products (lunula_use_blas), and ops that the host added.
**   - A runtime, like a lua_State, serves one thread at a time. Functions that
**     any thread may call at any time say so. */
#ifndef LUNULA_H
#define LUNULA_H

#include <stddef.h>
#include <stdint.h>

/* The second is for #if: two digits for each part. A third number that is greater
** mends; a second one may change, before 1.0, what a host has to be compiled
** against, and is in the name of the shared library. */
#define LUNULA_VERSION "0.2.0"
#define LUNULA_VERSION_NUMBER 200

#if defined(__GNUC__)
#define LUNULA_API __attribute__((visibility("default")))
#else
#define LUNULA_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct lua_State;

/* ---- statuses and messages ----------------------------------------------- */

typedef enum lunula_status {
  LUNULA_OK,
  LUNULA_ERROR,     /* the script or the model failed; the message says where */
  LUNULA_MEMORY,    /* the limit is reached, or the system has no more */
  LUNULA_CANCELLED, /* by lunula_cancel */
  LUNULA_BUDGET,    /* the script used up its instructions */
  LUNULA_ARGUMENT,  /* the call is wrong: a shape, a type, a name, a NULL */
  LUNULA_FILE,      /* a file cannot be read, or is not what it should be */
  LUNULA_BUSY       /* another thread is in a model that serves one at a time */
} lunula_status;

/* Why a call failed. Nothing in it needs to be freed. */
typedef struct lunula_error {
  char text[1000];      /* "model.lua:12: layer "dense" (Dense): matmul: ..." */
  char traceback[1000]; /* of the script, cut at the end; or "" */
} lunula_error;

/* LUNULA_VERSION of the library that is linked. */
LUNULA_API const char *lunula_version(void);

/* ---- tensors as a host sees them ----------------------------------------- */

typedef enum lunula_dtype {
  LUNULA_FLOAT32,
  LUNULA_INT32,
  LUNULA_BOOL, /* one byte, 0 or 1 */
  LUNULA_FLOAT16,
  LUNULA_BFLOAT16,
  LUNULA_FLOAT64,
  LUNULA_INT8,
  LUNULA_UINT8,
  LUNULA_INT64,
  LUNULA_STRING /* lunula_string: what models of texts take */
} lunula_dtype;

/* One string: `size` bytes, behind which no zero need stand. NULL has none. */
typedef struct lunula_string {
  const char *text;
  size_t size;
} lunula_string;

/* Numbers in memory, or strings, the last axis running fastest, without gaps; the
** address is a multiple of the size of one number. In C99 a batch of one sample is
** written {.data = x, .dtype = LUNULA_FLOAT32, .rank = 2, .shape = {1, 4}}. */
typedef struct lunula_view {
  void *data;       /* of inputs and of pushed views that are read only, nothing
                    ** is written there */
  int dtype;        /* a lunula_dtype */
  int rank;         /* how many sizes `shape` has, 0 to 8 */
  int64_t shape[8]; /* -1, where lunula fills it: any size */
  int read_only;    /* nobody may write into it */
} lunula_view;

/* A read-only view of numbers that a host has as const: an input, or what is
** pushed. `shape` has `rank` sizes; what is wrong with them is said by the
** function that gets the view. */
LUNULA_API lunula_view lunula_const_view(const void *data, int dtype, int rank,
                                         const int64_t *shape);

/* ---- a host that only predicts ------------------------------------------- */

/* What a model computes in inference, ready to be called from C. It is frozen:
** immutable, with weights of its own, for any thread at any time; or it is a
** script's (lunula_find_model), whose weights are those of the script: training
** them there changes what is predicted here. */
typedef struct lunula_model lunula_model;

/* Loads a model for predictions from a file that model:save or model:export
** wrote (safetensors with the traced graph in their metadata), without Lua, and
** without any code in the file. Weights are prepared for the kernels, and
** nothing is read of the file after that: it may be replaced by another (by
** renaming; while it is being loaded nobody may write into it or make it
** shorter). LUNULA_FILE, with the path, and the tensor or node, when something
** is wrong with it. Any thread may call it. */
LUNULA_API lunula_status lunula_load(const char *path, lunula_model **model,
                                     lunula_error *error);

/* The same for the bytes of such a file in memory, which are the host's again
** when the call returns; best at an address that is a multiple of 8. */
LUNULA_API lunula_status lunula_load_bytes(const void *data, size_t size,
                                           lunula_model **model,
                                           lunula_error *error);

/* One more count of the model, which lunula_model_free takes back; returns it.
** Any thread may call it. NULL of NULL. */
LUNULA_API lunula_model *lunula_model_retain(lunula_model *model);

/* Gives up a count; the last one frees the model. For a frozen model any thread
** may do that at any time, also while others predict with counts of their own;
** for a script's model it is the thread of its runtime or state, which may be
** closed before or after. NULL is allowed. */
LUNULA_API void lunula_model_free(lunula_model *model);

/* The number of inputs, 0 of NULL; `view`, unless it is NULL or `i` is not one
** of them, gets dtype and shape of input `i`, counted from 0. An unknown size,
** as that of the batch, is -1; data is NULL. Any thread may call it. */
LUNULA_API int lunula_model_input(const lunula_model *model, int i,
                                  lunula_view *view);

/* The same for outputs. */
LUNULA_API int lunula_model_output(const lunula_model *model, int i,
                                   lunula_view *view);

/* The name of input `i`, of its k.Input, or as the file says; "" when there is
** no such input, or it has no name. Lives as long as the model. */
LUNULA_API const char *lunula_model_input_name(const lunula_model *model,
                                               int i);

/* The same for outputs, which are called as the layers that make them. */
LUNULA_API const char *lunula_model_output_name(const lunula_model *model,
                                                int i);

/* The name of class `i`, counted from 0, of a file with class_names; NULL past
** the last, and of models without. Lives as long as the model. */
LUNULA_API const char *lunula_model_class_name(const lunula_model *model,
                                               int i);

/* A text that the file has in its metadata under that name, as
** "lunula_version"; NULL: there is none. What only loading needs is not kept.
** Lives as long as the model. */
LUNULA_API const char *lunula_model_metadata(const lunula_model *model,
                                             const char *name);

/* Compiles the model for inputs of these shapes, so that the first prediction
** is as fast as the others, and fills the views of the outputs with dtype and
** shape, so that the host can find room for them. No data is looked at. Any
** thread may call it. Up to 64 sets of shapes are remembered. */
LUNULA_API lunula_status lunula_prepare(lunula_model *model,
                                        const lunula_view *inputs, int ninputs,
                                        lunula_view *outputs, int noutputs,
                                        lunula_error *error);

/* Computes the outputs from the inputs, in memory of the host, without a copy.
** Types and shapes must be right, those of the outputs as lunula_prepare says;
** inputs and outputs must not overlap. Does not enter Lua and allocates nothing
** once it has run with these shapes, and the numbers are the same whatever the
** number of threads.
**
** With a frozen model any number of threads may predict at once. So they may
** with a script's model, and with several models of one runtime, while no
** script changes their weights; but two kinds of them are for the thread of
** their runtime alone: those with a step that could not be compiled, as a
** Lambda with trace = false, which do enter Lua; and those that write into a
** variable when they predict. */
LUNULA_API lunula_status lunula_predict(lunula_model *model,
                                        const lunula_view *inputs, int ninputs,
                                        const lunula_view *outputs,
                                        int noutputs, lunula_error *error);

/* What ends a prediction, or a load, early: a time, or the host. All zero but `size`, it
** ends nothing. */
typedef struct lunula_watch {
  size_t size;    /* sizeof(lunula_watch) */
  double seconds; /* that the call may take; 0: as many as it needs */
  char cancelled; /* set by lunula_watch_cancel; 0 again, by the host while no
                  ** call is under the watch, makes it as new */
} lunula_watch;

/* The same as lunula_predict under a watch, which may be NULL; LUNULA_CANCELLED
** when it was ended, some milliseconds after the time or the cancel. What the
** outputs hold then is undefined. Several calls may be under one watch. */
LUNULA_API lunula_status lunula_predict_watched(
    lunula_model *model, const lunula_view *inputs, int ninputs,
    const lunula_view *outputs, int noutputs, const lunula_watch *watch,
    lunula_error *error);

/* The same as lunula_load or, where `path` is NULL, lunula_load_bytes, under a
** watch; LUNULA_CANCELLED when it was ended. What weights are made into by a file
** can take for ever: those of strangers need a watch, here and to predict. */
LUNULA_API lunula_status lunula_load_watched(const char *path, const void *data,
                                             size_t size,
                                             const lunula_watch *watch,
                                             lunula_model **model,
                                             lunula_error *error);

/* Ends the calls that are under this watch, and those that come. Any thread, or
** a signal handler, may call it. NULL is allowed. */
LUNULA_API void lunula_watch_cancel(lunula_watch *watch);

/* Predicts from the input that was saved with the model (model:save with
** test=), and compares with what the model gave then: LUNULA_ERROR when that
** differs by more than rounding does, LUNULA_ARGUMENT when there is no test. */
LUNULA_API lunula_status lunula_model_test(lunula_model *model,
                                           lunula_error *error);

/* The changing state of one stream of data that a frozen model serves: what the
** model writes into variables when it predicts, as recurrent layers do with
** stateful = true. There may be as many as there are streams, and all share the
** weights. (lunula_predict begins each time with the values that the variables
** were frozen with, and forgets what becomes of them.) A session serves one
** thread at a time, LUNULA_BUSY tells others; it counts its model. */
typedef struct lunula_session lunula_session;

/* A session with the state that the model was frozen with, or that its file
** has. */
LUNULA_API lunula_status lunula_session_new(lunula_model *model,
                                            lunula_session **session,
                                            lunula_error *error);

/* As lunula_predict_watched, with the state of the session, which goes on when
** the call succeeds, and else stays. The watch may be NULL. */
LUNULA_API lunula_status lunula_session_predict(
    lunula_session *session, const lunula_view *inputs, int ninputs,
    const lunula_view *outputs, int noutputs, const lunula_watch *watch,
    lunula_error *error);

/* Back to the state that the model was frozen with. */
LUNULA_API lunula_status lunula_session_reset(lunula_session *session,
                                              lunula_error *error);

/* A further session with the state of this one. */
LUNULA_API lunula_status lunula_session_copy(lunula_session *session,
                                             lunula_session **copy,
                                             lunula_error *error);

/* NULL is allowed. */
LUNULA_API void lunula_session_free(lunula_session *session);

/* The place where threads find the newest of a host's models: one publishes,
** the others get it for each piece of work and free it after that. Nobody waits
** for anybody: who has got the old one predicts with it to the end. */
typedef struct lunula_slot lunula_slot;

/* The slot counts the model; NULL is allowed, then it is empty. */
LUNULA_API lunula_status lunula_slot_new(lunula_model *model,
                                         lunula_slot **slot,
                                         lunula_error *error);

/* The model in the slot, counted for the caller, who frees it; NULL of an empty
** one. Any thread may call it. */
LUNULA_API lunula_model *lunula_slot_get(lunula_slot *slot);

/* From now on this model is in the slot, which may be NULL, too; the slot gives
** up its count of the old one. For frozen models; any thread may call it. */
LUNULA_API lunula_status lunula_slot_set(lunula_slot *slot,
                                         lunula_model *model,
                                         lunula_error *error);

/* Nobody may use the slot any more. NULL is allowed. */
LUNULA_API void lunula_slot_free(lunula_slot *slot);

/* ---- scripts, for a host that does not know Lua -------------------------- */

/* A lua_State with lunula in it, and a watch over it. */
typedef struct lunula_runtime lunula_runtime;

/* What a log is told. */
typedef enum lunula_level {
  LUNULA_PROGRESS = 1, /* of a fit, evaluate or predict that is to show it */
  LUNULA_WARNING       /* something may not be as it was meant */
} lunula_level;

/* Zero everywhere but in `size` is a runtime without limits. */
typedef struct lunula_config {
  size_t size; /* sizeof(lunula_config) */

  /* Bytes that tensors, traced functions, plans and the heap of Lua may hold
  ** together; 0: no limit. A script may catch the error that it gets at the
  ** limit. With the code, and what lies between blocks, the process has some 20
  ** to 40 % more: below 100 MB at a limit of 64. Not counted are memory that
  ** the host lends and what the threads for big products work with. */
  size_t memory_limit;

  /* Instructions of Lua that one call may take; 0: no limit. It is never more;
  ** it can be less by what was paid for and not used: a coroutine begins by
  ** paying for a hundred, and then for as many as it has had, at most a
  ** thousand. Coroutines, handlers of errors, metamethods and finalizers (those
  ** that run when the runtime is freed, too) share the budget. A script cannot
  ** catch the error that ends it, and cannot set a hook. */
  int64_t instruction_budget;

  /* Not 0: scripts see no files, no operating system, no bytecode, no debug
  ** library, and can set no finalizers. This keeps honest scripts from doing
  ** harm; for hostile ones put the process into a jail of the system, too: one
  ** call of a C function is one instruction to the budget, and only those of
  ** lunula are cut short by lunula_cancel, not those of Lua, as string.rep. */
  int sandbox;

  /* Threads for big products, for the whole process; 0: leave them as they
  ** are, which is at first one for each processor. */
  int threads;

  /* Gets what print and io.write of the script and lunula's progress bars and
  ** warnings say, `size` bytes that end with no zero. It must not call into
  ** this runtime. NULL: it is dropped. */
  void (*print)(void *ud, const char *text, size_t size);
  void *print_ud;

  /* Gets what lunula itself has to say, instead of `print`: warnings, one in each
  ** call and without the end of a line, and pieces of progress bars. The level
  ** is a lunula_level. It must not call into this runtime. */
  void (*log)(void *ud, int level, const char *text, size_t size);
  void *log_ud;

  /* Where the memory of this runtime comes from: its tensors, plans and Lua's
  ** heap. `block` of `had` bytes becomes one of `wanted`, NULL is a block of none
  ** and 0 frees it; NULL is returned when there is no more. Addresses are
  ** multiples of what malloc gives. Any thread may be in it, and it is needed
  ** until the runtime, its models and its pins are gone. NULL: the system's. */
  void *(*allocate)(void *ud, void *block, size_t had, size_t wanted);
  void *allocate_ud;
} lunula_config;

/* Makes a runtime; config may be NULL. */
LUNULA_API lunula_status lunula_new(const lunula_config *config,
                                    lunula_runtime **runtime,
                                    lunula_error *error);

/* Closes the runtime. Its models can only be freed after that. No other thread
** may be in one of them. NULL is allowed. */
LUNULA_API void lunula_free(lunula_runtime *runtime);

/* Its lua_State, for a host that wants to do more; it then has to guard its
** calls with lua_pcall, and limits of time do not apply to them. An error that
** nobody guards ends the program, as Lua does, after its words went to `print`.
** NULL of NULL. */
LUNULA_API struct lua_State *lunula_state(lunula_runtime *runtime);

/* Runs Lua source text. `name` is what messages call it: "=setup", or "@" and
** a path; NULL is "=script". */
LUNULA_API lunula_status lunula_run(lunula_runtime *runtime, const char *source,
                                    size_t size, const char *name,
                                    lunula_error *error);

LUNULA_API lunula_status lunula_run_file(lunula_runtime *runtime,
                                         const char *path, lunula_error *error);

/* Stops the call that is running in the runtime, or the next one when none is:
** a script within some thousand instructions, its tensor ops, training and
** predictions within some milliseconds. One call of a C function of Lua, as
** string.rep, is not cut short, and a script that ends by itself before it looks
** has not been stopped. The script cannot catch it. Any thread, or a signal
** handler, may call it. NULL is allowed. */
LUNULA_API void lunula_cancel(lunula_runtime *runtime);

/* The model in the global variable `name` of the runtime's scripts; NULL: the
** value that the last script returned. A model is one of k.Sequential, k.Model
** or k.model that knows the shapes of its inputs, or what core.trace gave. */
LUNULA_API lunula_status lunula_find_model(lunula_runtime *runtime,
                                           const char *name,
                                           lunula_model **model,
                                           lunula_error *error);

/* An immutable snapshot of the model: weights as they are now, prepared for the
** kernels; the script may train on. It has no runtime and outlives it: any
** thread may predict with it, count it and free it. It has memory of its own,
** about as much as the weights, which no limit of the runtime counts. Called on
** the thread of the runtime; of a frozen model it gives the same once more. A
** model that enters Lua when it predicts, as one with a Lambda with trace =
** false, is refused with the name of the layer. */
LUNULA_API lunula_status lunula_freeze(lunula_model *model,
                                       lunula_model **frozen,
                                       lunula_error *error);

/* ---- a script's values, by name ------------------------------------------ */

/* For hosts that do not know Lua. A name is that of a global variable, or leads
** through fields: "net", "config.rate", "net.optimizer.learning_rate"; where
** something is called, a method may stand last: "net:predict". */

/* The global variable becomes a tensor with a copy of what the view shows. */
LUNULA_API lunula_status lunula_set(lunula_runtime *runtime, const char *name,
                                    const lunula_view *view,
                                    lunula_error *error);

/* Fills the view with what a tensor, a variable, a number, a boolean, a string or
** a table of numbers holds. It may be looked into until lunula_get is called
** with this name again, or the runtime is freed; what a script does meanwhile
** does not change it. */
LUNULA_API lunula_status lunula_get(lunula_runtime *runtime, const char *name,
                                    lunula_view *view, lunula_error *error);

/* Calls the function, or the method, with copies of the inputs. Outputs that
** have memory must have type and shape of what it returns, which is copied
** there. Others are filled, and may be looked into until the next lunula_call of
** this runtime. */
LUNULA_API lunula_status lunula_call(lunula_runtime *runtime, const char *name,
                                     const lunula_view *inputs, int ninputs,
                                     lunula_view *outputs, int noutputs,
                                     lunula_error *error);

/* One step of training of the compiled model of this name with a batch of the
** host. *nresults says how many results there is room for, and then how many
** there are: the loss, and the metrics that the model was compiled with, over
** all steps since net:reset_metrics(). Both may be NULL. */
LUNULA_API lunula_status lunula_train(lunula_runtime *runtime, const char *name,
                                      const lunula_view *inputs, int ninputs,
                                      const lunula_view *targets, int ntargets,
                                      double *results, int *nresults,
                                      lunula_error *error);

/* The global variable becomes the model of this file, as k.models.load_model
** gives it, which can be trained on. Nothing in the file is executed. */
LUNULA_API lunula_status lunula_load_model(lunula_runtime *runtime,
                                           const char *name, const char *path,
                                           lunula_error *error);

/* Saves the model of this name, as net:save(path) does: the file is written as a
** whole, or is as it was. */
LUNULA_API lunula_status lunula_save_model(lunula_runtime *runtime,
                                           const char *name, const char *path,
                                           lunula_error *error);

/* ---- a host with a lua_State --------------------------------------------- */

/* Makes `require "lunula"` work in this state: its C part and its Lua files are
** put into package.preload, where nothing that the host has put there is
** replaced. Loads nothing yet. The standard libraries must have been opened, or
** at least package, string, table, math, utf8 and coroutine. */
LUNULA_API lunula_status lunula_open(struct lua_State *L, lunula_error *error);

/* Pushes a tensor on the host's memory, which from now on belongs to it.
** Nothing is copied, but for what a traced function closes over. `release` is
** called exactly once, when neither a script nor a pin needs the memory any
** more, on the thread that lets go last; it must not call into Lua or lunula.
** After a failure it is not called. A script sees what the host writes and,
** unless the view is read only, the host sees what the script writes. */
LUNULA_API lunula_status lunula_push_tensor(
    struct lua_State *L, const lunula_view *view,
    void (*release)(void *ud, void *data), void *ud, lunula_error *error);

/* The same with memory that stays the host's: it must be there until the state
** is closed, or lunula_detach is called. */
LUNULA_API lunula_status lunula_push_view(struct lua_State *L,
                                          const lunula_view *view,
                                          lunula_error *error);

/* Fills `view` with the tensor, or the value of the variable, at this index of
** the stack. The numbers are there for as long as it is alive and a variable is
** not changed; they are for reading, because other tensors may share them. */
LUNULA_API lunula_status lunula_to_view(struct lua_State *L, int index,
                                        lunula_view *view, lunula_error *error);

/* The same, and the numbers stay where they are until lunula_unpin, even when
** the state has been closed. */
typedef struct lunula_pin lunula_pin;
LUNULA_API lunula_status lunula_pin_tensor(struct lua_State *L, int index,
                                           lunula_view *view, lunula_pin **pin,
                                           lunula_error *error);

/* Any thread may call it. NULL is allowed. */
LUNULA_API void lunula_unpin(lunula_pin *pin);

/* Takes back the memory of the tensor at this index, which the host once
** pushed. Whatever still looks into it, the tensor itself, its rows and its
** reshapes, raises an error when it is used. `release` will not be called. No
** other thread may be at work on it. */
LUNULA_API lunula_status lunula_detach(struct lua_State *L, int index,
                                       lunula_error *error);

/* The same for the value at this index of the stack of a state. */
LUNULA_API lunula_status lunula_to_model(struct lua_State *L, int index,
                                         lunula_model **model,
                                         lunula_error *error);

/* Pushes the frozen model onto the stack of a state, which need not be the one
** that it comes from: m:predict(x, {batch_size=}) gives its outputs, m.inputs
** and m.outputs are lists of tables with name, shape and dtype. All states
** share the weights, and may predict at once; a model that writes variables
** begins each time with what it was frozen with. What a script predicts stands
** under the limits of its runtime, but for the memory that the model itself
** works with. */
LUNULA_API lunula_status lunula_push_model(struct lua_State *L,
                                           lunula_model *model,
                                           lunula_error *error);

/* ---- ops of the host ----------------------------------------------------- */

/* What the functions of an op are called with. Inputs come first as the
** signature has them; in `shape` they have no data, and a size may be -1, not
** known yet. `numbers` are what the signature says with ":num", ":int" or
** ":bool". A function that returns anything but 0 has failed; it may put the
** reason into `why`, which then is the message at the line of the script. */
typedef struct lunula_op_call {
  const lunula_view *inputs;
  int ninputs;
  lunula_view *outputs;
  int noutputs;
  const double *numbers;
  int nnumbers;
  char *why;
  size_t why_size;
} lunula_op_call;

typedef struct lunula_op {
  size_t size;           /* sizeof(lunula_op) */
  const char *name;      /* k.ops.NAME in scripts */
  const char *signature; /* "x, table, scale:num=1" */
  const char *doc;       /* one sentence */
  int noutputs;
  int floats; /* not 0: inputs come as float32; else as float32, int32 or bool */

  /* Fills dtype, rank and shape of the outputs, or fails. Must always say the
  ** same of the same. */
  int (*shape)(void *ud, lunula_op_call *call);

  /* Computes the outputs. Any thread may be in it, several at once; it must not
  ** call into Lua, and denormal numbers are zero meanwhile. */
  int (*run)(void *ud, lunula_op_call *call);

  /* NULL: it has no gradient, which is an error where one is asked for. Else:
  ** inputs are the inputs, the outputs, and the cotangent of each output;
  ** outputs, all zero at first, the cotangents of the inputs. Those that are not
  ** float32 are not looked at. */
  int (*gradient)(void *ud, lunula_op_call *call);
  void *ud;
} lunula_op;

/* Adds an op for the whole process, until it ends: states and runtimes that are
** made after this have it, in files it is found by its name, and models that use
** it are compiled, trained and frozen as others are. What the struct says is
** copied; `ud` and the functions must stay. Any thread may call it;
** LUNULA_ARGUMENT when there is an op of that name. Some of lunula's own
** are written in Lua and not known here: with the name of one of them, scripts
** fail when they first use ops or layers. There is room for 32, and for more
** where some have no gradient. */
LUNULA_API lunula_status lunula_register_op(const lunula_op *op,
                                            lunula_error *error);

/* ---- products by OpenBLAS ------------------------------------------------ */

/* lunula makes its products itself. OpenBLAS can make them: in a program that
** also links liblunula_blas.a, and calls, before all else,
**
**   lunula_use_blas(lunula_openblas(), &error);
**
** it makes them when the environment variable LUNULA_GEMM is "blas", or is not
** set and the processor has no multiply-add, for which our own are made. It is
** loaded then (libopenblas.so.0) by the first lunula_new, lunula_load or
** `require "lunula"`, with signals blocked, so that the threads that it starts
** get none; and it is set to one thread until the last state is closed. With
** "blas", and no module handed in, lunula does not open. */
typedef struct lunula_blas lunula_blas;

/* (in liblunula_blas.a) The module; loads nothing. */
LUNULA_API const lunula_blas *lunula_openblas(void);

/* Hands the module in, for the whole process. Any thread may call it;
** LUNULA_ARGUMENT when it comes too late, or is of another version. */
LUNULA_API lunula_status lunula_use_blas(const lunula_blas *blas,
                                         lunula_error *error);

#ifdef __cplusplus
}
#endif

#endif
