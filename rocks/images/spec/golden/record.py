"""Makes the small images in files/ with PIL, and records in cases.jsonl what Keras
makes of them: load_img (of PIL), image_dataset_from_directory (of TensorFlow),
array_to_img and save_img. A line of cases.jsonl is one case.

  make keras PYTHON=...     one with keras, tensorflow and pillow
"""
import base64
import io
import json
import os
import shutil
import struct
import tempfile
import zlib

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
FILES = os.path.join(HERE, "files")
utils = keras.utils
lines = []


def picture(height, width, channels, seed):
    """Soft colours with some noise: a little like a photograph."""
    rng = np.random.RandomState(seed)
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    soft = 127 + 90 * np.sin(y / 3 + c) * np.cos(x / 4 - c) + 25 * rng.randn(height, width, channels)
    return np.clip(soft, 0, 255).astype("uint8")


# ---- files -------------------------------------------------------------------

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(pixels, depth, kind, interlaced=False, extra=b""):
    """A PNG of raw samples (h, w, c), for what PIL does not write."""
    height, width, _ = pixels.shape
    kind_of = {"gray": 0, "rgb": 2, "gray_alpha": 4, "rgba": 6}[kind]
    head = struct.pack(">IIBBBBB", width, height, depth, kind_of, 0, 0, int(interlaced))
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
              (0, 1, 1, 2)] if interlaced else [(0, 0, 1, 1)]
    raw = b""
    for x0, y0, dx, dy in passes:
        part = pixels[y0::dy, x0::dx]
        if part.shape[0] == 0 or part.shape[1] == 0:
            continue
        for row in part:
            if depth == 16:
                raw += b"\0" + row.astype(">u2").tobytes()
            elif depth == 8:
                raw += b"\0" + row.astype("u1").tobytes()
            else:
                bits = "".join(format(v, f"0{depth}b") for v in row.reshape(-1))
                bits += "0" * (-len(bits) % 8)
                raw += b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + \
        chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")


def write(name, data):
    with open(os.path.join(FILES, name), "wb") as f:
        f.write(data)


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def without_adobe(jpeg):
    at = jpeg.index(b"\xff\xee")
    size = struct.unpack(">H", jpeg[at + 2:at + 4])[0]
    return jpeg[:at] + jpeg[at + 2 + size:]


def make_files():
    shutil.rmtree(FILES, ignore_errors=True)
    os.makedirs(FILES)
    rgb, rgba = picture(13, 11, 3, 1), picture(12, 9, 4, 2)
    gray = picture(10, 14, 1, 3)
    write("rgb.png", saved(Image.fromarray(rgb), "PNG"))
    write("rgba.png", saved(Image.fromarray(rgba), "PNG"))
    write("gray.png", saved(Image.fromarray(gray[:, :, 0]), "PNG"))
    write("gray_alpha.png", saved(Image.fromarray(picture(7, 8, 2, 4), "LA"), "PNG"))
    palette = Image.fromarray(rgb).quantize(12)
    write("palette.png", saved(palette, "PNG"))
    write("palette_clear.png", saved(palette, "PNG", transparency=bytes(range(0, 240, 20))))
    rng = np.random.RandomState(5)
    for depth in (1, 2, 4):
        write(f"gray{depth}.png", png(rng.randint(0, 2 ** depth, (9, 13, 1)), depth, "gray"))
    wide = rng.randint(0, 65536, (8, 9, 1))
    wide[0, :5, 0] = [0, 255, 256, 300, 65535]
    write("gray16.png", png(wide, 16, "gray"))
    write("dark16.png", png(rng.randint(0, 400, (8, 9, 1)), 16, "gray"))
    write("rgb16.png", png(rng.randint(0, 65536, (6, 7, 3)), 16, "rgb"))
    write("rgba16.png", png(rng.randint(0, 65536, (6, 7, 4)), 16, "rgba"))
    write("gray_alpha16.png", png(rng.randint(0, 65536, (6, 7, 2)), 16, "gray_alpha"))
    write("interlaced.png", png(rgb, 8, "rgb", True))
    write("interlaced_gray2.png", png(rng.randint(0, 4, (9, 13, 1)), 2, "gray", True))
    write("rgb_clear.png", png(rgb, 8, "rgb", False,
                               chunk(b"tRNS", struct.pack(">HHH", *rgb[3, 4].tolist()))))
    big = picture(37, 43, 3, 6)
    write("rgb.jpg", saved(Image.fromarray(big), "JPEG"))
    write("fine.jpg", saved(Image.fromarray(rgb), "JPEG", quality=95, subsampling=0))
    write("gray.jpg", saved(Image.fromarray(big[:, :, 0]), "JPEG"))
    write("progressive.jpg", saved(Image.fromarray(big), "JPEG", progressive=True))
    inks = saved(Image.fromarray(picture(16, 17, 4, 7), "CMYK"), "JPEG", quality=90)
    write("cmyk.jpg", inks)
    write("cmyk_plain.jpg", without_adobe(inks))


# ---- cases -------------------------------------------------------------------

def numbers(x):
    x = np.ascontiguousarray(x)
    return {"dtype": x.dtype.name, "shape": list(x.shape),
            "data": base64.b64encode(x.tobytes()).decode()}


def add(kind, **case):
    lines.append(json.dumps({"kind": kind, **case}, separators=(",", ":")))


def plain(image):
    x = utils.img_to_array(image)
    return x.astype("int32" if x.max() > 255 else "uint8")


def load(name, **options):
    image = utils.load_img(os.path.join(FILES, name), **options)
    add("load", file=name, options=options, result=numbers(plain(image)))


def record_loading():
    for name in sorted(os.listdir(FILES)):
        for mode in ("grayscale", "rgb", "rgba"):
            load(name, color_mode=mode)


def record_resizing():
    for name, mode in (("rgb.png", "rgb"), ("rgba.png", "rgba"), ("gray.png", "grayscale"),
                       ("dark16.png", "grayscale")):
        for method in ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos"):
            if name == "dark16.png" and method not in ("nearest", "bilinear"):
                continue          # PIL wraps what goes below 0 or over a byte there
            for size in ((5, 4), (20, 23), (13, 6)):
                load(name, color_mode=mode, interpolation=method, target_size=size)
            load(name, color_mode=mode, interpolation=method, target_size=(9, 4),
                 keep_aspect_ratio=True)
    load("rgb.png", target_size=(13, 11), keep_aspect_ratio=True)
    for size in ((101, 97), (3, 100)):
        load("rgb.png", target_size=size)
    load("rgb.jpg", target_size=(8, 8), interpolation="bicubic", keep_aspect_ratio=True)


def record_arrays():
    rng = np.random.RandomState(8)
    x = (rng.randn(3, 4, 3) * 40).astype("float32")
    for options in ({}, {"scale": False}, {"data_format": "channels_last"}):
        values = np.abs(x) if options.get("scale") is False else x
        add("array", x=numbers(values), options=options,
            result=numbers(np.asarray(utils.array_to_img(values, **options))))
    first = x.transpose(2, 0, 1)
    add("array", x=numbers(first), options={"data_format": "channels_first"},
        result=numbers(np.asarray(utils.array_to_img(first, data_format="channels_first"))))
    gray = np.abs(x[:, :, :1]) * 20
    for options in ({}, {"scale": False}):
        image = np.asarray(utils.array_to_img(gray, **options))[:, :, None]
        add("array", x=numbers(gray), options=options, result=numbers(image))
    same = np.zeros((2, 2, 1), "float32")
    add("array", x=numbers(same), options={},
        result=numbers(np.asarray(utils.array_to_img(same))[:, :, None]))


def record_saving():
    folder = tempfile.mkdtemp()
    soft, name = picture(24, 29, 3, 9).astype("float32"), os.path.join(folder, "x.jpg")
    for options in ({}, {"quality": 30}, {"progressive": True}):
        utils.save_img(name, soft, **options)
        add("save", x=numbers(soft), options=options, result=numbers(plain(utils.load_img(name))))
    shutil.rmtree(folder)


CLASSES = {"cats": ("rgb.png", "rgba.png", "gray16.png"),
           "dogs": ("gray.png", "interlaced.png", "rgb16.png"),
           "owls": ("gray4.png", "palette.png", "gray_alpha.png")}


def make_folder(folder):
    for name, files in CLASSES.items():
        os.makedirs(os.path.join(folder, name))
        for file in files:
            shutil.copy(os.path.join(FILES, file), os.path.join(folder, name))


def dataset(folder, **options):
    made = utils.image_dataset_from_directory(folder, verbose=False, **options)
    batches = []
    for batch in made:
        x, y = batch if isinstance(batch, tuple) else (batch, None)
        case = {"x": numbers(np.asarray(x).astype("float32"))}
        if y is not None:
            case["y"] = numbers(np.asarray(y))
        batches.append(case)
    add("dataset", options=options, class_names=made.class_names, batches=batches,
        files=[os.path.relpath(p, folder) for p in made.file_paths])


def record_datasets():
    folder = tempfile.mkdtemp()
    make_folder(folder)
    small = {"image_size": (6, 5), "shuffle": False, "batch_size": 9}
    for method in ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian",
                   "mitchellcubic"):
        dataset(folder, interpolation=method, **small)
    dataset(folder, interpolation="bicubic", label_mode=None, **{**small, "image_size": (21, 19)})
    dataset(folder, interpolation="area", label_mode=None, **{**small, "image_size": (15, 16)})
    for method in ("bilinear", "nearest", "lanczos3"):
        dataset(folder, interpolation=method, crop_to_aspect_ratio=True, **{**small,
                "image_size": (7, 4)})
    for method in ("bilinear", "nearest", "area"):
        dataset(folder, interpolation=method, pad_to_aspect_ratio=True, **{**small,
                "image_size": (12, 10)})
    # Not the owls: of less than 8 bits TensorFlow makes an alpha of 15 in place of 255.
    dataset(folder, data_format="channels_first", label_mode="categorical", color_mode="rgba",
            class_names=["cats", "dogs"], **small)
    dataset(folder, color_mode="grayscale", labels=None, **{**small, "batch_size": 4})
    dataset(folder, class_names=["owls", "cats"], label_mode="binary", **small)
    dataset(folder, labels=[0, 1, 2, 0, 1, 2, 0, 1, 2], **small)
    shutil.rmtree(folder)


make_files()
record_loading()
record_resizing()
record_arrays()
record_saving()
record_datasets()
with open(os.path.join(HERE, "cases.jsonl"), "w") as f:
    f.write("\n".join(lines) + "\n")
print(len(lines), "cases")
