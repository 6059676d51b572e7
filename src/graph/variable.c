/* Variables: a name, a value, and who holds them. What they are in a trace is
** in scope.c. */

#include "graph/scope.h"

Variable *variable_new(Account *a, const char *name, Tensor value,
                       bool trainable) {
  Variable *v = mem_new(a, 1, sizeof *v);
  char *copy = mem_text(a, name);
  if (v == NULL || copy == NULL) {
    mem_free(v);
    mem_free(copy);
    tensor_drop(&value);
    return NULL;
  }
  atomic_init(&v->refs, 1);
  v->name = copy;
  v->trainable = trainable;
  v->tensor = value;
  return v;
}

Variable *variable_retain(Variable *v) {
  atomic_fetch_add(&v->refs, 1);
  return v;
}

void variable_forget(Variable *v) {
  if (v->leaf.node)
    node_release(v->leaf.node);
  v->leaf = (Val){NULL, 0};
}

void variable_release(Variable *v) {
  if (v == NULL || atomic_fetch_sub(&v->refs, 1) > 1)
    return;
  variable_forget(v);
  tensor_drop(&v->tensor);
  mem_free(v->name);
  mem_free(v);
}

/* Takes a private copy of a buffer that others see (eager tensors share it) or
** that is a host's or a file's, before a plan writes new values in place. */
bool variable_own(Variable *v, Account *account, Error *e) {
  variable_forget(v);
  if (atomic_load(&v->tensor.buffer->refs) == 1 &&
      v->tensor.buffer->account != NULL && !v->tensor.buffer->read_only)
    return true;
  Tensor fresh;
  if (!tensor_copy(&fresh, &v->tensor, account, e))
    return false;
  tensor_drop(&v->tensor);
  v->tensor = fresh;
  return true;
}
