"""Files of tensors, as the package safetensors writes them.

files/python.safetensors: each element type that lunula has, with sizes from none to four, empty
tensors, names and texts that are not ASCII. Element i of a tensor is i / 2 - 1 (floats), i - 1
(whole numbers; uint8: i), i % 2 (booleans).
files/python_lacking.safetensors: "x" as uint16 and other types that lunula lacks, and "there",
which is float32.
"""

import os

import torch
from safetensors.torch import save_file

ENGINES = ("torch",)

SIZES = {"none": (), "one": (3,), "two": (2, 3), "four": (2, 1, 3, 2), "empty": (0,),
         "empty_rows": (2, 0, 3)}
FLOATS = {"F32": torch.float32, "F64": torch.float64, "F16": torch.float16,
          "BF16": torch.bfloat16}
WHOLE = {"I64": torch.int64, "I32": torch.int32, "I8": torch.int8}
LACKING = {"I16": torch.int16, "U16": torch.uint16, "U32": torch.uint32, "U64": torch.uint64,
           "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2}


def tensors():
    found = {}
    for label, sizes in SIZES.items():
        i = torch.arange(int(torch.tensor(sizes).prod()) if sizes else 1).reshape(sizes)
        for name, dtype in FLOATS.items():
            found[f"{name}/{label}"] = (i / 2 - 1).to(dtype)
        for name, dtype in WHOLE.items():
            found[f"{name}/{label}"] = (i - 1).to(dtype)
        found[f"U8/{label}"] = i.to(torch.uint8)
        found[f"BOOL/{label}"] = i % 2 == 1
    found["größe/カーネル \"1\"\n\u0001😀"] = torch.tensor([7.0])
    return found


def record(engine, here):
    folder = os.path.join(here, "files")
    save_file(tensors(), os.path.join(folder, "python.safetensors"),
              {"format": "pt", "größe": "カーネル \"1\"\n\u0001😀", "": ""})
    lacking = {name: torch.zeros(2).to(dtype) for name, dtype in LACKING.items()}
    save_file({"there": torch.ones(2), **lacking},
              os.path.join(folder, "python_lacking.safetensors"))
    print("2 files")
