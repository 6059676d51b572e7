-- One registrar for everything that has a constructor in Keras: layers, initializers, losses,
-- optimizers.
--
-- A class is declared once, by the list of its arguments in Keras's order. From that list come the
-- calling forms of the constructor, the checks, get_config and from_config, the registry, tostring
-- and the help text. It knows no kind of object: what an argument may be is the business of
-- kinds.lua. This is its face; each idea has its file.

local late = require "lunula.late"
local words = require "lunula.declare.words"
local lists = require "lunula.declare.lists"
local options = require "lunula.declare.options"
local objects = require "lunula.declare.objects"
local registry = require "lunula.declare.registry"
local custom_objects = require "lunula.declare.custom_objects"
local configs = require "lunula.declare.configs"
local meanings = late(function () return require "lunula.declare.meanings" end)
local texts = require "lunula.declare.texts"
local classes = require "lunula.declare.classes"
local lookup = require "lunula.declare.lookup"
local catalogues = require "lunula.declare.catalogues"

return {
  snake_case = words.snake_case, distance = words.distance, nearest = words.nearest,
  suggestion = words.suggestion, show = words.show, length = words.length,

  list = lists.of,

  is_plain = options.is_plain, only_names = options.only_names,

  class_of = objects.class_of, is = objects.is, absent = objects.absent,

  homes = registry.homes, home = registry.home, registry = registry.registry,
  register = registry.register, later = registry.later, set_file_name = registry.set_file_name,

  custom_object_scope = custom_objects.custom_object_scope,
  with_custom_objects = custom_objects.with_custom_objects,
  register_for_good = custom_objects.register_for_good,
  custom_objects = custom_objects.custom_objects, custom_object = custom_objects.custom_object,
  name_of = custom_objects.name_of, function_record = custom_objects.function_record,

  get_config = configs.get_config, from_config = configs.from_config,
  serialize = configs.serialize,

  said = texts.said, text = texts.text, help = texts.help, shown_arguments = texts.arguments,
  kind_and_default = texts.kind_and_default, signature = texts.signature,
  meaning = function (class, arg) return meanings.of(class, arg) end,

  class = classes.class, is_class = classes.is_class,

  sharing = lookup.sharing, knows = lookup.knows, find = lookup.find, get = lookup.get,

  catalogue = catalogues.of, late_catalogue = catalogues.late,
}
