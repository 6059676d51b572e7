"""Cases of the preprocessing layers; strings are hashed by TensorFlow under any backend.

Random image layers are recorded where nothing is left to chance: at inference, and in
training with a factor whose two ends are equal.
"""

from keras import layers as L

from .cases import cases_of, const, ids, mask, strings, uniform, x

FIRST = {"data_format": "channels_first"}

case = cases_of("Rescaling")
case("scale", lambda: L.Rescaling(1 / 255), uniform(0, 255, 2, 3, 2, 3))
case("scale and offset", lambda: L.Rescaling(2.0, offset=-1.0), x(3, 4))
case("integers", lambda: L.Rescaling(1 / 127.5, -1), ids(256, 2, 3, 2))
case("per channel", lambda: L.Rescaling([0.5, 2.0, 3.0], [0.1, 0.2, -0.3]), x(2, 2, 2, 3))
case("passes a mask", lambda: L.Rescaling(0.5), x(2, 3, 2), masks=mask("110 100"))

case = cases_of("Normalization")
case("mean and variance", lambda: L.Normalization(mean=3.0, variance=2.0), x(3, 4))
case("mean and variance per channel", lambda: L.Normalization(
    mean=[1.0, 2.0, 3.0], variance=[0.5, 2.0, 4.0]), x(2, 2, 3))
case("axis 1", lambda: L.Normalization(axis=1, mean=[1.0, -1.0], variance=[2.0, 0.25]), x(3, 2, 4))
case("axis none", lambda: L.Normalization(axis=None, mean=0.5, variance=4.0), x(2, 3))
case("invert", lambda: L.Normalization(mean=[1.0, 2.0], variance=[4.0, 0.5], invert=True), x(3, 2))
case("no variance", lambda: L.Normalization(mean=1.0, variance=0.0), const([[1.0, 2.0]]),
     gradients=False)
case("adapted", lambda: L.Normalization(), x(3, 4), adapt=uniform(-3, 5, 10, 4))
case("adapted axis none", lambda: L.Normalization(axis=None), x(3, 2), adapt=uniform(0, 4, 7, 2))
case("adapted axis 1", lambda: L.Normalization(axis=1), x(2, 3, 2), adapt=uniform(-1, 4, 5, 3, 2))
case("adapted two axes", lambda: L.Normalization(axis=(1, 2)), x(2, 2, 3),
     adapt=uniform(-1, 4, 6, 2, 3))
case("adapted images", lambda: L.Normalization(), x(2, 2, 2, 3), adapt=uniform(0, 255, 4, 3, 2, 3))
case("adapted invert", lambda: L.Normalization(invert=True), x(3, 2), adapt=uniform(2, 9, 8, 2))

case = cases_of("Discretization")
case("int", lambda: L.Discretization(bin_boundaries=[0.0, 1.0, 2.0]),
     const([[-1.5, 1.0, 3.4, 0.5], [0.0, 3.0, 1.3, 2.0]]))
case("one hot", lambda: L.Discretization(bin_boundaries=[0.0, 1.0], output_mode="one_hot"),
     const([[-1.0], [0.5], [7.0]]))
case("multi hot", lambda: L.Discretization(bin_boundaries=[0.0, 0.5, 1.0],
                                           output_mode="multi_hot"),
     const([[-1.5, 1.0, 0.2], [0.4, 0.3, 0.6]]))
case("count", lambda: L.Discretization(bin_boundaries=[0.0, 0.5, 1.0], output_mode="count"),
     const([[-1.5, 1.0, 1.2, 0.2], [0.4, 0.3, 0.6, 0.45]]))
case("one boundary rank 3", lambda: L.Discretization(bin_boundaries=[0.25]), x(2, 2, 3))
case("integers", lambda: L.Discretization(bin_boundaries=[3, 7]), ids(10, 2, 5))
case("adapted", lambda: L.Discretization(num_bins=4), uniform(-2, 12, 2, 4),
     adapt=uniform(0, 10, 40))
case("adapted coarse", lambda: L.Discretization(num_bins=3, epsilon=0.1), uniform(-2, 12, 5, 1),
     adapt=uniform(0, 10, 60, 1))

case = cases_of("CategoryEncoding")
case("multi hot", lambda: L.CategoryEncoding(num_tokens=5),
     const([[0, 1], [0, 0], [1, 2], [3, 1]], "int32"))
case("multi hot rank 1", lambda: L.CategoryEncoding(num_tokens=4), const([3, 1, 1], "int32"))
case("one hot", lambda: L.CategoryEncoding(num_tokens=4, output_mode="one_hot"),
     const([3, 2, 0, 1], "int32"))
case("one hot column", lambda: L.CategoryEncoding(num_tokens=4, output_mode="one_hot"),
     const([[3], [2], [0]], "int32"))
case("one hot rank 2", lambda: L.CategoryEncoding(num_tokens=3, output_mode="one_hot"),
     const([[0, 2], [1, 1]], "int32"))
case("count", lambda: L.CategoryEncoding(num_tokens=4, output_mode="count"),
     const([[0, 0, 3], [1, 2, 1]], "int32"))
case("count weights", lambda: L.CategoryEncoding(num_tokens=4, output_mode="count"),
     const([[0, 1], [0, 0], [1, 2], [3, 1]], "int32"),
     count_weights=const([[0.1, 0.2], [0.1, 0.1], [0.2, 0.3], [0.4, 0.2]]), gradients=False)
case("int64", lambda: L.CategoryEncoding(num_tokens=6, output_mode="multi_hot"),
     ids(6, 3, 2, dtype="int64"))

case = cases_of("Hashing", symbolic=False)
case("strings", lambda: L.Hashing(num_bins=3), strings([["A"], ["B"], ["C"], ["D"], ["E"]]))
case("strings of every length", lambda: L.Hashing(num_bins=1000003), strings([
    "", "a", "ab", "abcd", "abcdefgh", "abcdefghi", "abcdefghijklmnop", "abcdefghijklmnopq",
    "abcdefghijklmnopqrstuvwxyz012345", "abcdefghijklmnopqrstuvwxyz0123456",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz" * 2,
    "äöü ß", "日本語"]))
case("mask value", lambda: L.Hashing(num_bins=3, mask_value=""),
     strings([["A"], ["B"], [""], ["C"], ["D"]]))
case("integers", lambda: L.Hashing(num_bins=10), const([[0, 1, -1], [42, 123456789, 7]], "int64"))
case("int32", lambda: L.Hashing(num_bins=7), const([[5], [6], [1000]], "int32"))
case("salt", lambda: L.Hashing(num_bins=1000, salt=133),
     strings([["A"], ["B"], ["a longer word"], [""], ["E"]]))
case("two salts", lambda: L.Hashing(num_bins=1000, salt=[133, 137]),
     strings([["A"], ["B"], ["exactly8"], ["nine char"], ["E"]]))
case("salt integers", lambda: L.Hashing(num_bins=50, salt=9), const([[0, 3], [17, -4]], "int64"))
case("one hot", lambda: L.Hashing(num_bins=4, output_mode="one_hot"),
     strings([["A"], ["B"], ["C"]]))
case("multi hot", lambda: L.Hashing(num_bins=5, output_mode="multi_hot"),
     strings([["A", "B", "A"], ["C", "D", "E"]]))
case("count", lambda: L.Hashing(num_bins=5, output_mode="count"),
     strings([["A", "B", "A"], ["C", "D", "E"]]))
case("integer mask value", lambda: L.Hashing(num_bins=4, mask_value=0),
     const([[0, 1], [2, 0]], "int64"))

case = cases_of("HashedCrossing", symbolic=False, engine="tensorflow")
LETTERS, NUMBERS = strings(["A", "B", "A", "B", "A"]), const([101, 101, 101, 102, 102], "int64")
case("strings and integers", lambda: L.HashedCrossing(num_bins=5), [LETTERS, NUMBERS])
case("many bins", lambda: L.HashedCrossing(num_bins=1000003), [LETTERS, NUMBERS])
case("columns of strings", lambda: L.HashedCrossing(num_bins=97),
     [strings([["x"], ["y"], [""]]), strings([["first"], ["a longer second one"], ["x"]])])
case("three of integers", lambda: L.HashedCrossing(num_bins=1000),
     [const([1, -2, 3], "int64"), const([4, 5, 6], "int64"), const([0, 0, 9], "int64")])
case("one hot", lambda: L.HashedCrossing(num_bins=5, output_mode="one_hot"), [LETTERS, NUMBERS])

case = cases_of("IntegerLookup", symbolic=False)
INTS = const([[12, 1138, 42], [42, 1000, 36]], "int64")
case("vocabulary", lambda: L.IntegerLookup(vocabulary=[12, 36, 1138, 42]), INTS)
case("mask token", lambda: L.IntegerLookup(vocabulary=[12, 36, 42], mask_token=0),
     const([[12, 0, 42], [7, 36, 0]], "int64"))
case("three unknown", lambda: L.IntegerLookup(vocabulary=[12, 36, 1138, 42], num_oov_indices=3),
     const([[12, 1138, 42], [37, 1000, 36], [-4, 5, 6]], "int64"))
case("three unknown with a mask", lambda: L.IntegerLookup(
    vocabulary=[12, 36], num_oov_indices=3, mask_token=-1),
    const([[12, 5, -1], [7, 36, 9]], "int64"))
case("no unknown", lambda: L.IntegerLookup(vocabulary=[5, 6, 7], num_oov_indices=0),
     const([[5, 7], [6, 6]], "int64"))
case("one hot", lambda: L.IntegerLookup(vocabulary=[12, 36, 1138], output_mode="one_hot"),
     const([12, 36, 7, 1138], "int64"))
case("one hot padded", lambda: L.IntegerLookup(
    vocabulary=[12, 36], output_mode="one_hot", max_tokens=6, pad_to_max_tokens=True),
    const([12, 36, 7], "int64"))
case("multi hot", lambda: L.IntegerLookup(vocabulary=[12, 36, 1138, 42], num_oov_indices=2,
                                          output_mode="multi_hot"), INTS)
case("count", lambda: L.IntegerLookup(vocabulary=[12, 36, 1138, 42], output_mode="count"),
     const([[12, 1138, 12, 12], [42, 7, 36, 7]], "int64"))
case("tf idf", lambda: L.IntegerLookup(vocabulary=[12, 36, 1138], output_mode="tf_idf",
                                       idf_weights=[0.25, 0.75, 0.6]),
     const([[12, 1138, 12], [7, 7, 36]], "int64"))
case("invert", lambda: L.IntegerLookup(vocabulary=[12, 36, 1138], invert=True),
     const([[1, 3, 0], [2, 2, 1]], "int64"))
case("adapted", lambda: L.IntegerLookup(), const([[3, 5, 1], [2, 8, 4]], "int64"),
     adapt=const([1, 2, 3, 3, 2, 3, 5, 5, 4, 1, 3], "int64"))
case("adapted max tokens", lambda: L.IntegerLookup(max_tokens=4), const([[3, 5, 1, 2]], "int64"),
     adapt=const([1, 2, 3, 3, 2, 3, 5, 5, 5, 5, 4, 1, 3], "int64"))

case = cases_of("StringLookup", symbolic=False)
WORDS = strings([["a", "c", "d"], ["d", "z", "b"]])
case("vocabulary", lambda: L.StringLookup(vocabulary=["a", "b", "c", "d"]), WORDS)
case("mask token", lambda: L.StringLookup(vocabulary=["a", "b"], mask_token=""),
     strings([["a", "", "c"], ["", "b", "a"]]))
case("three unknown", lambda: L.StringLookup(vocabulary=["a", "b"], num_oov_indices=3),
     strings([["a", "x", "y"], ["zebra", "b", "w"]]))
case("three unknown salt", lambda: L.StringLookup(vocabulary=["a", "b"], num_oov_indices=3,
                                                  salt=[7, 9]),
     strings([["a", "x", "y"], ["zebra", "b", "w"]]))
case("no unknown", lambda: L.StringLookup(vocabulary=["a", "b"], num_oov_indices=0),
     strings([["a", "b"], ["b", "b"]]))
case("one hot", lambda: L.StringLookup(vocabulary=["a", "b", "c"], output_mode="one_hot"),
     strings(["a", "b", "z", "c"]))
case("multi hot", lambda: L.StringLookup(vocabulary=["a", "b", "c", "d"], num_oov_indices=2,
                                         output_mode="multi_hot"), WORDS)
case("count", lambda: L.StringLookup(vocabulary=["a", "b", "c"], output_mode="count"),
     strings([["a", "b", "a", "z"], ["z", "z", "c", "c"]]))
case("count padded", lambda: L.StringLookup(vocabulary=["a", "b"], output_mode="count",
                                            max_tokens=5, pad_to_max_tokens=True),
     strings([["a", "b", "a", "z"]]))
case("tf idf", lambda: L.StringLookup(vocabulary=["a", "b", "c"], output_mode="tf_idf",
                                      idf_weights=[0.25, 0.75, 0.6]),
     strings([["a", "c", "a"], ["z", "z", "b"]]))
case("invert", lambda: L.StringLookup(vocabulary=["a", "b", "c"], invert=True),
     const([[1, 3, 0], [2, 2, 1]], "int64"), engine="tensorflow")
case("invert with a mask", lambda: L.StringLookup(vocabulary=["a", "b"], invert=True,
                                                  mask_token="", oov_token="?"),
     const([[1, 3, 0], [2, 2, 1]], "int64"), engine="tensorflow")
case("adapted", lambda: L.StringLookup(), strings([["cat", "dog"], ["eel", "ant"]]),
     adapt=strings(["dog", "cat", "dog", "eel", "ant", "cat", "dog", "bat"]))
case("adapted max tokens", lambda: L.StringLookup(max_tokens=3, mask_token=""),
     strings([["cat", "dog"], ["eel", ""]]),
     adapt=strings(["dog", "cat", "dog", "eel", "ant", "cat", "dog", "bat"]))
case("adapted tf idf", lambda: L.StringLookup(output_mode="tf_idf"),
     strings([["dog", "cat", "dog"], ["cow", "ant", "eel"]]),
     adapt=strings([["dog", "cat", "dog"], ["eel", "ant", "cat"], ["dog", "bat", "cat"]]))

case = cases_of("TextVectorization", symbolic=False)
TEXT = strings(["The quick brown fox.", "A fox, a FOX! and more", ""])
VOCABULARY = ["fox", "the", "a", "quick"]
case("int", lambda: L.TextVectorization(vocabulary=VOCABULARY), TEXT)
case("int padded", lambda: L.TextVectorization(vocabulary=VOCABULARY, output_sequence_length=7),
     TEXT)
case("int cut", lambda: L.TextVectorization(vocabulary=VOCABULARY, output_sequence_length=2), TEXT)
case("column", lambda: L.TextVectorization(vocabulary=VOCABULARY),
     strings([["the fox"], ["a quick brown fox"]]))
case("lower", lambda: L.TextVectorization(vocabulary=["fox,", "a", "fox!"], standardize="lower"),
     TEXT)
case("strip punctuation", lambda: L.TextVectorization(
    vocabulary=["fox", "FOX", "The", "A"], standardize="strip_punctuation"), TEXT)
case("as it is", lambda: L.TextVectorization(vocabulary=["fox.", "FOX!", "The"], standardize=None),
     TEXT)
case("characters", lambda: L.TextVectorization(vocabulary=["a", "b", " ", "é"], split="character"),
     strings(["ab a", "Bé, c"]))
case("not split", lambda: L.TextVectorization(vocabulary=["the fox", "a"], split=None),
     strings([["the fox"], ["A"], ["b"]]))
case("two-grams", lambda: L.TextVectorization(
    vocabulary=["fox", "the quick", "a fox", "quick"], ngrams=2), TEXT)
case("chosen n-grams", lambda: L.TextVectorization(
    vocabulary=["the quick brown", "fox", "a fox"], ngrams=(1, 3)), TEXT)
case("multi hot", lambda: L.TextVectorization(vocabulary=VOCABULARY, output_mode="multi_hot"), TEXT)
case("count", lambda: L.TextVectorization(vocabulary=VOCABULARY, output_mode="count"), TEXT)
case("count padded", lambda: L.TextVectorization(
    vocabulary=VOCABULARY, output_mode="count", max_tokens=8, pad_to_max_tokens=True), TEXT)
case("tf idf", lambda: L.TextVectorization(
    vocabulary=VOCABULARY, output_mode="tf_idf", idf_weights=[0.5, 1.0, 0.25, 2.0]), TEXT)
case("adapted", lambda: L.TextVectorization(), strings(["one fish two fish", "new bird"]),
     adapt=strings(["one fish, two fish.", "Red fish blue fish", "two birds"]))
case("adapted max tokens", lambda: L.TextVectorization(max_tokens=4, output_sequence_length=5),
     strings(["one fish two fish", "red"]),
     adapt=strings(["one fish, two fish.", "Red fish blue fish", "two birds"]))
case("adapted tf idf", lambda: L.TextVectorization(output_mode="tf_idf"),
     strings(["one fish two fish", "red bird"]),
     adapt=strings(["one fish, two fish.", "Red fish blue fish", "two birds"]))

# Torch resizes by another rule at borders; TensorFlow follows the one of Keras.
IMAGE = uniform(0, 255, 2, 5, 6, 2)
BYTES = ids(256, 1, 4, 5, 2, dtype="uint8")
case = cases_of("Resizing", engine="tensorflow")
case("up", lambda: L.Resizing(8, 9), x(2, 5, 6, 2))
case("down", lambda: L.Resizing(3, 2), x(2, 5, 6, 2))
case("down antialias", lambda: L.Resizing(3, 2, antialias=True), x(1, 7, 8, 2), gradients=False)
case("nearest", lambda: L.Resizing(7, 3, interpolation="nearest"), x(2, 5, 6, 2))
case("bicubic up", lambda: L.Resizing(7, 8, interpolation="bicubic"), x(1, 5, 6, 2))
case("bicubic down", lambda: L.Resizing(3, 4, interpolation="bicubic"), x(1, 7, 6, 1))
case("bicubic antialias", lambda: L.Resizing(3, 4, interpolation="bicubic", antialias=True),
     x(1, 7, 8, 1), gradients=False)
case("lanczos3", lambda: L.Resizing(7, 8, interpolation="lanczos3"), x(1, 5, 6, 1))
case("lanczos3 antialias", lambda: L.Resizing(3, 4, interpolation="lanczos3", antialias=True),
     x(1, 8, 7, 1), gradients=False)
case("lanczos5", lambda: L.Resizing(6, 9, interpolation="lanczos5"), x(1, 5, 6, 1))
case("crop to aspect ratio", lambda: L.Resizing(4, 4, crop_to_aspect_ratio=True), x(1, 5, 8, 2))
case("crop tall", lambda: L.Resizing(3, 6, crop_to_aspect_ratio=True), x(1, 7, 5, 1))
case("pad to aspect ratio", lambda: L.Resizing(4, 4, pad_to_aspect_ratio=True, fill_value=2.0),
     x(1, 3, 6, 2))
case("pad tall", lambda: L.Resizing(4, 8, pad_to_aspect_ratio=True), x(1, 5, 4, 1))
case("one image", lambda: L.Resizing(4, 3), x(5, 6, 2))
case("bytes", lambda: L.Resizing(6, 4, dtype="uint8"), BYTES)
case("bytes bicubic", lambda: L.Resizing(6, 7, interpolation="bicubic", dtype="uint8"), BYTES)
case("channels first", lambda: L.Resizing(4, 7, **FIRST), x(1, 2, 5, 6))
case("as it is", lambda: L.Resizing(5, 6), x(1, 5, 6, 1))

case = cases_of("CenterCrop", engine="tensorflow")
case("even", lambda: L.CenterCrop(2, 4), x(2, 4, 6, 2))
case("odd rest", lambda: L.CenterCrop(3, 3), x(2, 6, 4, 2))
case("one side is too small", lambda: L.CenterCrop(4, 3), x(1, 3, 5, 2))
case("both sides are too small", lambda: L.CenterCrop(6, 5), x(1, 3, 4, 2))
case("one image", lambda: L.CenterCrop(2, 3), x(5, 5, 2))
case("channels first", lambda: L.CenterCrop(3, 2, **FIRST), x(1, 2, 5, 5))

# TensorFlow wraps between the last and the first cell by another rule, and its gradient of
# an affine map is an approximation.
ENGINE = {"RandomTranslation": "torch", "RandomRotation": "torch", "RandomZoom": "torch"}
RANDOM = {
    "RandomFlip": lambda: L.RandomFlip("horizontal", seed=3),
    "RandomCrop": lambda: L.RandomCrop(3, 4, seed=3),
    "RandomTranslation": lambda: L.RandomTranslation(0.2, 0.3, seed=3),
    "RandomRotation": lambda: L.RandomRotation(0.2, seed=3),
    "RandomZoom": lambda: L.RandomZoom(0.2, seed=3),
    "RandomContrast": lambda: L.RandomContrast(0.3, seed=3),
    "RandomBrightness": lambda: L.RandomBrightness(0.3, seed=3),
}
for name, make in RANDOM.items():
    case = cases_of(name, engine=ENGINE.get(name, "tensorflow"))
    case("inference", make, IMAGE, training=False)
    case("one image at inference", make, uniform(0, 255, 6, 5, 3), training=False)

case = cases_of("RandomFlip", engine="tensorflow")
case("both in the config", lambda: L.RandomFlip(), IMAGE, training=False)
case = cases_of("RandomCrop", engine="tensorflow")
case("of the image's own size", lambda: L.RandomCrop(5, 6), IMAGE, training=True)
case("larger than the image", lambda: L.RandomCrop(6, 4), uniform(0, 255, 1, 4, 5, 2),
     training=False)

case = cases_of("RandomTranslation")
for mode in ("reflect", "wrap", "constant", "nearest"):
    case(f"{mode} bilinear", lambda mode=mode: L.RandomTranslation(
        (0.25, 0.25), (-0.15, -0.15), fill_mode=mode, fill_value=7.0), IMAGE, training=True)
case("nearest neighbours", lambda: L.RandomTranslation(
    (-0.2, -0.2), (0.34, 0.34), interpolation="nearest"), IMAGE, training=True)
case("channels first", lambda: L.RandomTranslation((0.1, 0.1), (0.1, 0.1), **FIRST),
     uniform(0, 255, 1, 2, 5, 6), training=True)
case = cases_of("RandomRotation")
for mode in ("reflect", "wrap", "constant", "nearest"):
    case(f"{mode} bilinear", lambda mode=mode: L.RandomRotation(
        (0.07, 0.07), fill_mode=mode, fill_value=9.0), IMAGE, training=True)
case("quarter", lambda: L.RandomRotation((0.25, 0.25), fill_mode="constant"),
     uniform(0, 255, 1, 5, 5, 1), training=True, gradients=False)
case = cases_of("RandomZoom")
case("out", lambda: L.RandomZoom((0.3, 0.3)), IMAGE, training=True)
case("in", lambda: L.RandomZoom((-0.25, -0.25), (-0.4, -0.4)), IMAGE, training=True)
case("out constant", lambda: L.RandomZoom((0.2, 0.2), (0.4, 0.4), fill_mode="constant",
                                          fill_value=3.0), IMAGE, training=True)
case = cases_of("RandomBrightness", engine="tensorflow")
case("brighter", lambda: L.RandomBrightness((0.2, 0.2)), IMAGE, training=True)
case("darker of one", lambda: L.RandomBrightness((-0.3, -0.3), value_range=(0.0, 1.0)),
     uniform(0, 1, 2, 3, 4, 2), training=True)
case = cases_of("RandomContrast", engine="tensorflow")
case("nothing", lambda: L.RandomContrast((0.0, 0.0)), IMAGE, training=True)

case = cases_of("Pipeline", engine="tensorflow")
case("images", lambda: L.Pipeline([L.Rescaling(0.5), L.Resizing(3, 4), L.CenterCrop(2, 2)]),
     x(2, 5, 6, 2), gradients=False)
case("with weights", lambda: L.Pipeline([L.Dense(3, activation="tanh"), L.Dropout(0.5),
                                         L.Dense(2)]), x(2, 4), training=False)
case("nothing", lambda: L.Pipeline([]), call=False)

case = cases_of("STFTSpectrogram", engine="tensorflow")
SIGNAL = x(2, 20, 2)
for mode in ("log", "magnitude", "psd", "real", "imag", "angle", "stft"):
    case(mode, lambda m=mode: L.STFTSpectrogram(mode=m, frame_length=8, frame_step=4), SIGNAL,
         gradients=mode != "angle")
case("another length", lambda: L.STFTSpectrogram("psd", 5, 3, 16), SIGNAL, gradients=False)
case("same", lambda: L.STFTSpectrogram("magnitude", 6, 2, padding="same"), SIGNAL)
case("spectrum", lambda: L.STFTSpectrogram("magnitude", 8, scaling="spectrum", periodic=True,
                                           window="hamming"), SIGNAL, gradients=False)
case("no window", lambda: L.STFTSpectrogram("real", 8, window=None), SIGNAL, gradients=False)
case("no scaling", lambda: L.STFTSpectrogram("psd", 8, scaling=None, window="blackman"), SIGNAL,
     gradients=False)
case("channels apart", lambda: L.STFTSpectrogram("magnitude", 8, expand_dims=True), SIGNAL,
     gradients=False)
case("stft apart", lambda: L.STFTSpectrogram("stft", 8, expand_dims=True), SIGNAL, gradients=False)

case = cases_of("MelSpectrogram", engine="tensorflow", gradients=False)
SMALL = {"fft_length": 32, "sequence_stride": 16, "num_mel_bins": 6, "sampling_rate": 800}
case("decibels", lambda: L.MelSpectrogram(**SMALL), x(2, 100))
case("one signal", lambda: L.MelSpectrogram(**SMALL), x(70))
case("power", lambda: L.MelSpectrogram(power_to_db=False, **SMALL), x(2, 64))
case("magnitude", lambda: L.MelSpectrogram(power_to_db=False, mag_exp=1.0, sequence_length=20,
                                           **SMALL), x(2, 64))
case("all options", lambda: L.MelSpectrogram(
    sequence_length=24, window="hamming", min_freq=50.0, max_freq=300.0, top_db=20.0,
    min_power=1e-4, ref_power=0.5, **SMALL), x(2, 80))
case("no window", lambda: L.MelSpectrogram(window=None, **SMALL), x(1, 64))
