"""Records what real Keras computes, for the specs of lunula to compare with.

    python3 -m venv oracle && . oracle/bin/activate
    pip install keras==3.15.1 torch==2.13.0 tensorflow==2.21.0 tf-keras==2.21.0 scipy \
        safetensors==0.8.0
    python3 spec/golden/record.py                 everything
    python3 spec/golden/record.py layers Dense    one section, some classes
    python3 spec/golden/record.py verify          runs every layer case on the other
                                                  backend too and lists differences

Sections: those of SECTIONS below. A second run writes the same bytes.
One thread, fixed seeds; every random stream is named after its case.

What is written, beside this file:

versions.json      what was installed when everything was recorded
layers/<Class>.json  a list of cases, one to a line:
    name, class_name, source   "keras" (3), "tf_keras" (2) or "formula" (NumPy)
    config            layer.get_config()
    custom            functions or classes that a reader must have by these names
    inputs            every tensor that goes in, states and masks too
    input_masks       masks that these tensors carry with them, or null
    call              arguments: positional; keywords: by name. {"input": i} stands for
                      inputs[i] (from 0), lists are lists of tensors
    weights           name, path, trainable, tensor, in the order of get_weights
    outputs, masks    all results, flat; the mask each one carries, or null
    cotangents        c_i of the scalar sum(output_i * c_i) that was differentiated
    input_gradients, weight_gradients   of that scalar; null where there is none
    then              further calls of the same layer (stateful ones); "reset" says
                      that the states were reset before
    expects           count_params, losses (activity, then weights), supports_masking,
                      weights_after (where the call changed them), output_shapes for an
                      unknown batch
    note              what is particular
A tensor is {"shape", "dtype", "data": base64 of little-endian elements, bool one byte};
strings are a flat list. A case without "outputs" is about its config and weights only.

names.txt          the public names of Keras, as one writes them in Lua: recorder/names.py
signatures.json    arguments of every class and keras.ops function, in order
operations.json    the classes that ops are in files: module, what one is made and called with
refusals.json      arguments of constructors, and whether Keras refuses them
ops_calls.txt      single calls of ops, each with its numbers or "refused", in Lua; from the
                   list recorder/ops_calls.in
types.lua          what ops give for booleans, whole numbers and floats: recorder/types.py
layer_types.json   what layers give for them: recorder/layer_types.py
activations.json initializers.json regularizers.json constraints.json losses.json
metrics.json optimizers.json schedules.json    numbers of those
image_draws.json   what layers of images do with a draw of Keras's: recorder/image_draws.py
bounding_boxes.json   calls of keras.utils.bounding_boxes: recorder/bounding_boxes.py
timeseries.jsonl   windows of a series as batches, one case a line: recorder/timeseries.py
folders.jsonl      folders of files as datasets, one case a line: recorder/folders.py
datasets.jsonl files/datasets   keras.datasets on small files: recorder/datasets.py
deflated.jsonl files/numpy*   what zlib and NumPy packed: recorder/numpy_files.py
trajectories.jsonl whole trainings: logs of each epoch, final weights, one case a line:
                   recorder/trajectories.py
split.jsonl        parts of datasets: recorder/split.py
feature_space.jsonl   columns as vectors: recorder/feature_space.py
none_classes.json none_ops.json    what each parameter means when it is not said, and as None
sizes_ops.json sizes_layers.json    shapes of results where a size is not known
models/*.json      one model each: the JSON text that Keras wrote, weights, inputs, outputs
files/python*      files of tensors by the package safetensors: recorder/files.py
"""

import argparse
import importlib
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

from recorder import engines, tensors  # noqa: E402

ENGINES = ("torch", "tensorflow", "tf_keras", "formula")
CATALOGUES = ("core", "conv", "pool", "norm", "recurrent", "attention",
              "preprocessing", "augmentation", "legacy")
SECTIONS = ("layers", "numbers", "signatures", "operations", "ops_calls", "refusals", "types",
            "layer_types", "none", "sizes", "models", "files", "timeseries", "folders",
            "numpy_files", "datasets", "split", "feature_space", "image_draws",
            "bounding_boxes", "names", "trajectories")


def catalogue():
    from recorder.cases import CATALOGUE

    for name in CATALOGUES:
        importlib.import_module(f"recorder.layers_{name}")
    return CATALOGUE


def run_cases(engine, classes, verify):
    """In a process of its own: the cases of one engine, by class and position."""
    engines.setup(engine)
    rows = catalogue()
    runner = None if engine == "formula" else engines.create(engine)
    results, failures = {}, []
    for class_name in classes or rows:
        for i, case in enumerate(rows[class_name]):
            if case.engine != engine and not (verify and case.engine in ENGINES[:2]):
                continue
            try:
                if engine == "formula":
                    results[f"{class_name}/{i}"] = case.make(case)
                else:
                    results[f"{class_name}/{i}"] = engines.Run(runner, case).record()
            except Exception as error:
                if not verify:
                    failures.append(f"{class_name}: {case.name}: {error!r:.600}")
                results[f"{class_name}/{i}"] = {"error": str(error).split("\n")[0][:150]}
    if failures:
        sys.exit("\n".join(failures))
    return results


def spawn(section, engine, words, verify=False):
    """Keras picks its backend at import, so each engine is a process."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "results.json")
        command = [sys.executable, os.path.abspath(__file__), section, *words,
                   "--engine", engine, "--results", path]
        subprocess.run(command + (["--verify"] if verify else []), check=True)
        return tensors.read(path)


def record_layers(classes):
    engines.setup("torch")
    rows = catalogue()
    results = {}
    for engine in ENGINES:
        if any(c.engine == engine for n in classes or rows for c in rows[n]):
            results.update(spawn("layers", engine, classes))
    for class_name in classes or rows:
        found = [results[f"{class_name}/{i}"] for i in range(len(rows[class_name]))]
        tensors.write(os.path.join(HERE, "layers", f"{class_name}.json"), found)
        print(f"{class_name}: {len(found)}")
    if not classes:
        for name in os.listdir(os.path.join(HERE, "layers")):
            if name.rpartition(".")[0] not in rows:
                os.remove(os.path.join(HERE, "layers", name))


def record_elsewhere(module, words):
    """Sections that need both Keras run once in each."""
    for engine in importlib.import_module(f"recorder.{module}").ENGINES:
        spawn(module, engine, words)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("section", nargs="?", help=", ".join(SECTIONS) + " or verify")
    parser.add_argument("classes", nargs="*", help="only these")
    for name in ("--engine", "--results"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    parser.add_argument("--verify", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()

    if given.engine and given.section == "layers":
        results = run_cases(given.engine, given.classes, given.verify)
        with open(given.results, "w", encoding="utf-8") as file:
            json.dump(results, file)
    elif given.engine:
        engines.setup(given.engine)
        module = importlib.import_module(f"recorder.{given.section}")
        module.record(given.engine, HERE)
        with open(given.results, "w", encoding="utf-8") as file:
            json.dump({}, file)
    elif given.section == "verify":
        from recorder import verify

        engines.setup("torch")
        rows = catalogue()
        other = {e: spawn("layers", e, given.classes, verify=True) for e in ENGINES[:2]}
        verify.compare(HERE, rows, other, given.classes)
    else:
        if not given.section:
            tensors.write(os.path.join(HERE, "versions.json"), {
                name: importlib.metadata.version(name)
                for name in ("keras", "tf_keras", "torch", "tensorflow", "numpy", "scipy")})
        for section in [given.section] if given.section else SECTIONS:
            if section == "layers":
                record_layers(given.classes)
            else:
                record_elsewhere(section, given.classes)


if __name__ == "__main__":
    main()
