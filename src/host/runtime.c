/* Runtimes: a state whose heap is counted with its tensors, and the scripts
** that are run in it. */

#include <stdio.h>
#include <string.h>

#include "base/threads.h"
#include "host/runtime.h"

static const char result_key = 0;

/* ---- memory ------------------------------------------------------------- */

/* What is charged for Lua's heap is rounded up to this, because a charge takes
** a lock and Lua's blocks are small. */
enum { CHARGE = 16 << 10 };

/* What the system takes for a block: malloc has a word of its own in front, and
** goes by steps. Half of Lua's objects are so small that it matters. */
static size_t taken(size_t bytes) {
  enum { STEP = 16, LEAST = 32 };
  size_t all = (bytes + sizeof(size_t) + STEP - 1) / STEP * STEP;
  return bytes == 0 ? 0 : all < LEAST ? LEAST : all;
}

static size_t rounded(size_t bytes) {
  return (bytes + CHARGE - 1) / CHARGE * CHARGE;
}

static bool hold(lunula_runtime *rt, size_t bytes) {
  size_t want = rounded(rt->held + bytes);
  if (want > rt->charged) {
    if (!account_charge(rt->account, (int64_t)(want - rt->charged)))
      return false;
    rt->charged = want;
  }
  rt->held += bytes;
  return true;
}

static void let_go(lunula_runtime *rt, size_t bytes) {
  rt->held -= bytes;
  size_t want = rounded(rt->held) + CHARGE; /* not at every step back */
  if (want >= rt->charged)
    return;
  account_charge(rt->account, -(int64_t)(rt->charged - want));
  rt->charged = want;
}

static void *resize(const lunula_runtime *rt, void *block, size_t had,
                    size_t wanted) {
  if (rt->config.allocate)
    return rt->config.allocate(rt->config.allocate_ud, block,
                               block ? had : 0, wanted);
  if (wanted == 0)
    mem_raw_free(block);
  return wanted ? mem_raw_resize(block, wanted) : NULL;
}

/* A lua_Alloc. Lua counts on it that shrinking does not fail. */
static void *allocate(void *ud, void *block, size_t had, size_t wanted) {
  lunula_runtime *rt = ud;
  size_t before = block ? taken(had) : 0; /* else it is the kind of object */
  size_t after = taken(wanted);
  if (wanted == 0) {
    resize(rt, block, had, 0);
    let_go(rt, before);
    return NULL;
  }
  if (after > before && !hold(rt, after - before)) {
    rt->starved = true;
    return NULL;
  }
  void *moved = resize(rt, block, had, wanted);
  bool grows = block == NULL || wanted > had;
  if (moved == NULL && grows) {
    rt->starved = true;
    if (after > before)
      let_go(rt, after - before);
    return NULL;
  }
  if (after < before)
    let_go(rt, before - after);
  return moved ? moved : block;
}

/* ---- making and freeing ------------------------------------------------- */

/* Lua ends the program when this returns. */
static int panic(lua_State *L) {
  const lunula_runtime *rt = runtime_of(L);
  const char *why = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "?";
  char text[1000];
  int n = snprintf(text, sizeof text,
                   "lunula: an error outside of lua_pcall ends the program: "
                   "%.800s\n", why);
  if (rt && rt->config.print && n > 0)
    rt->config.print(rt->config.print_ud, text, (size_t)n);
  return 0;
}

typedef struct OpenJob {
  Job job;
  lunula_runtime *rt;
} OpenJob;

static int open_job(lua_State *L) {
  OpenJob *j = lua_touserdata(L, 1);
  runtime_put(L, j->rt);
  j->rt->state = state_open(L, j->rt->account);
  j->rt->watch.cancel = &j->rt->cancel;
  world_open(L, j->rt);
  return 0;
}

/* Since 5.5 the caller says by which seed Lua hashes strings. */
static lua_State *new_state(lunula_runtime *rt) {
#if LUA_VERSION_NUM >= 505
  return lua_newstate(allocate, rt, luaL_makeseed(NULL));
#else
  return lua_newstate(allocate, rt);
#endif
}

static lunula_status open_runtime(lunula_runtime *rt, lunula_error *error) {
  rt->account = account_new_from(rt->config.allocate,
                                 rt->config.allocate_ud);
  if (rt->account == NULL)
    return host_refuse(error, LUNULA_MEMORY, "out of memory");
  account_set_limit(rt->account, rt->config.memory_limit);
  rt->L = new_state(rt);
  if (rt->L == NULL)
    return host_refuse(error, LUNULA_MEMORY, "out of memory for a Lua state");
  lua_atpanic(rt->L, panic);
  OpenJob job = {{LUNULA_OK}, rt};
  return protect(rt->L, open_job, &job, 0, error);
}

static lunula_status read_config(const lunula_config *config,
                                 lunula_config *known, lunula_error *error) {
  if (config == NULL)
    return LUNULA_OK;
  if (config->size < offsetof(lunula_config, print))
    return host_refuse(error, LUNULA_ARGUMENT,
                       "size of the configuration is not set");
  if (!host_knows(config, config->size, sizeof *known))
    return host_refuse(error, LUNULA_ARGUMENT,
                       "the configuration says more than version "
                       LUNULA_VERSION " knows: what is behind its %d bytes "
                       "must be zero",
                       (int)sizeof *known);
  memcpy(known, config, config->size < sizeof *known ? config->size
                                                     : sizeof *known);
  if (known->threads < 0 || known->threads > 1024)
    return host_refuse(error, LUNULA_ARGUMENT, "%d threads", known->threads);
  if (known->instruction_budget < 0)
    return host_refuse(error, LUNULA_ARGUMENT, "a budget of %lld instructions",
                       (long long)known->instruction_budget);
  return LUNULA_OK;
}

lunula_status lunula_new(const lunula_config *config, lunula_runtime **runtime,
                         lunula_error *error) {
  lunula_config known = {0};
  if (runtime == NULL)
    return host_refuse_null(error, "place for the runtime");
  *runtime = NULL;
  lunula_status checked = read_config(config, &known, error);
  if (checked != LUNULA_OK)
    return checked;
  lunula_runtime *rt = mem_new(NULL, 1, sizeof *rt);
  if (rt == NULL)
    return host_refuse(error, LUNULA_MEMORY, "out of memory");
  atomic_init(&rt->cancel, false);
  rt->config = known;
  lunula_status s = open_runtime(rt, error);
  if (s != LUNULA_OK) {
    lunula_free(rt);
    return s;
  }
  if (rt->config.threads > 0)
    threads_set_count(rt->config.threads);
  *runtime = rt;
  return LUNULA_OK;
}

void lunula_free(lunula_runtime *rt) {
  if (rt == NULL)
    return;
  if (rt->state)
    governor_begin(rt); /* of the finalizers */
  if (rt->L)
    lua_close(rt->L);
  if (rt->account)
    account_charge(rt->account, -(int64_t)rt->charged); /* more than is held */
  account_release(rt->account);
  mem_free(rt);
}

lua_State *lunula_state(lunula_runtime *rt) {
  return rt ? rt->L : NULL;
}

/* ---- scripts ------------------------------------------------------------ */

typedef struct RunJob {
  Job job;
  const char *source, *name, *path; /* one of source and path */
  size_t size;
  const char *mode;
} RunJob;

static int load_source(lua_State *L, RunJob *j) {
  if (j->source)
    return luaL_loadbufferx(L, j->source, j->size, j->name, j->mode);
  int status = luaL_loadfilex(L, j->path, j->mode);
  if (status == LUA_ERRFILE)
    j->job.refused = LUNULA_FILE;
  return status;
}

static int run_job(lua_State *L) {
  RunJob *j = lua_touserdata(L, 1);
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &result_key);
  if (load_source(L, j) != LUA_OK)
    return lua_error(L);
  lua_call(L, 0, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &result_key);
  return 0;
}

static lunula_status run(lunula_runtime *rt, RunJob *job, lunula_error *error) {
  if (rt == NULL)
    return host_refuse_null(error, "runtime");
  if (rt->config.sandbox)
    job->mode = "t";
  governor_begin(rt);
  return governor_end(rt, protect(rt->L, run_job, job, 0, error), error);
}

lunula_status lunula_run(lunula_runtime *rt, const char *source, size_t size,
                         const char *name, lunula_error *error) {
  RunJob job = {{LUNULA_OK}, source, name ? name : "=script", NULL, size, NULL};
  if (source == NULL)
    return host_refuse_null(error, "source");
  return run(rt, &job, error);
}

lunula_status lunula_run_file(lunula_runtime *rt, const char *path,
                              lunula_error *error) {
  RunJob job = {{LUNULA_OK}, NULL, NULL, path, 0, NULL};
  if (path == NULL)
    return host_refuse_null(error, "path");
  return run(rt, &job, error);
}

/* ---- a model by its name ------------------------------------------------ */

typedef struct NameJob {
  Job job;
  const char *name;
} NameJob;

static int name_job(lua_State *L) {
  NameJob *j = lua_touserdata(L, 1);
  if (j->name)
    lua_getglobal(L, j->name);
  else
    lua_rawgetp(L, LUA_REGISTRYINDEX, &result_key);
  if (lua_isnil(L, -1))
    protect_refuse(L, j, LUNULA_ARGUMENT,
                   j->name ? "there is no global variable \"%s\""
                       : "the script returned nothing", j->name);
  return 1;
}

lunula_status lunula_find_model(lunula_runtime *rt, const char *name,
                                lunula_model **model, lunula_error *error) {
  NameJob job = {{LUNULA_OK}, name};
  if (model == NULL)
    return host_refuse_null(error, "place for the model");
  *model = NULL;
  if (rt == NULL)
    return host_refuse_null(error, "runtime");
  governor_begin(rt);
  lunula_status s = protect(rt->L, name_job, &job, 1, error);
  if (s == LUNULA_OK) {
    s = lunula_to_model(rt->L, -1, model, error);
    lua_pop(rt->L, 1);
  }
  return governor_end(rt, s, error);
}
