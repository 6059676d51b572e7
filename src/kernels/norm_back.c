/* The adjoint of normalised rows: what goes to x, and, of so many rows, to the
** scale and the shift of each column. */
#include "base/each_isa.h"
#include "kernels/kernels.h"

#include "kernels/lanes.h"

/* What a row gives to the sums, by lanes: of u and of u z, where z is the
** normalised x and u = g gamma. */
typedef struct Back {
  float u[LANES], uz[LANES];
} Back;

INLINE void back_lanes(Back *b, const float *restrict x,
                       const float *restrict gamma, const float *restrict g,
                       float *restrict dgamma, float *restrict dbeta, float m,
                       float s) {
  for (int j = 0; j < LANES; j++) {
    float z = (x[j] - m) * s, u = g[j] * gamma[j];
    b->u[j] += u;
    b->uz[j] += u * z;
    dgamma[j] += g[j] * z;
    dbeta[j] += g[j];
  }
}

/* The same for n < LANES numbers. */
INLINE void back_rest(Back *b, const float *x, const float *gamma,
                      const float *g, float *restrict dgamma,
                      float *restrict dbeta, float m, float s, int64_t n) {
  float px[LANES], pgamma[LANES], pg[LANES], dg[LANES], db[LANES];
  pad_lanes(px, x, n, m);
  pad_lanes(pgamma, gamma, n, 0.0f);
  pad_lanes(pg, g, n, 0.0f);
  pad_lanes(dg, dgamma, n, 0.0f);
  pad_lanes(db, dbeta, n, 0.0f);
  back_lanes(b, px, pgamma, pg, dg, db, m, s);
  for (int64_t i = 0; i < n; i++) dgamma[i] = dg[i];
  for (int64_t i = 0; i < n; i++) dbeta[i] = db[i];
}

INLINE void long_back(const Norm *p, const float *x, const float *gamma,
                      const float *g, float *restrict dx, float *dgamma,
                      float *dbeta, float m, float s) {
  int64_t n = p->n, body = n / LANES * LANES;
  Back b = {{0}, {0}};
  for (int64_t i = 0; i < body; i += LANES)
    back_lanes(&b, x + i, gamma + i, g + i, dgamma + i, dbeta + i, m, s);
  if (body < n)
    back_rest(&b, x + body, gamma + body, g + body, dgamma + body,
              dbeta + body, m, s, n - body);
  float u = p->centre ? fold_sum(b.u) / n : 0.0f, uz = fold_sum(b.uz) / n;
  for (int64_t i = 0; i < n; i++)
    dx[i] = s * ((g[i] * gamma[i] - u) - (x[i] - m) * s * uz);
}

/* Row by lane: what is no row has a cotangent of 0. */
INLINE void short_back(const Norm *p, const float *x, const float *gamma,
                       const float *mean, const float *scale, const float *g,
                       float *dx, float *dgamma, float *dbeta, int64_t rows) {
  Turned t, h;
  float m[LANES], s[LANES], u[LANES] = {0}, uz[LANES] = {0}, part[LANES];
  int n = (int)p->n;
  turn(&t, x, n, rows);
  turn(&h, g, n, rows);
  pad_lanes(m, mean, rows, 0.0f);
  pad_lanes(s, scale, rows, 0.0f);
  for (int i = 0; i < n; i++) {
    for (int r = (int)rows; r < LANES; r++) h.column[i][r] = 0.0f;
    for (int r = 0; r < LANES; r++) {
      float z = (t.column[i][r] - m[r]) * s[r], d = h.column[i][r];
      t.column[i][r] = z;
      u[r] += d * gamma[i];
      uz[r] += d * gamma[i] * z;
      part[r] = d * z;
    }
    dgamma[i] += fold_sum(part);
    dbeta[i] += fold_sum(h.column[i]);
  }
  for (int r = 0; r < LANES; r++) {
    u[r] = p->centre ? u[r] / n : 0.0f;
    uz[r] /= n;
  }
  for (int i = 0; i < n; i++)
    for (int r = 0; r < LANES; r++)
      t.column[i][r] = s[r] * ((h.column[i][r] * gamma[i] - u[r]) -
                               t.column[i][r] * uz[r]);
  turn_back(&t, dx, n, rows);
}

KERNEL(void, normalize_rows_back,
       (const Norm *p, const float *x, const float *gamma, const float *mean,
        const float *scale, const float *g, float *dx, float *dgamma,
        float *dbeta, int64_t r0, int64_t r1)) {
  int64_t n = p->n, step = n <= SHORT ? LANES : 1;
  for (int64_t i = 0; i < n; i++) dgamma[i] = dbeta[i] = 0.0f;
  for (int64_t r = r0; r < r1; r += step)
    if (n <= SHORT)
      short_back(p, x + r * n, gamma, mean + r, scale + r, g + r * n,
                 dx + r * n, dgamma, dbeta, r1 - r < LANES ? r1 - r : LANES);
    else
      long_back(p, x + r * n, gamma, g + r * n, dx + r * n, dgamma, dbeta,
                mean[r], scale[r]);
}
