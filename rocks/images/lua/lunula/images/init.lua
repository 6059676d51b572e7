-- PNG and JPEG: what lunula asks for when k.utils.load_img and its kin are called.

return {
  load_img = require "lunula.images.load",
  save_img = require "lunula.images.save",
  image_dataset_from_directory = require "lunula.images.dataset",
}
