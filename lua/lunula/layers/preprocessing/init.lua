local classes = {
  category_encoding = "CategoryEncoding", discretization = "Discretization",
  hashed_crossing = "HashedCrossing", hashing = "Hashing", integer_lookup = "IntegerLookup",
  mel_spectrogram = "MelSpectrogram", normalization = "Normalization", pipeline = "Pipeline",
  rescaling = "Rescaling", stft_spectrogram = "STFTSpectrogram", string_lookup = "StringLookup",
  text_vectorization = "TextVectorization",
}

for file, name in pairs {
  aug_mix = "AugMix",
  auto_contrast = "AutoContrast",
  center_crop = "CenterCrop",
  clahe = "ContrastLimitedAdaptiveHistogramEqualization",
  cut_mix = "CutMix",
  equalization = "Equalization",
  max_num_bounding_box = "MaxNumBoundingBoxes",
  mix_up = "MixUp",
  rand_augment = "RandAugment",
  random_brightness = "RandomBrightness",
  random_color_degeneration = "RandomColorDegeneration",
  random_color_jitter = "RandomColorJitter",
  random_contrast = "RandomContrast",
  random_crop = "RandomCrop",
  random_elastic_transform = "RandomElasticTransform",
  random_erasing = "RandomErasing",
  random_flip = "RandomFlip",
  random_gaussian_blur = "RandomGaussianBlur",
  random_grayscale = "RandomGrayscale",
  random_hue = "RandomHue",
  random_invert = "RandomInvert",
  random_perspective = "RandomPerspective",
  random_posterization = "RandomPosterization",
  random_rotation = "RandomRotation",
  random_saturation = "RandomSaturation",
  random_sharpness = "RandomSharpness",
  random_shear = "RandomShear",
  random_translation = "RandomTranslation",
  random_zoom = "RandomZoom",
  resizing = "Resizing",
  solarization = "Solarization",
} do
  classes["image_preprocessing." .. file] = name
end

return classes
