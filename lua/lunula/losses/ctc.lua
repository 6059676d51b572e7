-- Connectionist temporal classification: labels without times against frames of class scores.
--
-- The forward algorithm over the labels with blanks (class 0) between them, in logarithms. A frame
-- is a step in Lua at trace time, so the number of frames must be known.

local core = require "lunula.core"
local ops = require "lunula.ops"
local loss = require("lunula.losses.loss").declare

local impossible <const> = -1e9

local function int(x) return ops.cast(x, "int32") end

-- Columns first … first+count-1 of a (batch, n) tensor.
local function columns(x, first, count)
  return ops.slice(x, { 0, first }, { -1, count })
end

-- x moved right by n columns; what comes in is impossible.
local function shifted(x, n, width)
  return ops.concatenate({ ops.full_like(columns(x, 0, n), impossible),
    columns(x, 0, width - n) }, 1)
end

-- {0, a, 0, b, 0} for the labels {a, b}.
local function with_blanks(labels)
  local shape = labels.shape
  local pairs_of = ops.stack({ ops.zeros_like(labels), labels }, 2)
  local flat = ops.reshape(pairs_of, { -1, 2 * shape[2] })
  return ops.concatenate({ flat, ops.zeros_like(columns(flat, 0, 1)) }, 1)
end

-- log P(labels | frames), the frames as log-probabilities.
local function log_likelihood(labels, logs, frames)
  local path = with_blanks(labels)
  local width = path.shape[2]
  local function scores(t)
    local frame = ops.squeeze(ops.slice(logs, { 0, t, 0 }, { -1, 1, -1 }), 1)
    return ops.take_along_axis(frame, path, 1)
  end
  -- A blank between two labels may be skipped unless they are equal.
  local before = ops.concatenate({ columns(path, 0, 2), columns(path, 0, width - 2) }, 1)
  local may_skip = ops.logical_and(ops.not_equal(path, 0), ops.not_equal(path, before))
  local place = ops.cumsum(ops.ones_like(path), 1)           -- 1, 2, 3, …
  local alpha = ops.where(ops.less_equal(place, 2), scores(0), impossible)
  for t = 1, frames - 1 do
    local skipped = ops.where(may_skip, shifted(alpha, 2, width), impossible)
    alpha = ops.logaddexp(ops.logaddexp(alpha, shifted(alpha, 1, width)), skipped) + scores(t)
  end
  local length = ops.sum(int(ops.not_equal(labels, 0)), 1, true)
  local last_blank = ops.take_along_axis(alpha, 2 * length, 1)
  local last_label = ops.take_along_axis(alpha, ops.maximum(2 * length - 1, 0), 1)
  local both = ops.logaddexp(last_blank, last_label)
  return ops.squeeze(ops.where(ops.equal(length, 0), last_blank, both), 1)
end

loss "CTC" {
  doc = "-log P of labels (batch, n), padded with 0 = blank, given scores (batch, frames, classes)",
  takes_class_ids = true,
  call = function(self, y_true, y_pred)
    local labels, shape = int(y_true), y_pred.shape
    if #shape ~= 3 or labels.rank ~= 2 then
      core.raise("loss %s takes labels (batch, n) and scores (batch, frames, classes)", self.name)
    end
    if not shape[2] or not labels.shape[2] then
      core.raise("loss %s needs a known number of frames and of labels", self.name)
    end
    return -log_likelihood(labels, ops.log_softmax(y_pred, -1), shape[2])
  end,
}
