"""Archives by numpy.savez_compressed, with blocks of each kind of deflate, and what zlib and gzip
make of small texts: one case a line."""

import base64
import gzip
import json
import os
import zlib

import numpy as np

ENGINES = ("formula",)


def texts():
    draw = np.random.RandomState(0)
    yield b""
    yield b"a"
    yield b"abcabcabc" * 40
    yield bytes(3000)
    yield draw.bytes(300)
    yield draw.randint(97, 105, 900).astype("uint8").tobytes()
    yield b"".join(b"%d, %d\n" % (i, i * i) for i in range(120))


def streams(text):
    for level, strategy in ((0, zlib.Z_DEFAULT_STRATEGY), (9, zlib.Z_DEFAULT_STRATEGY),
                            (6, zlib.Z_HUFFMAN_ONLY), (6, zlib.Z_FIXED), (1, zlib.Z_RLE)):
        pack = zlib.compressobj(level, zlib.DEFLATED, -15, 8, strategy)
        yield pack.compress(text) + pack.flush()


def record(engine, here):
    draw = np.random.RandomState(1)
    np.savez_compressed(
        os.path.join(here, "files", "numpy_compressed.npz"),
        digits=draw.randint(0, 10, (40, 9)).astype("uint8"), ramp=np.arange(500, dtype="int32"),
        noise=draw.randn(30).astype("float32"), none=np.zeros((0, 3), "float64"),
        fortran=np.asfortranarray(np.arange(6.0).reshape(2, 3)))
    with open(os.path.join(here, "deflated.jsonl"), "w", encoding="utf-8") as out:
        for text in texts():
            out.write(json.dumps({
                "text": base64.b64encode(text).decode(), "crc": zlib.crc32(text),
                "streams": [base64.b64encode(s).decode() for s in streams(text)],
                "gzip": base64.b64encode(gzip.compress(text, mtime=0)).decode(),
            }) + "\n")
