-- Labels without times beside frames of scores: how probable they are (a row of C, ops/ctc.c), and
-- which ones it may have been.

local core = require "lunula.core"
local tools = require "lunula.ops.tools"

local ops, op = core.ops, tools.family "nn"
local paths, beams = tools.row "ctc_loss", tools.row "ctc_decode"

-- The class of the blank, from 0; none said: the last one.
local function blank_of(name, x, mask_index)
  local classes = x.shape[3]
  if mask_index and mask_index >= 0 then return mask_index end
  if not classes then
    core.raise("%s: a mask_index from the end needs a known number of classes", name)
  end
  return (mask_index or -1) + classes
end

op("ctc_loss", "target, output, target_length, output_length, mask_index:int=0",
  "-log of the probability of the first target_length labels of target (batch, labels), given the "
  .. "first output_length frames of logits (batch, frames, classes); mask_index is the blank. "
  .. "Infinite, with a gradient of 0, where the labels do not fit into the frames.",
  function (target, output, target_length, output_length, mask_index)
    if output.rank ~= 3 then
      core.raise("ctc_loss: output is (batch, frames, classes), got %s",
        tools.shape_text(output.shape))
    end
    local logs = ops.log_softmax(tools.float(output), -1)
    return (paths(tools.cast(target, "int32"), logs, tools.cast(target_length, "int32"),
      tools.cast(output_length, "int32"), blank_of("ctc_loss", output, mask_index)))
  end, { file_class = "nn.CTCLoss" })

-- The most probable class of each frame; blanks left out, and what is the same as before.
local function greedy(x, lengths, merges, blank)
  local best, score = ops.argmax(x, -1), ops.max(x, -1, false)
  local at = ops.iota_like(best, 1)
  local is_frame = ops.less(at, ops.expand_dims(lengths, 1))
  local counts = is_frame & ops.not_equal(best, blank)
  if merges then
    local before = tools.part(tools.pad(best, 1, 1, 0, -1), 1, 0, tools.size(best, 1))
    counts = counts & ops.not_equal(best, before)
  end
  local order = ops.argsort(ops.where(counts, at, 0x7fffffff), 1)
  local labels = ops.take_along_axis(ops.where(counts, best, -1), order, 1)
  return ops.expand_dims(labels, 0), -ops.sum(ops.where(is_frame, score, 0), 1, true)
end

op("ctc_decode", "inputs, sequence_lengths, strategy:str=\"greedy\", beam_width:int=100, "
  .. "top_paths:int=1, merge_repeated:bool=true, mask_index:int?=0",
  "Labels of logits (batch, frames, classes), as (paths, batch, frames), -1 behind them, and a "
  .. "number for each: greedy, the most probable class of each frame, minus the sum of its logits; "
  .. "beam_search, the top_paths most probable ones, the logarithm of the probability (-inf where "
  .. "there are no so many). mask_index is the blank, None: the last class.",
  function (inputs, sequence_lengths, strategy, beam_width, top_paths, merge_repeated, mask_index)
    if strategy ~= "greedy" and strategy ~= "beam_search" then
      core.raise("ctc_decode: strategy must be greedy or beam_search, got \"%s\"", strategy)
    end
    local a, b = inputs.shape[1], sequence_lengths.shape[1]
    if inputs.rank ~= 3 or sequence_lengths.rank ~= 1 or a and b and a ~= b then
      core.raise("ctc_decode: inputs are (batch, frames, classes), sequence_lengths (batch,): got "
        .. "%s and %s", tools.shape_text(inputs.shape), tools.shape_text(sequence_lengths.shape))
    end
    local x, lengths = tools.float(inputs), tools.cast(sequence_lengths, "int32")
    if b then x = tools.with_size(x, 0, b) end -- what is not known to fit must turn out so
    if not (a and b) then lengths = ops.reshape(lengths, { tools.size(x, 0) }) end
    local blank = blank_of("ctc_decode", x, mask_index)
    if strategy == "greedy" then return greedy(x, lengths, merge_repeated, blank) end
    return beams(x, lengths, beam_width, top_paths, blank)
  end, { file_class = "nn.CTCDecode" })
