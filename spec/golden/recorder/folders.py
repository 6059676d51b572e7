"""Folders of files as datasets: which files, labels and names each option gives, one case a line;
the first line is the tree. What comes after the shuffle of tf.data is not recorded."""

import contextlib
import copy
import io
import json
import os
import tempfile

ENGINES = ("tensorflow",)

FILES = ["a/1.txt", "a/2.txt", "a/10.txt", "a/deep/z.TXT", "a/deep-er/y.txt", "a/no.md",
         "b/x.txt", "b/Y.txt", "B/q.txt", ".hidden/1.txt", "top.txt", "c/w.txt", "c/v.txt"]

INDEX = [
    dict(shuffle=False), dict(seed=3), dict(seed=123456), dict(shuffle=False, labels=None),
    dict(shuffle=False, class_names=["c", "a"]), dict(seed=7, labels=list(range(3)) * 4),
    dict(shuffle=False, follow_links=True),
]
SETS = [
    dict(), dict(label_mode="categorical"), dict(label_mode=None), dict(max_length=3),
    dict(label_mode="binary", class_names=["b", "c"]), dict(batch_size=None, class_names=["c"]),
    dict(validation_split=0.3, subset="training"), dict(validation_split=0.3, subset="validation"),
    dict(validation_split=0.25, subset="both", batch_size=4),
]


def plain(batch):
    def one(x):
        x = x.numpy()
        if isinstance(x, bytes):
            return x.decode()
        return [v.decode() for v in x] if x.dtype == object else x.tolist()

    parts = batch if isinstance(batch, tuple) else (batch,)
    return [one(part) for part in parts]


def record(engine, here):
    import keras
    from keras.src.utils import dataset_utils

    rows = [{"files": FILES, "link": ["c/linked", "../b"]}]
    with tempfile.TemporaryDirectory() as folder:
        for name in FILES:
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
                out.write("text of " + name)
        os.symlink("../b", os.path.join(folder, "c/linked"))
        for options in INDEX:
            said = {"labels": "inferred", "formats": (".txt",), **copy.deepcopy(options)}
            paths, labels, names = dataset_utils.index_directory(folder, verbose=False, **said)
            rows.append({"index": options, "names": names,
                         "paths": [os.path.relpath(path, folder) for path in paths],
                         "labels": None if labels is None else [int(x) for x in labels]})
        for options in SETS:
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                sets = keras.utils.text_dataset_from_directory(folder, shuffle=False, **options)
            sets = sets if isinstance(sets, list) else [sets]
            rows.append({"options": options, "said": said.getvalue(),
                         "names": sets[0].class_names,
                         "sets": [[plain(batch) for batch in one] for one in sets]})
    with open(os.path.join(here, "folders.jsonl"), "w", encoding="utf-8") as out:
        out.writelines(json.dumps(row) + "\n" for row in rows)
