-- Matrices taken apart, and what follows from singular values.

local from = require "spec.support.ops_inputs"
local real = from.real

local function exact(data, ...) return from.exact(data, { shape = { ... } }) end

-- Eigenvalues and singular values are well apart.
local symmetric = exact({ 4, 1, -0.5, 1, 2, 0.75, -0.5, 0.75, -1 }, 3, 3)
local two = exact({ 4, 1, 1, 2, -3, 0.5, 0.5, 1 }, 2, 2, 2)
local triangle = exact({ 2, 0, 0, 0.5, 1, 0, -1, 0.75, 1.5 }, 3, 3)
local square = exact({ 0.5, 2, -1, 1.5, 0.25, 1, -3, 1, 0.75 }, 3, 3)
local tall = exact({ 1, 2, 3, 4, 5, 6.5, -1, 2, 0, 0, 1, 1 }, 4, 3)
local wide = exact({ 1, 4, -1, 0, 2, 5, 2, 1, 3, 6.5, 0, 1 }, 3, 4)
local many = exact({ 1, 2, 3, 4, -1, 0.5, 2, 0, 1, 1, -3, 0.25 }, 2, 3, 2)

-- A second derivative of vectors is far from what differences of float32 show.
local function case(name, inputs, attributes, more)
  local row = { name, inputs, attributes, tol = 2e-4, second = false, free = false }
  for key, value in pairs(more or {}) do row[key] = value end
  return row
end

local batch = { free = { { 0 } } }

return {
  case("svd", { square }),
  case("svd", { tall }, { full_matrices = true }, { grad = false }),
  case("svd", { tall }, { full_matrices = false }),
  case("svd", { wide }, { full_matrices = false }),
  case("svd", { many }, { full_matrices = false }, batch),
  case("svd", { tall }, { compute_uv = false }),
  case("svd", { many }, { full_matrices = false, compute_uv = false }, batch),
  case("svd", { many }, { full_matrices = false },
    { free = { { 0 } }, big = { real { 9, 20, 12 } }, grad = false }),
  case("eigh", { symmetric }),
  case("eigh", { two }, nil, { free = { { 0 } } }),
  case("pinv", { square }),
  case("pinv", { tall }),
  case("pinv", { many }, nil, batch),
  case("pinv", { wide }, { rcond = 0.1 }, { grad = false }),
  case("matrix_rank", { tall }),
  case("matrix_rank", { many }, { tol = 1.5 }, batch),
  case("lstsq", { tall, exact({ 1, 2, -1, 3 }, 4) }),
  case("lstsq", { square, exact({ 1, 2, -1, 3, 0.5, 1 }, 3, 2) }),
  case("lstsq", { tall, exact({ 1, 2, -1, 3 }, 4) }, { rcond = 0.2 }, { grad = false }),
  case("lu_factor", { square }),
  case("lu_factor", { exact({ 1, 2, 3, 4, 5, 6, 7, 1, 9, 0, 1, 2, 4, 4, 1, 1, 0.5, 2 }, 2, 3, 3) },
    nil, batch),
  case("cholesky_inverse", { triangle }),
  case("cholesky_inverse", { exact({ 2, 1, 0, 3 }, 2, 2) }, { upper = true }),
}
