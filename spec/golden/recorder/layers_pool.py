"""Cases of the pooling layers and of the merging layers."""

from keras import layers as L

from .cases import cases_of, mask, x

FIRST = {"data_format": "channels_first"}
# Torch counts padded cells in averages with "same"; Keras means only the real ones.
ENGINE = {"Max": "torch", "Average": "tensorflow"}

for kind, cls in (("Max", L.MaxPooling1D), ("Average", L.AveragePooling1D)):
    case = cases_of(f"{kind}Pooling1D", engine=ENGINE[kind])
    case("two", lambda cls=cls: cls(2), x(2, 6, 3))
    case("strides 1", lambda cls=cls: cls(3, strides=1), x(2, 6, 2))
    case("leaves a rest", lambda cls=cls: cls(3, strides=2), x(2, 8, 2))
    case("strides over the pool", lambda cls=cls: cls(2, strides=3), x(2, 9, 2))
    case("same", lambda cls=cls: cls(3, strides=2, padding="same"), x(2, 6, 2))
    case("same strides 1", lambda cls=cls: cls(4, strides=1, padding="same"), x(2, 5, 2))
    case("channels first", lambda cls=cls: cls(3, strides=2, padding="same", **FIRST), x(2, 2, 7))

for kind, cls in (("Max", L.MaxPooling2D), ("Average", L.AveragePooling2D)):
    case = cases_of(f"{kind}Pooling2D", engine=ENGINE[kind])
    case("two", lambda cls=cls: cls(2), x(2, 4, 6, 2))
    case("uneven pool", lambda cls=cls: cls((2, 3)), x(2, 5, 7, 2))
    case("strides", lambda cls=cls: cls(3, strides=(1, 2)), x(2, 4, 6, 2))
    case("same", lambda cls=cls: cls(3, strides=2, padding="same"), x(2, 4, 5, 2))
    case("same strides 1", lambda cls=cls: cls((2, 4), strides=1, padding="same"), x(2, 3, 4, 2))
    case("same strides over the pool", lambda cls=cls: cls(2, strides=3, padding="same"),
         x(1, 7, 5, 2))
    case("channels first", lambda cls=cls: cls((3, 2), strides=(2, 1), **FIRST), x(2, 2, 5, 4))
    case("channels first same", lambda cls=cls: cls(2, padding="same", **FIRST), x(2, 2, 5, 3))

for kind, cls in (("Max", L.MaxPooling3D), ("Average", L.AveragePooling3D)):
    case = cases_of(f"{kind}Pooling3D", engine=ENGINE[kind])
    case("two", lambda cls=cls: cls(2), x(1, 4, 2, 5, 2))
    case("strides", lambda cls=cls: cls((2, 1, 3), strides=(1, 2, 2)), x(1, 3, 4, 5, 2))
    case("same", lambda cls=cls: cls(3, strides=2, padding="same"), x(1, 4, 3, 5, 2))
    case("same uneven", lambda cls=cls: cls((2, 3, 1), strides=1, padding="same"), x(1, 3, 3, 2, 2))
    case("channels first", lambda cls=cls: cls(2, padding="same", **FIRST), x(1, 2, 3, 4, 3))

case = cases_of("GlobalAveragePooling1D")
case("plain", lambda: L.GlobalAveragePooling1D(), x(2, 5, 3))
case("keepdims", lambda: L.GlobalAveragePooling1D(keepdims=True), x(2, 4, 3))
case("mask", lambda: L.GlobalAveragePooling1D(), x(3, 4, 2), masks=mask("1100 1111 0010"))
case("mask given", lambda: L.GlobalAveragePooling1D(), x(2, 3, 2), mask=mask("110 011"))
case("mask keepdims", lambda: L.GlobalAveragePooling1D(keepdims=True), x(2, 3, 2),
     masks=mask("110 001"))
case("channels first", lambda: L.GlobalAveragePooling1D(**FIRST), x(2, 3, 5))
case("channels first mask", lambda: L.GlobalAveragePooling1D(**FIRST), x(2, 3, 4),
     masks=mask("1100 1011"))

case = cases_of("GlobalMaxPooling1D")
case("plain", lambda: L.GlobalMaxPooling1D(), x(2, 5, 3))
case("keepdims", lambda: L.GlobalMaxPooling1D(keepdims=True), x(2, 4, 3))
case("channels first", lambda: L.GlobalMaxPooling1D(**FIRST), x(2, 3, 5))

for rank, shape in ((2, (2, 3, 4, 2)), (3, (2, 2, 3, 2, 3))):
    for kind in ("Max", "Average"):
        name = f"Global{kind}Pooling{rank}D"
        cls = getattr(L, name)
        case = cases_of(name)
        case("plain", lambda cls=cls: cls(), x(*shape))
        case("keepdims", lambda cls=cls: cls(keepdims=True), x(*shape))
        case("channels first", lambda cls=cls: cls(**FIRST), x(*shape))
        case("channels first keepdims", lambda cls=cls: cls(keepdims=True, **FIRST), x(*shape))

for kind in ("Average", "Max"):
    name = f"Adaptive{kind}Pooling1D"
    cls = getattr(L, name)
    case = cases_of(name)
    case("divides", lambda cls=cls: cls(3), x(2, 6, 2))
    case("does not divide", lambda cls=cls: cls(4), x(2, 7, 3))
    case("more than there is", lambda cls=cls: cls(5), x(2, 3, 2))
    case("one", lambda cls=cls: cls(1), x(2, 5, 3))
    case("channels first", lambda cls=cls: cls(3, **FIRST), x(2, 2, 5))

    name = f"Adaptive{kind}Pooling2D"
    cls = getattr(L, name)
    case = cases_of(name)
    case("divides", lambda cls=cls: cls(2), x(2, 4, 6, 2))
    case("does not divide", lambda cls=cls: cls((3, 2)), x(2, 5, 7, 2))
    case("more than there is", lambda cls=cls: cls((2, 5)), x(1, 3, 3, 2))
    case("channels first", lambda cls=cls: cls((2, 3), **FIRST), x(2, 2, 5, 4))

    name = f"Adaptive{kind}Pooling3D"
    cls = getattr(L, name)
    case = cases_of(name)
    case("divides", lambda cls=cls: cls(2), x(1, 4, 2, 4, 2))
    case("does not divide", lambda cls=cls: cls((2, 3, 2)), x(1, 3, 5, 3, 2))
    case("channels first", lambda cls=cls: cls((2, 1, 3), **FIRST), x(1, 2, 3, 4, 5))

# ---- merging

for name in ("Add", "Average", "Multiply", "Maximum", "Minimum"):
    cls = getattr(L, name)
    case = cases_of(name)
    case("two", lambda cls=cls: cls(), [x(2, 3), x(2, 3)])
    case("three", lambda cls=cls: cls(), [x(2, 3, 2), x(2, 3, 2), x(2, 3, 2)])
    case("broadcast", lambda cls=cls: cls(), [x(2, 3, 4), x(2, 1, 4)])
    case("another rank", lambda cls=cls: cls(), [x(2, 3, 4), x(2, 4)])
    case("masks", lambda cls=cls: cls(), [x(2, 4, 2), x(2, 4, 2)],
         masks=[mask("1100 1010"), mask("0110 1001")])
    case("three masks", lambda cls=cls: cls(), [x(2, 3, 2), x(2, 3, 2), x(2, 3, 2)],
         masks=[mask("100 110"), mask("010 011"), mask("001 010")])
    case("one mask is missing", lambda cls=cls: cls(), [x(2, 3, 2), x(2, 3, 2)],
         masks=[mask("110 101"), None])

case = cases_of("Subtract")
case("two", lambda: L.Subtract(), [x(2, 3), x(2, 3)])
case("broadcast", lambda: L.Subtract(), [x(2, 1, 4), x(2, 3, 4)])
case("another rank", lambda: L.Subtract(), [x(2, 4), x(2, 3, 4)])
case("masks", lambda: L.Subtract(), [x(2, 3, 2), x(2, 3, 2)], masks=[mask("110 101"),
                                                                     mask("010 011")])

case = cases_of("Concatenate")
case("last axis", lambda: L.Concatenate(), [x(2, 3), x(2, 4)])
case("axis 1", lambda: L.Concatenate(axis=1), [x(2, 3, 2), x(2, 1, 2), x(2, 2, 2)])
case("axis minus 2", lambda: L.Concatenate(axis=-2), [x(2, 2, 3, 2), x(2, 2, 1, 2)])
case("axis 0", lambda: L.Concatenate(axis=0), [x(2, 3), x(3, 3)], symbolic=False)
case("masks", lambda: L.Concatenate(), [x(2, 3, 2), x(2, 3, 1)],
     masks=[mask("110 101"), mask("010 001")])
case("masks on the time axis", lambda: L.Concatenate(axis=1), [x(2, 3, 2), x(2, 2, 2)],
     masks=[mask("110 101"), mask("01 10")])
case("one mask is missing", lambda: L.Concatenate(axis=1), [x(2, 3, 2), x(2, 2, 2)],
     masks=[mask("110 101"), None])

case = cases_of("Dot")
case("vectors", lambda: L.Dot(axes=1), [x(3, 4), x(3, 4)])
case("vectors normalized", lambda: L.Dot(axes=-1, normalize=True), [x(3, 4), x(3, 4)])
case("matrices", lambda: L.Dot(axes=(2, 1)), [x(2, 3, 4), x(2, 4, 5)])
case("matrices one axis", lambda: L.Dot(axes=1), [x(2, 3, 4), x(2, 3, 5)])
case("last axes", lambda: L.Dot(axes=-1), [x(2, 3, 4), x(2, 5, 4)])
case("matrix and vector", lambda: L.Dot(axes=(2, 1)), [x(2, 3, 4), x(2, 4)])
case("vector and matrix", lambda: L.Dot(axes=(1, 2)), [x(2, 4), x(2, 3, 4)])
case("normalized matrices", lambda: L.Dot(axes=(1, 2), normalize=True), [x(2, 3, 2), x(2, 4, 3)])
case("rank 4", lambda: L.Dot(axes=(3, 1)), [x(2, 2, 3, 4), x(2, 4, 3)])
case("loses the masks", lambda: L.Dot(axes=(2, 2)), [x(2, 3, 4), x(2, 2, 4)],
     masks=[mask("110 101"), mask("10 11")])
