"""What is measured, and what it must reach and should reach.

Of `predict`, `train` and `op` the figures are lunula's time by the best peer's (NumPy, which has
one thread, sorts values by the processor's widest vectors: an aim, where there is no must), of
`kernel` the share of the FMA peak, of the others what their unit says."""

from collections import namedtuple

Case = namedtuple("Case", "what model batch must aim flops", defaults=(None,))
Gate = namedtuple("Gate", "name command column unit must aim model", defaults=(None, None))

CASES = [
    Case("predict", "tiny", 1, 0.35, 0.2),
    Case("predict", "mlp", 1, 1.0, 0.8),
    Case("predict", "mlp", 32, 1.0, 0.8),
    Case("predict", "convnet", 1, 1.0, 0.8),
    Case("predict", "convnet", 32, 1.0, 0.8),
    Case("predict", "lstm", 1, 0.9, 0.65),
    Case("predict", "lstm", 32, 0.9, 0.65),
    Case("predict", "transformer", 1, 1.0, 0.75),
    Case("predict", "transformer", 32, 1.0, 0.75),
    Case("predict", "mobilenetv2", 1, 1.0, 0.9),
    Case("predict", "mobilenetv2", 32, 1.0, 0.9),
    Case("predict", "resnet50", 1, 1.0, 0.9),
    Case("predict", "resnet50", 32, 1.0, 0.9),
    Case("train", "mlp", 128, 0.9, 0.6),
    Case("train", "convnet", 128, 0.9, 0.6),
    Case("train", "lstm", 128, 0.9, 0.6),
    Case("train", "transformer", 32, 0.9, 0.6),
    Case("op", "argsort", 1, 1.0, 0.5, 10**6),
    Case("op", "sort_rows", 1, None, 1.0, 10**6),
    Case("op", "sort", 1, None, 1.0, 10**6),
    Case("op", "top_k", 1, 1.0, 0.5, 10**6),
    Case("op", "top_k_rows", 1, 1.0, 0.8, 10**6),
    Case("op", "rfft", 1, 2.0, 1.0, 2**16),
    Case("op", "svd", 1, 1.2, 1.0, 256**2),
    Case("op", "ctc_loss", 1, 1.0, 0.5, 32 * 100 * 61),
    Case("op", "ctc_loss_back", 1, 1.0, 0.5, 32 * 100 * 61),
    Case("kernel", "product", 1, 0.80, 0.90, 2 * 1024**3),
    Case("kernel", "conv56x56x64", 1, 0.80, 0.92, 2 * 56 * 56 * 9 * 64 * 64),
    Case("kernel", "conv14x14x256", 1, 0.80, 0.92, 2 * 14 * 14 * 9 * 256 * 256),
    Case("kernel", "conv7x7x512", 1, 0.80, 0.92, 2 * 7 * 7 * 9 * 512 * 512),
]

# What has no model, and so no numbers of Keras's: the specs hold those.
NO_MODEL = ("op", "kernel")

# Processes that print figures, of which `column` is the one meant.
GATES = [
    Gate("first answer from Lua", "lua first_answer.lua", 0, "ms", 5),
    Gate("first answer from C", "tiny", 0, "ms", 5),
    Gate("tiny:1 from C", "tiny", 1, "us", None, 0.15),
    Gate("a step of a plan", "lua steps.lua", 0, "ns", None, 100),
    Gate("mlp:1 alone, 2 threads", "lua alone.lua 1", 0, "x of one", 1.15, 1.0, "mlp"),
    Gate("mlp:32 alone, 2 threads", "lua alone.lua 32", 0, "x of one", 1.0, 0.7, "mlp"),
    Gate("64 batch sizes", "lua batch_sizes.lua", 0, "x of one", 1.3, model="tiny"),
    Gate("lstm of 1024 steps, train", "lua long_lstm.lua", 0, "s", 0.8),
    Gate("attention 1024, predict", "lua memory.lua attention_predict", 0, "MB", 40),
    Gate("attention 1024, train", "lua memory.lua attention_train", 0, "MB", 200),
    Gate("attention 1024, train with dropout", "lua memory.lua attention_drop", 0, "MB", 200),
    Gate("resnet50, first run", "lua memory.lua resnet50", 0, "x weights", 2.4,
         model="resnet50"),
    Gate("resnet50, from a file to the first answer", "python from_file.py resnet50", 0, "x of ORT",
         1.0, model="resnet50"),
]

# The worker that stands for each runtime.
WORKERS = {
    "lunula": "lua peer_lunula.lua",
    "onnx": "python peer_onnx.py",
    "litert": "python peer_litert.py",
    "torch": "python peer_torch.py eager",
    "torch_cl": "python peer_torch.py channels_last",
    "torch_jit": "python peer_torch.py jit",
    "keras": "python peer_keras.py",
    "numpy": "python peer_numpy.py",
}


def chosen(words, batches):
    """The cases and gates that words name (a model, model:batch, predict, train, op, kernel, gate,
    a part of a gate's name); all without words."""
    def named(*names):
        return not words or any(word in names for word in words)
    cases = [c for c in CASES if named(c.what, c.model, f"{c.model}:{c.batch}")
             and (not batches or c.batch in batches)]
    gates = [g for g in GATES if named("gate") or any(word in g.name for word in words)]
    return cases, [] if batches else gates
