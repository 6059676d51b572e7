"""Parts of a dataset by keras.utils.split_dataset, one case a line."""

import json
import os

import numpy as np

ENGINES = ("tensorflow",)

CASES = [
    (10, dict(left_size=0.8)), (10, dict(right_size=3)), (7, dict(left_size=0.5)),
    (5, dict(left_size=0.3)), (9, dict(left_size=2, right_size=0.5)),
    (12, dict(left_size=0.75, shuffle=True, seed=3)),
    (40, dict(right_size=0.25, shuffle=True, seed=1337)),
    (6, dict(left_size=4, shuffle=True, seed=0)),
    (11, dict(left_size=5, shuffle=True, seed=2 ** 40 + 7)),
]


def record(engine, here):
    import keras

    with open(os.path.join(here, "split.jsonl"), "w", encoding="utf-8") as out:
        for n, options in CASES:
            parts = keras.utils.split_dataset(np.arange(n), **options)
            out.write(json.dumps({"n": n, "options": options,
                                  "parts": [[int(x) for x in part] for part in parts]}) + "\n")
