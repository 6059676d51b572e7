-- Products of tensors and norms.

local from = require "spec.support.ops_inputs"
local real = from.real

local a, b = real { 3, 4 }, real { 4, 2, seed = 2 }
local many_a, many_b = real { 2, 3, 4 }, real { 2, 4, 5, seed = 2 }

-- Sums of its rows and of its columns are far from each other.
local uneven = from.exact({ 1, -2, 4, 0.5, -3, 8, 3, 1, -1, 2, -6, 1.5 }, { shape = { 2, 2, 3 } })

local function einsum(subscripts, operands, options)
  local row = { "einsum", operands, { subscripts = subscripts }, call = "einsum" }
  for key, value in pairs(options or {}) do row[key] = value end
  return row
end

-- The first pivots are not where elimination begins.
-- Whole numbers, exact and beyond int32, where they wrap.
local whole_a = from.exact({ 100000001, 3, -2000000011, 7, 2, -5 },
  { shape = { 2, 3 }, dtype = "int32" })
local whole_b = from.exact({ 1, 2, 0, 0, 0, 1, -3, 50, 2, 4, 4, 4 },
  { shape = { 4, 3 }, dtype = "int32" })

local function whole_product(data)
  local y = {}
  for i = 0, 1 do
    for j = 0, 3 do
      local sum = 0
      for k = 1, 3 do sum = sum + data[1][i * 3 + k] * data[2][j * 3 + k] end
      y[#y + 1] = (sum + (1 << 31)) % (1 << 32) - (1 << 31)
    end
  end
  return y
end

local matrix = from.exact({ 0.5, 2, -1, 1.5, 0.25, 1, -3, 1, 0.75 }, { shape = { 3, 3 } })
local matrices = from.exact({ 0.5, 2, -1, 1.5, 0.25, 1, -3, 1, 0.75,
  2, 0, 1, 0.5, -1, 3, 1, 1.5, -0.5 }, { shape = { 2, 3, 3 } })
local positive_matrix = from.exact({ 4, 1, -0.5, 1, 3, 0.75, -0.5, 0.75, 2 }, { shape = { 3, 3 } })

local both = { { 0 }, { 0 } }
local two_each = { { 0, 1 }, { 0, 1 } }

return {
  { "matmul", { a, b }, big = { real { 190, 130 }, real { 130, 270, seed = 2 } } },
  { "matmul", { many_a, many_b }, free = { { 0, 1 }, { 0 } },
    big = { real { 5, 90, 70 }, real { 5, 70, 80, seed = 2 } } },
  { "matmul", { many_a, real { 4, 5 } }, free = { { 0, 1 } } },
  { "matmul", { real { 3, 4 }, many_b } },
  { "matmul", { real { 2, 1, 3, 4 }, real { 3, 4, 2 } } },
  { "matmul", { real { 4 }, real { 4, seed = 2 } } },
  { "matmul", { a, real { 4 } } },
  { "matmul", { real { 3 }, a }, free = false },
  { "matmul", { many_a, real { 4 } } },
  { "matmul", { real { 4 }, many_b }, free = { {}, { 0 } } },
  { "matmul", { whole_a, whole_b }, { transpose_b = true }, ref = whole_product, tol = 0,
    big = { from.ints { 300, 401 }, from.ints { 299, 401 } } },
  { "matmul", { real { 4, 3 }, real { 2, 4 } }, { transpose_a = true, transpose_b = true },
    free = false,
    ref = function (data)
      local y = {}
      for i = 0, 2 do
        for j = 0, 1 do
          local sum = 0
          for k = 0, 3 do sum = sum + data[1][k * 3 + i + 1] * data[2][j * 4 + k + 1] end
          y[#y + 1] = sum
        end
      end
      return y
    end },
  { "dot", { a, b } },
  { "dot", { real { 4 }, real { 4, seed = 2 } } },
  { "dot", { many_a, real { 3, 4, 2 } }, free = { { 0, 1 } } },
  { "dot", { a, from.scalar(3) } },
  { "dot", { many_a, real { 4 } } },
  { "inner", { a, real { 2, 4, seed = 2 } } },
  { "inner", { real { 4 }, real { 4, seed = 2 } } },
  { "vdot", { a, real { 3, 4, seed = 2 } }, free = both },
  { "outer", { real { 3 }, real { 2, seed = 2 } } },
  { "outer", { a, real { 2, seed = 2 } } },
  { "tensordot", { many_a, real { 3, 4, 5, seed = 2 } } },
  { "tensordot", { many_a, real { 4, 2, seed = 2 } }, { axes = 1 }, free = { { 0, 1 } } },
  { "tensordot", { many_a, real { 4, 5, 3, seed = 2 } }, { axes = { { 1, 2 }, { 2, 0 } } } },
  { "tensordot", { real { 2 }, real { 3, seed = 2 } }, { axes = 0 } },
  { "tensordot", { many_a, real { 5, 4 } }, { axes = { 2, 1 } } },
  { "kron", { real { 2, 3 }, real { 2, 2, seed = 2 } }, free = false },
  { "kron", { real { 2 }, real { 2, 2, seed = 2 } }, free = false },
  { "cross", { real { 5, 3 }, real { 5, 3, seed = 2 } }, free = both },
  { "cross", { real { 5, 2 }, real { 5, 2, seed = 2 } } },
  { "cross", { real { 5, 2 }, real { 5, 3, seed = 2 } } },
  { "cross", { real { 3, 5 }, real { 3, 5, seed = 2 } }, { axis = 0 }, free = { { 1 }, { 1 } } },

  einsum("ij,jk->ik", { a, b }),
  einsum("bij,bjk->bik", { many_a, many_b }, { free = both }),
  einsum("bij,bjk->ikb", { many_a, many_b }, { free = both }),
  einsum("abc,cde->abde", { many_a, real { 4, 2, 3, seed = 2 } }, { free = { { 0, 1 } } }),
  einsum("abcd,cde->abe", { real { 2, 3, 2, 4 }, real { 2, 4, 5, seed = 2 } }),
  einsum("bqhd,bkhd->bhqk", { real { 2, 3, 2, 4 }, real { 2, 5, 2, 4, seed = 2 } },
    { free = two_each }),
  einsum("bhqk,bkhd->bqhd", { real { 2, 2, 3, 5 }, real { 2, 5, 2, 4, seed = 2 } },
    { free = { { 0, 2, 3 }, { 0, 1 } } }),
  einsum("...ij,jk->...ik", { many_a, b }),
  einsum("...ij,...jk->...ik", { real { 2, 1, 3, 4 }, real { 3, 4, 2, seed = 2 } }),
  einsum("ab...,bc->ac...", { many_a, real { 3, 2, seed = 2 } }),
  einsum("i,j->ij", { real { 3 }, real { 2 } }),
  einsum("i,j", { real { 3 }, real { 2 } }),
  einsum("ij->ji", { a }),
  einsum("ij->", { a }),
  einsum("ij->j", { a }),
  einsum("ii", { real { 3, 3 } }, { free = false }),
  einsum("bii->bi", { real { 2, 3, 3 } }),
  einsum("ij,ij->i", { a, real { 3, 4, seed = 2 } }, { free = both }),
  einsum("ij,jk,kl->il", { a, b, real { 2, 3, seed = 3 } }),
  einsum("i,i,i->i", { real { 3 }, real { 3, seed = 2 }, real { 3, seed = 3 } }),
  einsum("bi,bj->bij", { a, real { 3, 2, seed = 2 } }, { free = both }),
  einsum("ijk,l->jl", { many_a, real { 2 } }),

  { "solve", { matrix, real { 3, 2, seed = 4 } }, free = false, tol = 1e-4 },
  { "solve", { matrix, real { 3, seed = 4 } }, free = false, tol = 1e-4 },
  { "solve", { matrices, real { 2, 3, 2, seed = 4 } }, tol = 1e-4 },
  { "inv", { matrix }, free = false, tol = 1e-4 },
  { "inv", { matrices }, tol = 1e-4 },
  { "det", { matrix }, free = false, tol = 1e-4 },
  { "det", { matrices }, tol = 1e-4 },
  { "slogdet", { matrices }, tol = 1e-4 },
  { "logdet", { positive_matrix }, free = false, tol = 1e-4 },
  { "solve_triangular", { matrices, real { 2, 3, 2, seed = 4 } }, { lower = true }, tol = 1e-4 },
  { "solve_triangular", { matrix, real { 3, 2, seed = 4 } }, free = false, tol = 1e-4 },
  { "cholesky", { positive_matrix }, free = false, tol = 1e-4 },
  { "cholesky", { positive_matrix }, { upper = true }, free = false, tol = 1e-4 },
  { "qr", { real { 4, 3 } }, free = false, tol = 1e-4, second = false },
  { "qr", { real { 2, 3, 3 } }, { mode = "complete" }, tol = 1e-4, second = false },
  { "qr", { real { 4, 2 } }, { mode = "complete" }, free = false, tol = 1e-4, second = false },
  { "qr", { real { 2, 4 } }, free = false, tol = 1e-4, second = false },
  { "norm", { a } },
  { "norm", { real { 5 } }, { ord = 1 } },
  { "norm", { real { 5 } }, { ord = 2 } },
  { "norm", { a }, { axis = 1 } },
  { "norm", { a }, { ord = 3, axis = 1 } },
  { "norm", { real { 5 } }, { ord = 0 }, grad = false },
  { "norm", { a }, { ord = math.huge, axis = 1 } },
  { "norm", { a }, { ord = -math.huge, axis = -1, keepdims = true } },
  { "norm", { many_a }, { ord = "fro", axis = { 1, 2 } } },
  { "norm", { uneven }, { ord = 1, axis = { 1, 2 } } },
  { "norm", { uneven }, { ord = -1, axis = { 1, 2 }, keepdims = true } },
  { "norm", { uneven }, { ord = math.huge, axis = { 1, 2 } } },
  { "norm", { a }, { ord = -math.huge } },
  { "norm", { matrix }, { ord = 2, axis = { 0, 1 } }, free = false, tol = 1e-4, second = false },
  { "norm", { matrix }, { ord = -2, axis = { 0, 1 }, keepdims = true }, free = false, tol = 1e-4,
    second = false },
  { "norm", { uneven }, { ord = "nuc", axis = { 1, 2 } }, tol = 1e-4, second = false },
  { "norm", { uneven }, { ord = 2, axis = { 2, 0 }, keepdims = true }, tol = 1e-4,
    second = false },
}
