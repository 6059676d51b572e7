-- Connectionist temporal classification: labels without times against frames of class scores.

local core = require "lunula.core"
local ops = require "lunula.ops"
local loss = require("lunula.losses.loss").declare

loss "CTC" {
  doc = "-log P of labels (batch, n), padded with 0 = blank, given scores (batch, frames, classes)",
  takes_class_ids = true,
  call = function(self, y_true, y_pred)
    if y_pred.rank ~= 3 or y_true.rank ~= 2 then
      core.raise("loss %s takes labels (batch, n) and scores (batch, frames, classes)", self.name)
    end
    local labels = ops.cast(y_true, "int32")
    local count = ops.sum(ops.cast(ops.not_equal(labels, 0), "int32"), 1)
    return ops.ctc_loss(labels, y_pred, count, ops.zeros_like(count) + ops.dim(y_pred, 1))
  end,
}
