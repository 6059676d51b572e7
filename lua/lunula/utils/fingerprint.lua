-- Hashes of strings that are the same everywhere: FarmHash's 64-bit fingerprint, and SipHash-2-4
-- with a key of two integers. All sums and products wrap around at 64 bits, as Lua's integers do.

local unpack = string.unpack

local fingerprint = {}

local K0 <const>, K1 <const>, K2 <const> =
  0xc3a5c85c97cb3127, 0xb492b66fbe98f273, 0x9ae16a3b2f90404f

-- The 8 bytes, or 4, from position i on, which counts from 0.
local function fetch(s, i) return (unpack("<i8", s, i + 1)) end
local function fetch_half(s, i) return (unpack("<I4", s, i + 1)) end

local function rotate(x, n) return x >> n | x << (64 - n) end
local function mix(x) return x ~ x >> 47 end

local function hash16(u, v, factor)
  local a = mix((u ~ v) * factor)
  return mix((v ~ a) * factor) * factor
end

-- ---- FarmHash, by length ----------------------------------------------------------------------

local function up_to_16(s, n)
  if n >= 8 then
    local factor = K2 + n * 2
    local a, b = fetch(s, 0) + K2, fetch(s, n - 8)
    return hash16(rotate(b, 37) * factor + a, (rotate(a, 25) + b) * factor, factor)
  elseif n >= 4 then
    return hash16(n + (fetch_half(s, 0) << 3), fetch_half(s, n - 4), K2 + n * 2)
  elseif n > 0 then
    local a, b, c = s:byte(1), s:byte((n >> 1) + 1), s:byte(n)
    return mix((a + (b << 8)) * K2 ~ (n + (c << 2)) * K0) * K2
  end
  return K2
end

local function up_to_32(s, n)
  local factor = K2 + n * 2
  local a, b = fetch(s, 0) * K1, fetch(s, 8)
  local c, d = fetch(s, n - 8) * factor, fetch(s, n - 16) * K2
  return hash16(rotate(a + b, 43) + rotate(c, 30) + d, a + rotate(b + K2, 18) + c, factor)
end

local function up_to_64(s, n)
  local factor = K2 + n * 2
  local a, b = fetch(s, 0) * K2, fetch(s, 8)
  local c, d = fetch(s, n - 8) * factor, fetch(s, n - 16) * K2
  local y = rotate(a + b, 43) + rotate(c, 30) + d
  local z = hash16(y, a + rotate(b + K2, 18) + c, factor)
  local e, f = fetch(s, 16) * factor, fetch(s, 24)
  local g, h = (y + fetch(s, n - 32)) * factor, (z + fetch(s, n - 24)) * factor
  return hash16(rotate(e + f, 43) + rotate(g, 30) + h, e + rotate(f + a, 18) + g, factor)
end

-- Two numbers from the 32 bytes at i and two seeds.
local function weak32(s, i, a, b)
  local w, z = fetch(s, i), fetch(s, i + 24)
  a = a + w
  b = rotate(b + a + z, 21)
  local c = a
  a = a + fetch(s, i + 8) + fetch(s, i + 16)
  return a + z, b + rotate(a, 44) + c
end

local function longer(s, n)
  local x, y = 81, 81 * K1 + 113
  local z = mix(y * K2 + 113) * K2
  local v1, v2, w1, w2 = 0, 0, 0, 0
  x = x * K2 + fetch(s, 0)
  -- one block of 64 bytes; the last one, which ends with the string, has another factor
  local function block(i, factor, times)
    x = rotate(x + y + v1 + fetch(s, i + 8), 37) * factor
    y = rotate(y + v2 + fetch(s, i + 48), 42) * factor
    x = x ~ w2 * times
    y = y + v1 * times + fetch(s, i + 40)
    z = rotate(z + w1, 33) * factor
    v1, v2 = weak32(s, i, v2 * factor, x + w1)
    w1, w2 = weak32(s, i + 32, z + w2, y + fetch(s, i + 16))
    z, x = x, z
  end
  for i = 0, (n - 1) // 64 * 64 - 64, 64 do block(i, K1, 1) end
  local factor = K1 + ((z & 0xff) << 1)
  w1 = w1 + (n - 1 & 63)
  v1 = v1 + w1
  w1 = w1 + v1
  block(n - 64, factor, 9)
  return hash16(hash16(v1, w1, factor) + mix(y) * K0 + z, hash16(v2, w2, factor) + x, factor)
end

-- FarmHash's Fingerprint64.
function fingerprint.farm(s)
  local n = #s
  if n <= 16 then return up_to_16(s, n) end
  if n <= 32 then return up_to_32(s, n) end
  if n <= 64 then return up_to_64(s, n) end
  return longer(s, n)
end

-- The fingerprint of two fingerprints, in this order.
function fingerprint.join(a, b)
  local factor = 0xc6a4a7935bd1e995
  local x = ((a ~ factor) ~ mix(b * factor) * factor) * factor
  return mix(mix(x) * factor)
end

-- ---- SipHash ----------------------------------------------------------------------------------

-- SipHash-2-4 of a string; the key is two integers.
function fingerprint.sip(s, key1, key2)
  local a, b = key1 ~ 0x736f6d6570736575, key2 ~ 0x646f72616e646f6d
  local c, d = key1 ~ 0x6c7967656e657261, key2 ~ 0x7465646279746573
  local function round()
    a = a + b
    b = rotate(b, 51) ~ a
    a = rotate(a, 32)
    c = c + d
    d = rotate(d, 48) ~ c
    a = a + d
    d = rotate(d, 43) ~ a
    c = c + b
    b = rotate(b, 47) ~ c
    c = rotate(c, 32)
  end
  local function word(m)
    d = d ~ m
    round()
    round()
    a = a ~ m
  end
  local n = #s
  for i = 0, n - 8, 8 do word(fetch(s, i)) end
  local rest = s:sub(n - n % 8 + 1) .. ("\0"):rep(7 - n % 8) .. string.char(n & 255)
  word(fetch(rest, 0))
  c = c ~ 255
  for _ = 1, 4 do round() end
  return a ~ b ~ c ~ d
end

-- A hash, which counts as unsigned, as a number from 0 to n - 1.
function fingerprint.bucket(hash, n)
  return ((hash >> 1) % n * 2 + (hash & 1)) % n
end

return fingerprint
