"""Cases of normalization, and of the random layers as far as they are deterministic."""

from keras import layers as L

from .cases import cases_of, const, mask, then, x


def frozen(layer):
    layer.trainable = False


case = cases_of("BatchNormalization")
case("inference", lambda: L.BatchNormalization(), x(4, 3))
case("training", lambda: L.BatchNormalization(), x(5, 3), training=True)
case("training then inference", lambda: L.BatchNormalization(momentum=0.7), x(4, 3), training=True,
     then=(then(x(2, 3), training=True), then(x(3, 3), training=False)))
case("training rank 4", lambda: L.BatchNormalization(momentum=0.8, epsilon=0.01), x(2, 3, 4, 3),
     training=True)
case("inference rank 4", lambda: L.BatchNormalization(), x(2, 3, 2, 3))
case("axis 1", lambda: L.BatchNormalization(axis=1), x(3, 4, 2, 2), training=True)
case("axis 1 inference", lambda: L.BatchNormalization(axis=1), x(2, 4, 3))
case("axis 2 of rank 4", lambda: L.BatchNormalization(axis=2), x(2, 3, 4, 2), training=True)
case("no scale", lambda: L.BatchNormalization(scale=False), x(4, 3), training=True)
case("no center", lambda: L.BatchNormalization(center=False), x(4, 3), training=True)
case("neither", lambda: L.BatchNormalization(center=False, scale=False), x(3, 2, 4), training=True)
case("neither at inference", lambda: L.BatchNormalization(center=False, scale=False), x(3, 4))
case("mask in training", lambda: L.BatchNormalization(momentum=0.6), x(3, 4, 2),
     masks=mask("1100 1111 1000"), training=True)
case("mask at inference", lambda: L.BatchNormalization(), x(2, 3, 2), masks=mask("110 100"))
case("frozen in training", lambda: L.BatchNormalization(), x(4, 3), training=True, prepare=frozen)
case("regularized", lambda: L.BatchNormalization(
    beta_regularizer="l2", gamma_regularizer="l1", gamma_constraint="non_neg",
    beta_initializer="ones", moving_mean_initializer="random_normal"), x(4, 3), training=True)
case("renorm training", lambda: L.BatchNormalization(renorm=True, momentum=0.8,
                                                     renorm_momentum=0.7), x(5, 3), training=True)
case("renorm inference", lambda: L.BatchNormalization(renorm=True), x(4, 3))
case("renorm clipped", lambda: L.BatchNormalization(
    renorm=True, renorm_clipping={"rmax": 1.2, "rmin": 0.8, "dmax": 0.3}, momentum=0.9),
    x(6, 4), training=True)

# On torch, axes that are not the last ones normalize the wrong elements.
case = cases_of("LayerNormalization")
case("plain", lambda: L.LayerNormalization(), x(3, 5))
case("rank 3", lambda: L.LayerNormalization(), x(2, 3, 4))
case("axis 1", lambda: L.LayerNormalization(axis=1), x(2, 3, 4), engine="tensorflow")
case("two axes", lambda: L.LayerNormalization(axis=[1, 2]), x(2, 3, 4))
case("axes 1 and 3", lambda: L.LayerNormalization(axis=(1, 3)), x(2, 3, 2, 4), engine="tensorflow")
case("three axes from the end", lambda: L.LayerNormalization(axis=[-3, -2, -1]), x(2, 2, 3, 2))
case("epsilon", lambda: L.LayerNormalization(epsilon=0.5), x(3, 4))
case("no scale", lambda: L.LayerNormalization(scale=False), x(3, 4))
case("no center", lambda: L.LayerNormalization(center=False), x(3, 4))
case("neither", lambda: L.LayerNormalization(center=False, scale=False), x(2, 3, 3))
case("regularized with a mask", lambda: L.LayerNormalization(
    gamma_regularizer="l2", beta_regularizer="l1", beta_constraint="unit_norm"), x(2, 3, 4),
    masks=mask("110 100"))
case("large offset", lambda: L.LayerNormalization(), const(
    [[10.5, 11.0, 9.0, 10.25], [-20.0, -21.5, -19.0, -20.5]]))

case = cases_of("GroupNormalization")
case("two groups", lambda: L.GroupNormalization(groups=2), x(2, 3, 4))
case("one group", lambda: L.GroupNormalization(groups=1), x(2, 3, 4))
case("instance", lambda: L.GroupNormalization(groups=-1), x(2, 2, 3, 4))
case("rank 2", lambda: L.GroupNormalization(groups=3), x(3, 6))
case("rank 4", lambda: L.GroupNormalization(groups=2, epsilon=0.05), x(2, 3, 2, 6))
case("axis 1", lambda: L.GroupNormalization(groups=2, axis=1), x(2, 4, 3))
case("axis 1 of rank 4", lambda: L.GroupNormalization(groups=3, axis=1), x(2, 6, 2, 3))
case("axis 2 of rank 4", lambda: L.GroupNormalization(groups=2, axis=2), x(2, 3, 4, 2))
case("no scale", lambda: L.GroupNormalization(groups=2, scale=False), x(2, 3, 4))
case("no center", lambda: L.GroupNormalization(groups=2, center=False), x(2, 3, 4))
case("regularized with a mask", lambda: L.GroupNormalization(
    groups=2, gamma_regularizer="l1", beta_regularizer="l2"), x(2, 3, 4), masks=mask("110 100"))

# Axes that are not the last ones are an error in Keras: scale is not reshaped.
case = cases_of("RMSNormalization")
case("plain", lambda: L.RMSNormalization(), x(3, 5))
case("rank 3", lambda: L.RMSNormalization(axis=-1), x(2, 3, 4))
case("epsilon", lambda: L.RMSNormalization(epsilon=0.3), x(2, 3, 4))
case("two axes", lambda: L.RMSNormalization(axis=[1, 2]), x(2, 3, 4))
case("small numbers", lambda: L.RMSNormalization(), const([[1e-3, -2e-3, 3e-4], [5e-4, 0, 1e-4]]))

case = cases_of("UnitNormalization")
case("plain", lambda: L.UnitNormalization(), x(3, 5))
case("axis 1", lambda: L.UnitNormalization(axis=1), x(2, 3, 4))
case("two axes", lambda: L.UnitNormalization(axis=[1, 2]), x(2, 3, 4))
case("passes a mask", lambda: L.UnitNormalization(), x(2, 3, 2), masks=mask("110 100"))
case("a row of zeros", lambda: L.UnitNormalization(), const([[0, 0, 0], [3, 0, 4]]),
     gradients=False)

case = cases_of("SpectralNormalization")
case("dense in training", lambda: L.SpectralNormalization(L.Dense(4)), x(3, 5), training=True)
case("dense at inference", lambda: L.SpectralNormalization(L.Dense(4)), x(3, 5))
case("conv in training", lambda: L.SpectralNormalization(L.Conv2D(3, (2, 3))), x(2, 3, 4, 2),
     training=True)
case("three iterations", lambda: L.SpectralNormalization(L.Dense(3), power_iterations=3), x(2, 4),
     training=True)
# The result has the type of the input, so the ids are floats.
case("embedding in training", lambda: L.SpectralNormalization(L.Embedding(6, 3)),
     const([[3, 1, 4, 3], [0, 5, 0, 2]]), training=True)
case("twice", lambda: L.SpectralNormalization(L.Dense(3, use_bias=False)), x(2, 4), training=True,
     then=(then(x(3, 4), training=True), then(x(2, 4), training=False)))

# ---- random layers: off at inference, fixed at the ends of their range

for name, shape in (("Dropout", (3, 4)), ("SpatialDropout1D", (2, 3, 4)),
                    ("SpatialDropout2D", (2, 2, 3, 2)), ("SpatialDropout3D", (2, 2, 1, 2, 2)),
                    ("GaussianDropout", (3, 4)), ("AlphaDropout", (3, 4))):
    cls = getattr(L, name)
    case = cases_of(name)
    case("inference", lambda cls=cls: cls(0.4), x(*shape), training=False)
    case("rate zero in training", lambda cls=cls: cls(0.0), x(*shape), training=True)
    case("seed in the config", lambda cls=cls: cls(0.25, seed=17), x(*shape))

case = cases_of("GaussianNoise")
case("inference", lambda: L.GaussianNoise(0.3), x(3, 4), training=False)
case("no noise in training", lambda: L.GaussianNoise(0.0), x(2, 3, 2), training=True)
case("passes a mask", lambda: L.GaussianNoise(0.3, seed=5), x(2, 3, 2), masks=mask("110 100"))


cases_of("Dropout")("everything dropped", lambda: L.Dropout(1.0), x(2, 3), training=True)
cases_of("Dropout")("noise shape", lambda: L.Dropout(0.5, noise_shape=(None, 1, 3)), x(2, 4, 3))
cases_of("Dropout")("passes a mask", lambda: L.Dropout(0.5), x(2, 3, 2), masks=mask("110 100"))
cases_of("SpatialDropout1D")("passes a mask", lambda: L.SpatialDropout1D(0.5), x(2, 3, 2),
                             masks=mask("110 100"))
cases_of("SpatialDropout2D")("channels first", lambda: L.SpatialDropout2D(
    0.5, data_format="channels_first"), x(2, 2, 3, 2))
cases_of("SpatialDropout3D")("channels first", lambda: L.SpatialDropout3D(
    0.5, data_format="channels_first"), x(1, 2, 2, 1, 2))
cases_of("AlphaDropout")("noise shape", lambda: L.AlphaDropout(0.3, noise_shape=[3, 1]), x(3, 4))
