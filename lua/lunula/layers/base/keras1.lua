-- The names that the options of our layers had in Keras 1: border_mode for padding, nb_filter for
-- filters. Each stands here once, for the layers that had it then.
--
-- A name is an alias of today's option; where its values were others they are translated. The
-- sizes of a kernel were options of their own, and came by position: Conv2D{64, 3, 3,
-- border_mode="same"} is 64 filters of 3x3. Without a name of Keras 1 the second 3 is the strides,
-- as in Keras 2 and 3.

local core = require "lunula.core"

local keras1 = {}

-- ---- names ------------------------------------------------------------------------------------

local kernel = "kernel_initializer=init kernel_regularizer=W_regularizer use_bias=bias "
  .. "bias_regularizer=b_regularizer kernel_constraint=W_constraint bias_constraint=b_constraint "
local image = "data_format=dim_ordering "
local conv = kernel .. image .. "filters=nb_filter padding=border_mode "
local recurrent = "recurrent_initializer=inner_init recurrent_activation=inner_activation "
  .. "recurrent_regularizer=U_regularizer unit_forget_bias=forget_bias_init dropout=dropout_W "
  .. "recurrent_dropout=dropout_U implementation=consume_less "

-- Class -> today's names and those of Keras 1.
local spellings = {
  Dense = "units=output_dim " .. kernel,
  Embedding = "embeddings_initializer=init embeddings_regularizer=W_regularizer "
    .. "embeddings_constraint=W_constraint",
  BatchNormalization = "beta_initializer=beta_init gamma_initializer=gamma_init",
  Conv1D = conv .. "kernel_size=filter_length strides=subsample_length dilation_rate=atrous_rate",
  Conv2D = conv .. "strides=subsample dilation_rate=atrous_rate",
  Conv3D = conv .. "strides=subsample",
  Conv2DTranspose = conv .. "strides=subsample",
  SeparableConv2D = image .. "filters=nb_filter padding=border_mode strides=subsample "
    .. "use_bias=bias bias_regularizer=b_regularizer bias_constraint=b_constraint",
  LocallyConnected1D = conv .. "kernel_size=filter_length strides=subsample_length",
  LocallyConnected2D = conv .. "strides=subsample",
  UpSampling1D = "size=length",
  Dropout = "rate=p", GaussianDropout = "rate=p", SpatialDropout1D = "rate=p",
  SpatialDropout2D = "rate=p " .. image, SpatialDropout3D = "rate=p " .. image,
  GaussianNoise = "stddev=sigma",
}

for _, name in ipairs { "MaxPooling", "AveragePooling" } do
  spellings[name .. "1D"] = "pool_size=pool_length strides=stride padding=border_mode"
  spellings[name .. "2D"] = image .. "padding=border_mode"
  spellings[name .. "3D"] = image .. "padding=border_mode"
end

for _, name in ipairs {
  "GlobalMaxPooling", "GlobalAveragePooling", "ZeroPadding", "Cropping", "UpSampling",
} do
  spellings[name .. "2D"], spellings[name .. "3D"] = image, image
end

for _, name in ipairs {
  "SimpleRNN", "GRU", "LSTM", "SimpleRNNCell", "GRUCell", "LSTMCell", "CuDNNGRU", "CuDNNLSTM",
} do
  spellings[name] = "units=output_dim " .. kernel .. recurrent
end

for _, name in ipairs { "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D" } do
  spellings[name] = conv .. "strides=subsample " .. recurrent
end

-- ---- values -----------------------------------------------------------------------------------

-- What is no value of Keras 1 is left to the check of today's option.
local function translation(values)
  return function (value)
    local meant = values[value]
    if meant == nil then return value end
    return meant
  end
end

local translations = {
  dim_ordering = translation { th = "channels_first", tf = "channels_last" },
  forget_bias_init = translation { one = true, ones = true, zero = false, zeros = false },
  consume_less = translation { cpu = 0, mem = 1, gpu = 2 },
}

-- ---- declarations -----------------------------------------------------------------------------

-- The rows of a declaration's args with the old names as aliases.
function keras1.with_old_names(class_name, args)
  local old = {}
  for new, name in (spellings[class_name] or ""):gmatch "([%w_]+)=([%w_]+)" do old[new] = name end
  local rows = {}
  for i, row in ipairs(args or {}) do
    local name = type(row) == "table" and old[row[1]]
    rows[i] = row
    if name then
      local own = {}
      for key, value in pairs(row) do own[key] = value end
      own.alias, own.translate = name, translations[name]
      rows[i] = own
    end
  end
  return rows
end

local sizes = {
  [2] = { "nb_row", "nb_col" }, [3] = { "kernel_dim1", "kernel_dim2", "kernel_dim3" },
}

local function given_sizes(class, named)
  local list, names = {}, sizes[class.rank]
  for i, name in ipairs(names) do list[i] = named[name] end
  if next(list) == nil then return nil end
  if #list < class.rank or named.kernel_size ~= nil then
    core.raise("%s: %s go together, in place of kernel_size", class.name,
      table.concat(names, ", "))
  end
  return list
end

local function is_of_keras1(class, named)
  for key in pairs(named) do
    local arg = class.by_name[key]
    if arg and arg.name ~= key then return true end
  end
  return false
end

-- For classes with a kernel of two or three sizes: what the constructor got, as it is said today.
function keras1.respell(class, positional, named)
  local list = given_sizes(class, named)
  if list then
    local kept = { kernel_size = list }
    for key, value in pairs(named) do kept[key] = value end
    for _, name in ipairs(sizes[class.rank]) do kept[name] = nil end
    return positional, kept
  end
  local last = class.rank + 1
  if positional.n ~= last or not is_of_keras1(class, named) then return positional, named end
  for i = 2, last do
    if not math.tointeger(positional[i]) then return positional, named end
  end
  return { positional[1], { table.unpack(positional, 2, last) }, n = 2 }, named
end

-- Is the class one of those?
function keras1.has_sizes(class_name, rank)
  local names = spellings[class_name]
  return names ~= nil and sizes[rank] ~= nil and names:find "nb_filter" ~= nil
    and not class_name:find "LSTM"
end

return keras1
