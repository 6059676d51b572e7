-- What the specs of saving run in processes of their own:
--   train FOLDER           each case for 4 epochs, saved after the second and at the end
--   go_on FOLDER           each case from the first of these files, saved at the end
--   fit FOLDER CASE FREQ [PID EPOCH BATCH]
--                          5 epochs with BackupAndRestore; the process PID, which is this one, is
--                          killed in this batch; else saved as FOLDER/end.safetensors

package.path = "lua/?.lua;lua/?/init.lua;./?.lua;" .. package.path

local k = require "lunula"
local going_on = require "spec.support.going_on"

local run = {}

function run.train(folder)
  for _, name in ipairs(going_on.names) do
    local case = going_on.cases[name]
    local model = going_on.model(case)
    going_on.fit(model, case, 0, 4, { { on_epoch_end = function (_, epoch)
      if epoch == 1 then model:save(("%s/%s.safetensors"):format(folder, name)) end
    end } })
    model:save(("%s/%s.whole.safetensors"):format(folder, name))
  end
end

function run.go_on(folder)
  for _, name in ipairs(going_on.names) do
    local case = going_on.cases[name]
    local model = k.models.load_model(("%s/%s.safetensors"):format(folder, name))
    going_on.fit(model, case, 2, 4)
    model:save(("%s/%s.parts.safetensors"):format(folder, name))
  end
end

function run.fit(folder, name, freq, pid, epoch, batch)
  local case = going_on.cases[name]
  local model = going_on.model(case)
  local now
  local history = going_on.fit(model, case, 0, 5, {
    k.callbacks.BackupAndRestore { folder .. "/backup", save_freq = tonumber(freq) or freq },
    {
      on_epoch_begin = function (_, number) now = number end,
      on_train_batch_begin = function (_, number)
        if pid and now == tonumber(epoch) and number == tonumber(batch) then
          os.execute("kill -9 " .. pid)
        end
      end,
    },
  })
  model:save(folder .. "/end.safetensors")
  print(table.concat(history.epoch, " "))
end

run[arg[1]](table.unpack(arg, 2))
