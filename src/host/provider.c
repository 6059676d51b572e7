/* OpenBLAS, which a host that links it hands in. */

#include "host/host.h"
#include "kernels/provider.h"

lunula_status lunula_use_blas(const lunula_blas *blas, lunula_error *error) {
  Error e = {.set = false};
  if (blas == NULL)
    return host_refuse_null(error, "module");
  if (!provider_offer(blas, &e))
    return host_refuse(error, LUNULA_ARGUMENT, "%s", e.text);
  return LUNULA_OK;
}
