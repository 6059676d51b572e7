"""Trainings of small models in real Keras: logs of each epoch, and the final weights.

One case a line of trajectories.jsonl (trajectories_cases.py has the list). Data, first weights
and order are given, so that a reader trains the same: all numbers are sines or remainders, 24
samples in batches of 8, in order. Recorded on TensorFlow; on PyTorch what has embeddings.
"""

import json
import os

import numpy as np

from .trajectories_cases import cases

ENGINES = ("tensorflow", "torch")
SAMPLES = 24


def wave(*shape):
    """Numbers that both sides make alike."""
    n = int(np.prod(shape))
    return np.sin(np.arange(1, n + 1, dtype="float64") * 1.7).reshape(shape).astype("float32")


def ids(classes, *shape):
    n = np.arange(int(np.prod(shape)))
    return ((n * n + n // 3) % classes).reshape(shape).astype("int32")


# ---- models and data -------------------------------------------------------------------------

def task_of(keras, name, layer):
    """inputs, outputs, x, y"""
    layers = keras.layers
    x = wave(SAMPLES, 3)
    inputs = keras.Input((3,))
    hidden = layers.Dense(4, activation="tanh", **layer)
    if name == "norm":
        y = layers.Dense(1)(layers.BatchNormalization(momentum=0.8)(hidden(inputs)))
        return inputs, y, x, wave(SAMPLES, 1)
    if name == "ctc":
        inputs = keras.Input((6, 3))
        return inputs, layers.Dense(5)(hidden(inputs)), wave(SAMPLES, 6, 3), 1 + ids(
            4, SAMPLES, 2)
    if name == "conv":
        inputs = keras.Input((5, 5, 1))
        y = layers.MaxPooling2D(2)(layers.Conv2D(4, 2, activation="tanh")(inputs))
        y = layers.Dense(1)(layers.Flatten()(y))
        return inputs, y, wave(SAMPLES, 5, 5, 1), wave(SAMPLES, 1)
    if name == "attention":
        inputs = keras.Input((4, 3))
        y = layers.MultiHeadAttention(2, 3)(inputs, inputs)
        y = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(y))
        return inputs, layers.Dense(1)(y), wave(SAMPLES, 4, 3), wave(SAMPLES, 1)
    if name == "tokens":
        inputs = keras.Input((5,), dtype="int32")
        y = layers.LSTM(4)(layers.Embedding(6, 4, mask_zero=True)(inputs))
        return (inputs, layers.Dense(1, activation="sigmoid")(y), ids(6, SAMPLES, 5),
                ids(2, SAMPLES, 1).astype("float32"))
    if name == "steps":
        inputs = keras.Input((5,), dtype="int32")
        y = layers.GRU(4, return_sequences=True)(layers.Embedding(6, 4, mask_zero=True)(inputs))
        return inputs, layers.Dense(1)(y), ids(6, SAMPLES, 5), wave(SAMPLES, 5, 1)
    if name == "two outputs":
        h = hidden(inputs)
        outputs = [layers.Dense(1, name="a")(h), layers.Dense(3, activation="softmax", name="b")(h)]
        return inputs, outputs, x, [wave(SAMPLES, 1), ids(3, SAMPLES, 1)]
    h = hidden(inputs)
    if name == "regression":
        return inputs, layers.Dense(1)(h), x, wave(SAMPLES, 1)
    if name == "regression01":
        return inputs, layers.Dense(1)(h), x, ids(2, SAMPLES, 1).astype("float32")
    if name == "binary":
        y = layers.Dense(1, activation="sigmoid")(h)
        return inputs, y, x, ids(2, SAMPLES, 1).astype("float32")
    y = layers.Dense(3, activation="softmax")(h)
    if name == "sparse":
        return inputs, y, x, ids(3, SAMPLES, 1)
    if name == "ids":
        return inputs, y, x, ids(3, SAMPLES)
    return inputs, y, x, np.eye(3, dtype="float32")[ids(3, SAMPLES)]


def weights_of(case):
    kind = case.get("sample_weight")
    if kind == "rows":
        return np.abs(wave(SAMPLES))
    if kind == "steps":
        return np.abs(wave(SAMPLES, 5))
    if kind == "a row each":
        return [np.abs(wave(SAMPLES)), np.abs(wave(2, SAMPLES)[1])]
    return None


def made(module, told):
    """The object that a case tells."""
    if isinstance(told, str) or told is None:
        return told
    name, options = told
    return getattr(module, name)(**options)


def optimizer_of(keras, told):
    name, options = told or ("SGD", {"learning_rate": 0.1})
    rate = options["learning_rate"]
    if isinstance(rate, list):
        rate = made(keras.optimizers.schedules, rate)
    return made(keras.optimizers, [name, {**options, "learning_rate": rate}])


def callback_of(keras, told):
    name, options = told
    if options == "halve":
        return keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    return made(keras.callbacks, told)


# ---- models of a user's own ------------------------------------------------------------------

def own_class(keras, tf, kind):
    ops = keras.ops

    class Step(keras.Model):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = ops.mean(ops.abs(y - y_pred) ** 3)
            grads = tape.gradient(loss, self.trainable_weights)
            self.optimizer.apply_gradients(zip(grads, self.trainable_weights))
            return {"loss": loss, "peak": ops.max(y_pred)}

    class StepMetrics(keras.Model):
        def train_step(self, data):
            x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
            with tf.GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight)
            grads = tape.gradient(loss, self.trainable_weights)
            self.optimizer.apply(grads, self.trainable_weights)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred)
            return {m.name: m.result() for m in self.metrics}

    class StepAndSuper(keras.Model):
        def train_step(self, data):
            logs = super().train_step(data)
            return {**logs, "twice": 2 * logs["loss"]}

    class ComputeLoss(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return ops.mean((y - y_pred) ** 2) + 0.1 * ops.mean(y_pred ** 2)

    class ComputeMetrics(keras.Model):
        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            results = super().compute_metrics(x, y, y_pred, sample_weight)
            return {**results, "peak": ops.max(y_pred)}

    class TestStep(keras.Model):
        def test_step(self, data):
            x, y = data
            return {"loss": ops.mean((y - self(x, training=False)) ** 4)}

    class TwoOptimizers(keras.Model):
        def compile(self, **options):
            super().compile(**options)
            self.second = keras.optimizers.Adam(0.05)

        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = ops.mean((y - self(x, training=True)) ** 2)
            grads = tape.gradient(loss, self.trainable_weights)
            self.optimizer.apply(grads[:2], self.trainable_weights[:2])
            self.second.apply(grads[2:], self.trainable_weights[2:])
            return {"loss": loss}

    class Accumulates(keras.Model):
        """Half of the gradient of the batch before is added to each."""
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = ops.mean((y - self(x, training=True)) ** 2)
            grads = tape.gradient(loss, self.trainable_weights)
            for kept, grad in zip(self.kept, grads):
                kept.assign(0.5 * kept + grad)
            self.optimizer.apply([k.value for k in self.kept], self.trainable_weights)
            return {"loss": loss}

    classes = {"step": Step, "step metrics": StepMetrics, "step and super": StepAndSuper,
               "compute_loss": ComputeLoss, "compute_metrics": ComputeMetrics,
               "test_step": TestStep, "two optimizers": TwoOptimizers,
               "accumulates": Accumulates}
    return classes.get(kind, keras.Model)


def own_objects(keras):
    """A layer, a loss, a metric and an optimizer of a user's own."""
    ops = keras.ops

    class Penalty(keras.layers.Layer):
        def call(self, x):
            self.add_loss(0.3 * ops.mean(ops.abs(x)))
            return x

    class Cubed(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return ops.mean(ops.abs(y_true - y_pred) ** 3, axis=-1)

    class Peak(keras.metrics.Metric):
        def __init__(self):
            super().__init__(name="peak")
            self.peak = self.add_weight(name="peak", initializer="zeros")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.peak.assign(ops.maximum(self.peak, ops.max(ops.abs(y_pred))))

        def result(self):
            return self.peak.value

    class Sign(keras.optimizers.Optimizer):
        def update_step(self, gradient, variable, learning_rate):
            self.assign_sub(variable, learning_rate * ops.sign(gradient))

    return Penalty(), Sign(0.01), Cubed(), Peak()


def vae(keras, tf):
    """The noise is an input, so that both sides have the same."""
    ops, layers = keras.ops, keras.layers

    class VAE(keras.Model):
        def __init__(self):
            super().__init__()
            x, z = keras.Input((3,)), keras.Input((2,))
            h = layers.Dense(4, activation="tanh")(x)
            self.encoder = keras.Model(x, [layers.Dense(2)(h), layers.Dense(2)(h)])
            h = layers.Dense(4, activation="tanh")(z)
            self.decoder = keras.Model(z, layers.Dense(3)(h))
            self.total = keras.metrics.Mean(name="loss")
            self.kl = keras.metrics.Mean(name="kl_loss")

        @property
        def metrics(self):
            return [self.total, self.kl]

        def train_step(self, data):
            x, noise = data[0]
            with tf.GradientTape() as tape:
                mean, log_var = self.encoder(x)
                z = mean + ops.exp(0.5 * log_var) * noise
                error = ops.mean(ops.sum((x - self.decoder(z)) ** 2, axis=1))
                kl = -0.5 * (1 + log_var - mean ** 2 - ops.exp(log_var))
                kl = ops.mean(ops.sum(kl, axis=1))
                loss = error + kl
            grads = tape.gradient(loss, self.trainable_weights)
            self.optimizer.apply_gradients(zip(grads, self.trainable_weights))
            self.total.update_state(loss)
            self.kl.update_state(kl)
            return {"loss": self.total.result(), "kl_loss": self.kl.result()}

    model = VAE()
    model.compile(optimizer=keras.optimizers.Adam(0.02))
    return model, [wave(SAMPLES, 3), wave(SAMPLES, 2)]


def gan(keras, tf):
    """Two models and two optimizers; one draw of noise, an input, for both steps."""
    ops, layers = keras.ops, keras.layers

    class GAN(keras.Model):
        def __init__(self):
            super().__init__()
            x, z = keras.Input((3,)), keras.Input((2,))
            self.discriminator = keras.Model(
                x, layers.Dense(1)(layers.Dense(4, activation="tanh")(x)))
            self.generator = keras.Model(
                z, layers.Dense(3)(layers.Dense(4, activation="tanh")(z)))
            self.d_optimizer = keras.optimizers.Adam(0.02, epsilon=0.01)
            self.g_optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
            self.error = keras.losses.BinaryCrossentropy(from_logits=True)

        def train_step(self, data):
            real, noise = data[0]
            both = ops.concatenate([self.generator(noise), real], axis=0)
            labels = ops.concatenate([ops.ones((8, 1)), ops.zeros((8, 1))], axis=0)
            d_weights = self.discriminator.trainable_weights
            with tf.GradientTape() as tape:
                d_loss = self.error(labels, self.discriminator(both))
            self.d_optimizer.apply(tape.gradient(d_loss, d_weights), d_weights)
            g_weights = self.generator.trainable_weights
            with tf.GradientTape() as tape:
                g_loss = self.error(ops.zeros((8, 1)), self.discriminator(self.generator(noise)))
            self.g_optimizer.apply(tape.gradient(g_loss, g_weights), g_weights)
            return {"d_loss": d_loss, "g_loss": g_loss}

    model = GAN()
    model.compile()
    return model, [wave(SAMPLES, 3), wave(SAMPLES, 2)]


# ---- running ---------------------------------------------------------------------------------

def model_of(keras, tf, case):
    """The compiled model, x and y."""
    kind = case.get("own")
    if kind in ("vae", "gan"):
        return *(vae if kind == "vae" else gan)(keras, tf), None
    inputs, outputs, x, y = task_of(keras, case.get("task", "regression"), case.get("layer", {}))
    if kind == "objects":
        penalty, optimizer, loss, peak = own_objects(keras)
        model = keras.Model(inputs, penalty(outputs))
        model.compile(optimizer=optimizer, loss=loss, metrics=[peak])
        return model, x, y
    model = own_class(keras, tf, kind)(inputs, outputs)
    if kind == "accumulates":
        model.kept = [keras.Variable(keras.ops.zeros(w.shape), trainable=False)
                      for w in model.trainable_weights]
    options = {"optimizer": optimizer_of(keras, case.get("optimizer")),
               "loss": made(keras.losses, case.get("loss", "mse"))}
    for name in ("metrics", "weighted_metrics"):
        if name in case:
            options[name] = [made(keras.metrics, told if isinstance(told, list) else
                                  [told, {}] if told[0].isupper() else told)
                             for told in case[name]]
    model.compile(**{**options, **case.get("compile", {})})
    return model, x, y


def run(keras, tf, case):
    keras.backend.clear_session()
    model, x, y = model_of(keras, tf, case)
    weights = model.trainable_weights if case.get("own") == "accumulates" else model.weights
    for weight in weights:
        value = 0.5 * wave(*weight.shape)
        weight.assign(np.abs(value) if "variance" in weight.name else value)
    fit = {"epochs": 3, **case.get("fit", {})}
    if "class_weight" in fit:
        fit["class_weight"] = {int(k): v for k, v in fit["class_weight"].items()}
    if "callback" in case:
        fit["callbacks"] = [callback_of(keras, case["callback"])]
    history = model.fit(x, y, batch_size=8, shuffle=False, verbose=0,
                        sample_weight=weights_of(case), **fit)
    logs = {k: [float(v) for v in values] for k, values in history.history.items()}
    final = np.concatenate([w.numpy().ravel() if hasattr(w, "numpy") else
                            keras.ops.convert_to_numpy(w).ravel() for w in weights])
    return {"logs": logs, "weights": [float(v) for v in final]}


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return {k: rounded(v) for k, v in value.items()}


def record(engine, here):
    import keras

    tf = None
    if engine == "tensorflow":
        import tensorflow as tf
    path = os.path.join(here, "trajectories.jsonl")
    with open(path, "w" if engine == ENGINES[0] else "a", encoding="utf-8") as out:
        for name, case in cases(engine):
            line = {"name": name, **case, **rounded(run(keras, tf, case))}
            out.write(json.dumps(line, separators=(",", ":")) + "\n")
