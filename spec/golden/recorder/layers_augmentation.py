"""Cases of the layers that make more images of some, where nothing is left to chance: at inference,
and in training with factors whose two ends are equal. They run on TensorFlow, as most users have
them; without gradients, which nobody asks of them. Draws of Keras: image_draws.py.
"""

from keras import layers as L

from .cases import cases_of, const, uniform

FIRST = {"data_format": "channels_first"}
BYTES = uniform(0, 255, 2, 5, 6, 3)
UNIT = uniform(0, 1, 2, 4, 5, 3)


def training(name, label, make, images):
    cases_of(name, engine="tensorflow")(label, make, images, training=True, gradients=False)


INFERENCE = {
    "RandomInvert": lambda: L.RandomInvert(0.5, seed=3),
    "RandomGrayscale": lambda: L.RandomGrayscale(0.5, seed=3),
    "RandomPosterization": lambda: L.RandomPosterization(4, seed=3),
    "RandomColorDegeneration": lambda: L.RandomColorDegeneration(0.5, seed=3),
    "RandomSharpness": lambda: L.RandomSharpness(0.5, seed=3),
    "RandomHue": lambda: L.RandomHue(0.5, seed=3),
    "RandomSaturation": lambda: L.RandomSaturation(0.5, seed=3),
    "RandomShear": lambda: L.RandomShear((0.1, 0.3), 0.0, seed=3),
    "RandomErasing": lambda: L.RandomErasing(seed=3),
    "RandomGaussianBlur": lambda: L.RandomGaussianBlur(seed=3),
    "RandomElasticTransform": lambda: L.RandomElasticTransform(seed=3),
    "RandomPerspective": lambda: L.RandomPerspective(seed=3),
    "RandomColorJitter": lambda: L.RandomColorJitter(brightness_factor=0.3, hue_factor=0.1,
                                                     seed=3),
    "Solarization": lambda: L.Solarization(0.2, 0.4, seed=3),
    "Equalization": lambda: L.Equalization(),
    "MixUp": lambda: L.MixUp(seed=3),
    "CutMix": lambda: L.CutMix(seed=3),
    "RandAugment": lambda: L.RandAugment(seed=3),
    "AugMix": lambda: L.AugMix(seed=3),
}
for name, make in INFERENCE.items():
    cases_of(name, engine="tensorflow")("inference", make, BYTES, training=False, gradients=False)

case = cases_of("MaxNumBoundingBoxes", engine="tensorflow", gradients=False)
case("images alone", lambda: L.MaxNumBoundingBoxes(3), BYTES)
case("a format", lambda: L.MaxNumBoundingBoxes(2, fill_value=0, bounding_box_format="rel_xyxy"),
     BYTES)

training("RandomInvert", "all", lambda: L.RandomInvert((1.0, 1.0)), BYTES)
training("RandomInvert", "none", lambda: L.RandomInvert((0.0, 0.0)), BYTES)
training("RandomInvert", "of one", lambda: L.RandomInvert((1.0, 1.0), value_range=(0, 1)), UNIT)
training("RandomGrayscale", "all", lambda: L.RandomGrayscale(1.0), BYTES)
training("RandomGrayscale", "channels first", lambda: L.RandomGrayscale(1.0, **FIRST),
         uniform(0, 255, 2, 3, 4, 5))
for bits in (1, 3, 8):
    training("RandomPosterization", f"{bits} bits", lambda b=bits: L.RandomPosterization((b, b)),
             BYTES)
training("RandomPosterization", "of one", lambda: L.RandomPosterization(
    (2, 2), value_range=(0, 1)), UNIT)
training("RandomColorDegeneration", "half", lambda: L.RandomColorDegeneration((0.5, 0.5)), BYTES)
training("RandomColorDegeneration", "away", lambda: L.RandomColorDegeneration(
    (-0.4, -0.4), value_range=(0, 1)), UNIT)
for factor in (0.0, 0.2, 0.5, 0.9):
    training("RandomSharpness", f"factor {factor}", lambda f=factor: L.RandomSharpness((f, f)),
             BYTES)
training("RandomSharpness", "channels first", lambda: L.RandomSharpness((0.8, 0.8), **FIRST),
         uniform(0, 255, 1, 2, 5, 5))
training("RandomHue", "nothing", lambda: L.RandomHue((0.0, 0.0)), BYTES)
training("RandomHue", "channels first", lambda: L.RandomHue((0.0, 0.0), **FIRST),
         uniform(0, 255, 2, 3, 4, 5))
for factor in (0.0, 0.3, 0.5, 0.7):
    training("RandomSaturation", f"factor {factor}", lambda f=factor: L.RandomSaturation(
        (f, f), value_range=(0, 1)), UNIT)
training("RandomSaturation", "channels first", lambda: L.RandomSaturation(
    (0.7, 0.7), value_range=(0, 1), **FIRST), uniform(0, 1, 2, 3, 4, 5))
training("RandomSaturation", "bytes", lambda: L.RandomSaturation((0.6, 0.6)), BYTES)
cases_of("RandomShear", engine="tensorflow")(      # Keras refuses to read its config
    "one number", lambda: L.RandomShear(0.3, 0.2), BYTES, training=False, gradients=False)
training("RandomShear", "nothing", lambda: L.RandomShear(0.0, 0.0), BYTES)
training("RandomErasing", "none", lambda: L.RandomErasing((0.0, 0.0)), BYTES)
training("RandomGaussianBlur", "all", lambda: L.RandomGaussianBlur(
    (1.0, 1.0), sigma=(0.7, 0.7)), BYTES)
training("RandomGaussianBlur", "wide", lambda: L.RandomGaussianBlur(
    (1.0, 1.0), kernel_size=5, sigma=(1.0, 1.0), value_range=(0, 1), **FIRST),
    uniform(0, 1, 2, 3, 4, 5))
training("RandomElasticTransform", "none", lambda: L.RandomElasticTransform((0.0, 0.0)), BYTES)
training("RandomPerspective", "nothing", lambda: L.RandomPerspective(scale=0.0), BYTES)
training("RandomColorJitter", "brightness and saturation", lambda: L.RandomColorJitter(
    brightness_factor=(0.1, 0.1), saturation_factor=(0.4, 0.4)), BYTES)
training("Solarization", "all", lambda: L.Solarization(), BYTES)
training("Solarization", "of one", lambda: L.Solarization(value_range=(0, 1)), UNIT)
training("AutoContrast", "bytes", lambda: L.AutoContrast(), BYTES)
training("AutoContrast", "of one", lambda: L.AutoContrast(value_range=(0, 1)), UNIT)
training("AutoContrast", "a channel of one value", lambda: L.AutoContrast(),
         const([[[[7.0, 1.0], [7.0, 3.0]]]]))
training("Equalization", "bytes", lambda: L.Equalization(), BYTES)
training("Equalization", "of one", lambda: L.Equalization(value_range=(0, 1)), UNIT)
training("Equalization", "channels first", lambda: L.Equalization(**FIRST),
         uniform(0, 255, 2, 3, 4, 5))
training("Equalization", "16 bins", lambda: L.Equalization(bins=16), BYTES)
training("Equalization", "one value", lambda: L.Equalization(), const([[[[7.0], [7.0]]]]))
for label, shape, options in (
        ("even", (2, 16, 16, 3), {}), ("uneven", (1, 11, 13, 2), {"tile_grid_size": (3, 4)}),
        ("no limit", (1, 8, 8, 1), {"clip_limit": 0.0, "tile_grid_size": (2, 2)}),
        ("one image", (9, 6, 3), {"tile_grid_size": (2, 3), "clip_limit": 1.5})):
    training("ContrastLimitedAdaptiveHistogramEqualization", label,
             lambda o=options: L.ContrastLimitedAdaptiveHistogramEqualization(**o),
             uniform(0, 255, *shape))
training("ContrastLimitedAdaptiveHistogramEqualization", "channels first",
         lambda: L.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2), **FIRST),
         uniform(0, 255, 1, 2, 6, 8))
