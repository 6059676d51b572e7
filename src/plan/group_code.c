/* Groups become tile programs: members in registers or as results, two
** instructions one where there is a strip for both, all of them one loop where
** there is one. */

#include "plan/group_code.h"

#include "ops/merged.h"
#include "ops/pair.h"

void code_add(Prog *g, TileProgram *p, const Node *n, const TileRef *in,
              TileRef y) {
  Type type[CALL_INPUTS]; /* an elementwise op has no more */
  OpCall call;
  if (!prog_call(n, type, &call) || !program_add(p, &call, in, y))
    fail(g->error, "%s: no kernel for %s", n->op->name,
         dtype_name((DType)type[0].dtype));
}

int64_t code_slice_part(const Node *n, int64_t *stride) {
  const Type *x = val_type(n->in[0]);
  int64_t step = 1, first = 0;
  for (int i = x->rank - 1; i >= 0; i--) {
    stride[i] = step * n->attr[1].i[i];
    first += step * n->attr[0].i[i];
    step *= x->dim[i];
  }
  return first;
}

static TileRef operand(GroupCode *k, Val v) {
  const Prog *p = k->prog;
  const Group *g = k->group;
  int node = prog_number(p, v.node);
  if (p->group[node] == p->group[g->member[0]])
    return k->at[k->member[node]];
  for (int i = 0; i < k->program.nin; i++)
    if (val_same(k->outside[i], v))
      return (TileRef){TILE_IN, i};
  k->outside[k->program.nin] = v;
  if (!p->absorbed[node])
    return program_input(&k->program, k->domain, val_type(v));
  int64_t stride[MAX_RANK];
  code_slice_part(v.node, stride);
  return program_input_part(&k->program, k->domain, val_type(v), stride);
}

/* When each member is read for the last time in its group. */
static void find_last_uses(GroupCode *k) {
  const Prog *p = k->prog;
  const Group *g = k->group;
  for (int m = 0; m < g->n; m++) {
    const Node *n = p->node[g->member[m]];
    k->last[m] = m;
    for (int i = 0; i < n->nin; i++) {
      int x = prog_number(p, n->in[i].node);
      if (p->group[x] == p->group[g->member[m]])
        k->last[k->member[x]] = m;
    }
  }
}

/* A register is free when its value was read for the last time before. */
static int free_register(GroupCode *k, int m) {
  int r = 0;
  while (r < TILE_REGISTERS - 1 && k->busy[r] >= m)
    r++;
  k->busy[r] = k->last[m];
  return r;
}

static bool same_ref(TileRef a, TileRef b) {
  return a.space == b.space && a.index == b.index;
}

static bool all_float(const Node *n) {
  for (int i = 0; i < n->nin; i++)
    if (val_type(n->in[i])->dtype != F32)
      return false;
  return n->out[0].type.dtype == F32;
}

/* The input of member m that is all that the member before it is for, or -1. */
static int only_use(const GroupCode *k, int m, const Node *n,
                    const TileRef *in) {
  int side = -1;
  if (m == 0 || k->at[m - 1].space != TILE_REG || k->last[m - 1] != m)
    return -1;
  for (int i = 0; i < n->nin; i++)
    if (same_ref(in[i], k->at[m - 1])) {
      if (side >= 0)
        return -1;
      side = i;
    }
  return side;
}

/* Adds member m to the last instruction, where there is a strip for both. */
static bool add_to_last(GroupCode *k, int m, const Node *n, const TileRef *in) {
  int side = only_use(k, m, n, in);
  if (!(k->prog->passes & PASS_PAIR) || side < 0 || n->nin > 2 ||
      !all_float(n) || !all_float(k->prog->node[k->group->member[m - 1]]))
    return false;
  const Pair *pair = pair_find(k->tail, n->op->name, side);
  if (pair == NULL)
    return false;
  TileInstr *last = &k->program.code[k->program.ncode - 1];
  if (n->nin == 2)
    *(last->b.space == TILE_NONE ? &last->b : &last->c) = in[1 - side];
  last->strip = ISA(pair->strip);
  last->y = k->at[m];
  k->tail = pair->name;
  return true;
}

static void add_member(GroupCode *k, int m) {
  Prog *p = k->prog;
  const Node *n = p->node[k->group->member[m]];
  TileRef in[4];
  for (int i = 0; i < n->nin; i++)
    in[i] = operand(k, n->in[i]);
  if (p->escapes[k->group->member[m]]) {
    k->at[m] = (TileRef){TILE_OUT, k->program.nout};
    k->program.out_item[k->program.nout] =
        dtype_size((DType)n->out[0].type.dtype);
    k->out[k->program.nout++] = k->group->member[m];
  } else {
    int r = free_register(k, m);
    k->at[m] = (TileRef){TILE_REG, r};
    if (r >= k->program.nreg)
      k->program.nreg = r + 1;
  }
  if (add_to_last(k, m, n, in))
    return;
  code_add(p, &k->program, n, in, k->at[m]);
  k->tail = n->op->name;
}

/* Whether a leaf of a merged group comes as its loop takes it. */
static bool leaf_fits(const GroupCode *k, Val v, bool wide) {
  const Prog *p = k->prog;
  return !p->absorbed[prog_number(p, v.node)] &&
         type_elements(val_type(v)) == (wide ? type_elements(k->domain) : 1);
}

/* All of the group as one loop, if there is one that gives just its results. */
static void merge(GroupCode *k) {
  const Prog *p = k->prog;
  const Group *g = k->group;
  TileProgram *t = &k->program;
  const Node *node[GROUP_NODES];
  for (int m = 0; m < g->n; m++)
    node[m] = p->node[g->member[m]];
  Merging merging = merged_find(node, g->n);
  const MergedGroup *merged = merging.group;
  if (merged == NULL || t->nout != merged->results)
    return;
  for (int i = 0; i < merged->leaves; i++) {
    if (!leaf_fits(k, merging.leaf[i], i < merged->wide))
      return;
    t->of_loop[i] = operand(k, merging.leaf[i]);
  }
  for (int i = 0; i < merged->results; i++) {
    TileRef y = k->at[merging.op[merged->result[i]]];
    if (y.space != TILE_OUT)
      return;
    t->of_loop[merged->leaves + i] = y;
  }
  t->nloop = merged->leaves + merged->results;
  t->loop = ISA(merged->loop);
}

void code_group(GroupCode *k, const Group *g) {
  const Prog *p = k->prog;
  k->group = g;
  k->domain = &p->node[g->member[0]]->out[0].type;
  program_begin(&k->program, k->domain);
  for (int m = 0; m < g->n; m++)
    k->member[g->member[m]] = m;
  find_last_uses(k);
  for (int r = 0; r < TILE_REGISTERS; r++)
    k->busy[r] = -1;
  for (int m = 0; m < g->n; m++)
    add_member(k, m);
  if (p->passes & PASS_PAIR)
    merge(k);
  tile_ready(&k->program);
}
