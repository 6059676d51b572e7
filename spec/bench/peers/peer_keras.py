"""Keras on TensorFlow: predictions by a tf.function, whose result is brought to NumPy, and steps
by the function that fit calls, both without XLA."""

import os

os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3")

import keras
import tensorflow as tf

import data
import worker


def model_of(name):
    with open(data.path(name + ".json")) as file:
        model = keras.models.model_from_json(file.read())
    model.set_weights(list(data.weights(name).values()))
    return model


class Peer:
    def __init__(self):
        tf.config.threading.set_intra_op_parallelism_threads(worker.threads())
        tf.config.threading.set_inter_op_parallelism_threads(1)

    def predict(self, name, x):
        model, x = model_of(name), tf.constant(x)
        function = tf.function(lambda x: model(x, training=False))
        return lambda: function(x).numpy()

    def train(self, name, x, y):
        model = model_of(name)
        model.compile("adam", data.loss(name), jit_compile=False)
        batches = iter(tf.data.Dataset.from_tensors((x, y)).repeat())
        model.make_train_function()
        return lambda: float(model.train_function(batches)["loss"])


worker.serve(Peer())
