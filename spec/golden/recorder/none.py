"""What every parameter means when it is not said, and when it is said to be None.

none_classes.json   kind -> class -> parameter -> [unsaid, none, call]
none_ops.json       op -> parameter -> [case, unsaid, none]

Of a class: the case is the first of its own file of numbers that is called (of layers/X.json that
of the name in "case"), made from its config without the parameter, then with None. `unsaid` and
`none` are what get_config shows, an object as its class name, "!absent" when it tells nothing,
"!TypeError" when it is refused; ["!untaken"] is of what Keras's class does not know.
`call` is what a first call with None does: "same" result as the case, "other", "ran" when two of
the case differ themselves, or "!ValueError"; there is none for what is not called.
Of an op: for each parameter of Keras's, the smallest case of spec/support/ops_cases to which None
makes a difference (or the smallest), and what comes out without the parameter and with None:
nested numbers of each result, "same" as the case, or "!ValueError".
"""

import copy
import inspect
import os

import numpy as np

from . import engines, ops_cases, tensors

ENGINES = ("tensorflow", "tf_keras")

COMMON = ("name", "trainable", "dtype", "autocast", "activity_regularizer")
ABSENT, UNTAKEN = "!absent", "!untaken"


def record(engine, here):
    tool = engines.create(engine)
    path = os.path.join(here, "none_classes.json")
    if engine == "tf_keras":
        found = tensors.read(path)
        found["legacy_layers"] = layers(tool, here, legacy=True)
    else:
        found = {"layers": layers(tool, here)}
        for name in ("losses", "metrics", "optimizers", "schedules", "initializers",
                     "regularizers", "constraints"):
            found[name] = of_numbers(tool, here, name)
        found["callbacks"] = callbacks(tool)
        tensors.write(os.path.join(here, "none_ops.json"), ops(tool))
    tensors.write_nested(path, found)


def refusal(error):
    return "!" + type(error).__name__


def shown(value):
    """A value of a config, short: an object is its class."""
    if isinstance(value, dict) and "class_name" in value:
        inner = value.get("config")
        if value["class_name"] == "DTypePolicy":
            return inner["name"]
        is_function = value["class_name"] == "function"
        return value["registered_name"] if is_function else value["class_name"]
    if isinstance(value, (list, tuple)):
        return [shown(v) for v in value]
    if isinstance(value, float):
        return float("%.7g" % value)
    try:
        return tensors.plain(value)
    except TypeError:
        return "object"


# ---- classes

def flat(tool, value):
    import tensorflow as tf

    return [np.asarray(tool.array(v)) for v in tf.nest.flatten(value)]


def equal(a, b):
    def close(x, y):
        if x.dtype.kind in "OSUb":
            return np.array_equal(x, y)
        return np.allclose(x, y, rtol=1e-4, atol=1e-6, equal_nan=True)

    return len(a) == len(b) and all(
        x.shape == y.shape and close(x, y) for x, y in zip(a, b))


def walk(cls, config, run, more=()):
    """The rows of a class: `config` is that of the case, run(object) gives flat arrays."""
    parameters = inspect.signature(cls.__init__).parameters.values()
    named = [p.name for p in parameters
             if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.name != "self"]
    is_open = any(p.kind == p.VAR_KEYWORD for p in parameters)
    rows, bases = {}, None
    try:
        bases = [run(make(cls, config)) for _ in range(2)] if run else None
    except Exception as error:
        print(f"{cls.__name__}: the case does not run: {error!r:.200}")
    for name in sorted({*named, *config, *more}):
        if name not in named and not is_open:
            rows[name] = [UNTAKEN]
            continue
        less = {k: v for k, v in config.items() if k != name}
        none = {**less, name: None}
        rows[name] = [configured(cls, less, name), *said(cls, none, name, run, bases)]
    return rows


def make(cls, config):
    return cls.from_config(copy.deepcopy(config))      # reading takes configs to pieces


def configured(cls, config, name):
    try:
        try:
            thing = make(cls, config)
        except KeyError:            # a from_config that counts on it
            thing = cls(**config)
        return shown(thing.get_config().get(name, ABSENT))
    except Exception as error:
        return refusal(error)


def said(cls, config, name, run, bases):
    try:
        thing = make(cls, config)
        none = shown(thing.get_config().get(name, ABSENT))
    except Exception as error:
        return [refusal(error)]
    if not bases:
        return [none]
    try:
        result = run(thing)
    except Exception as error:
        return [none, refusal(error)]
    if equal(bases[0], result):
        return [none, "same"]
    return [none, "other" if equal(*bases) else "ran"]


def layers(tool, here, legacy=False):
    folder, found = os.path.join(here, "layers"), {}
    for file in sorted(os.listdir(folder)):
        cases = tensors.read(os.path.join(folder, file))
        case = next((c for c in cases if c.get("outputs") and not c.get("custom")), cases[0])
        name = case["class_name"]
        cls = layer_class(tool, name, legacy)
        if (case["source"] == "tf_keras") != legacy or cls is None:
            continue
        runs = case.get("outputs") and not name.startswith("CuDNN")
        tool.keras.utils.set_random_seed(1)
        run = (lambda layer, case=case: run_layer(tool, layer, case)) if runs else None
        rows = walk(cls, case["config"], run, COMMON)
        found[name] = {"case": case["name"], "none": rows}
        print(name, flush=True)
    return found


def layer_class(tool, name, legacy):
    if legacy:
        from tf_keras.src.layers.rnn.cudnn_gru import CuDNNGRU
        from tf_keras.src.layers.rnn.cudnn_lstm import CuDNNLSTM

        return {"CuDNNGRU": CuDNNGRU, "CuDNNLSTM": CuDNNLSTM}.get(
            name, getattr(tool.keras.layers, name, None))
    return getattr(tool.keras.layers, name, None)


def run_layer(tool, layer, case):
    tool.keras.utils.set_random_seed(1)
    arrays = [tensors.untensor(i) for i in case["inputs"]]
    leaves = [tool.leaf(a) for a in arrays]
    for leaf, mask in zip(leaves, case["input_masks"]):
        if mask is not None:
            leaf._keras_mask = tool.leaf(tensors.untensor(mask))

    def resolve(node):
        if isinstance(node, dict):
            return leaves[node["input"]] if set(node) == {"input"} else {
                k: resolve(v) for k, v in node.items()}
        return [resolve(v) for v in node] if isinstance(node, list) else node

    if "adapt" in case:
        layer.adapt(tensors.untensor(case["adapt"]))
    arguments = resolve(case["call"]["arguments"])
    keywords = {k: resolve(v) for k, v in case["call"]["keywords"].items()}
    layer(*arguments, **keywords)
    wanted = [tensors.untensor(w["tensor"]) for w in case["weights"]]
    fits = [np.shape(w) for w in layer.get_weights()] == [w.shape for w in wanted]
    if fits and wanted:
        layer.set_weights(wanted)
    return flat(tool, layer(*arguments, **keywords))


def of_numbers(tool, here, kind):
    """Classes whose numbers are in a file of their kind."""
    module = tool.keras.optimizers.schedules if kind == "schedules" else getattr(tool.keras, kind)
    found = {}
    for case in tensors.read(os.path.join(here, f"{kind}.json")):
        name = case["class_name"]
        if name in found:
            continue
        run = globals()["run_" + kind]
        found[name] = walk(getattr(module, name), case["config"],
                           lambda thing, case=case, run=run: run(tool, thing, case))
    print(kind, len(found), flush=True)
    return found


def given(record):
    return None if record is None else tensors.untensor(record)


def run_losses(tool, loss, case):
    values = [given(case[k]) for k in ("y_true", "y_pred", "sample_weight")]
    return flat(tool, loss(*values))


def run_metrics(tool, metric, case):
    update = case["updates"][0]
    arguments = {k: given(v) if isinstance(v, dict) else v for k, v in update.items()
                 if k not in ("result", "mask")}
    metric.update_state(**arguments)
    return flat(tool, metric.result())


def run_optimizers(tool, optimizer, case):
    variables = [tool.keras.Variable(given(v), name=n.rpartition("/")[2])
                 for v, n in zip(case["variables"], case["names"])]
    for step in case["steps"][:2]:
        optimizer.apply([tool.leaf(given(g)) for g in step["gradients"]], variables)
    return flat(tool, variables)


def run_schedules(tool, schedule, case):
    return flat(tool, [schedule(s) for s in case["steps"]])


def run_initializers(tool, initializer, case):
    return flat(tool, initializer(tuple(case["shape"]), "float32"))


def run_regularizers(tool, regularizer, case):
    return flat(tool, regularizer(tool.leaf(given(case["input"]))))


def run_constraints(tool, constraint, case):
    return flat(tool, constraint(tool.leaf(given(case["input"]))))


CALLBACKS = {
    "EarlyStopping": {}, "ReduceLROnPlateau": {}, "CSVLogger": {"filename": "log.csv"},
    "LearningRateScheduler": {"schedule": lambda epoch, lr: lr}, "TerminateOnNaN": {},
    "LambdaCallback": {}, "History": {}, "SwapEMAWeights": {},
    "BackupAndRestore": {"backup_dir": "backup"}, "ModelCheckpoint": {"filepath": "m.keras"},
    "CallbackList": {}, "RemoteMonitor": {}, "TensorBoard": {},
}


def callbacks(tool):
    """They have no config: only whether they can be made."""
    found = {}
    for name, needed in CALLBACKS.items():
        cls, rows = getattr(tool.keras.callbacks, name), {}
        for parameter in list(inspect.signature(cls.__init__).parameters.values())[1:]:
            if parameter.kind == parameter.VAR_KEYWORD:
                continue
            try:
                cls(**{**needed, parameter.name: None})
                rows[parameter.name] = [None, None]
            except Exception as error:
                rows[parameter.name] = [None, refusal(error)]
        found[name] = rows
    return found


# ---- ops

def arguments_of(function, case):
    """The call of a case, all by name, so that one can be left out or be None."""
    inputs = [ops_cases.to_array(entry) for entry in case["inputs"]]
    positional, named = ops_cases.arguments(case, inputs)
    return dict(inspect.signature(function).bind(*positional, **named).arguments)


def numbers(result):
    import keras

    texts = []
    for y in result if isinstance(result, (list, tuple)) else [result]:
        y = np.asarray(keras.ops.convert_to_numpy(y)).astype("complex128").real
        texts.append(nested(y.tolist()))
    return texts


def nested(value):
    if isinstance(value, list):
        return [nested(v) for v in value]
    return float("%.6g" % value) if np.isfinite(value) else str(value)


def outcome(function, arguments, base=None):
    try:
        result = numbers(function(**arguments))
    except Exception as error:
        return refusal(error)
    return "same" if result == base else result


def cases_of_ops(tool):
    """op -> its function and the arguments and results of its cases, the smallest first."""
    found = {}
    for case in sorted(ops_cases.dump("all"), key=lambda c: sum(len(i["data"]) for i in c["inputs"])):
        function = ops_cases.find(tool.keras, case["op"])
        if function is None or case["call"] in ("einsum", "variadic", "rest"):
            continue
        try:
            arguments = arguments_of(function, case)
        except TypeError:       # an option of ours
            continue
        base = outcome(function, arguments)
        if not isinstance(base, str) and len(tensors.dump(base)) <= 3000:
            found.setdefault(case["op"], (function, []))[1].append((case["key"], arguments, base))
    return found


def ops(tool):
    found = {}
    for name, (function, cases) in cases_of_ops(tool).items():
        found[name] = {
            p.name: of_parameter(function, p.name, cases)
            for p in inspect.signature(function).parameters.values()
            if p.kind is not p.VAR_KEYWORD}
    return found


def of_parameter(function, name, cases):
    rows = []
    for key, arguments, base in cases:
        less = {k: v for k, v in arguments.items() if k != name}
        rows.append([key, outcome(function, less, base),
                     outcome(function, {**less, name: None}, base)])
    return max(rows, key=lambda row: 2 * (row[1] == "same") + isinstance(row[2], list))
