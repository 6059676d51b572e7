"""Windows of a series, as timeseries_dataset_from_array makes them: one case a line."""

import json
import os

import numpy as np

ENGINES = ("tensorflow",)

CASES = [
    dict(sequence_length=3),
    dict(sequence_length=3, sequence_stride=4, sampling_rate=2, batch_size=2),
    dict(sequence_length=4, start_index=5, end_index=15, batch_size=4, sequence_stride=2),
    dict(sequence_length=2, batch_size=None, sequence_stride=9),
]


def plain(batch):
    parts = batch if isinstance(batch, tuple) else (batch,)
    return [part.numpy().tolist() for part in parts]


def record(engine, here):
    """Data 0..19; targets: none, ten times the data, those from the sixth on."""
    import keras

    data = np.arange(20).astype("float32")
    with open(os.path.join(here, "timeseries.jsonl"), "w", encoding="utf-8") as out:
        for options in CASES:
            for targets in (None, data * 10, data[6:] * 10):
                batches = keras.utils.timeseries_dataset_from_array(data, targets, **options)
                out.write(json.dumps({
                    "options": options,
                    "targets": None if targets is None else len(targets),
                    "batches": [plain(batch) for batch in batches],
                }) + "\n")
