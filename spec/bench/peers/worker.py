"""What a worker in Python is: a process that builds a model when it is first asked for it, stays
alive, and answers one line with one line.

    check MODEL                               the largest difference from Keras, relative
    ready                                     anything: it has loaded its runtime
    predict|train MODEL BATCH RUNS CALLS      seconds of one call: best and median of the runs
    op NAME 1 RUNS CALLS                      the same of a function of keras.ops

A run is CALLS calls in a row. What cannot be done is answered with `none` and the reason."""

import os
import sys
import time

import numpy as np

import data


# What a busy machine takes away does not count as processor time.
clock = time.process_time if os.environ.get("PEERS_CLOCK") == "cpu" else time.perf_counter


class Worker:
    """peer.predict(model, x) -> a function that predicts; peer.train(model, x, y) -> one that
    takes an Adam step; peer.op(name, x) -> one that computes; a peer may lack what it has not."""

    def __init__(self, peer):
        self.peer, self.case, self.call = peer, None, None

    def make(self, *case):
        """One case is kept: the large ones do not fit into memory together."""
        if case == self.case:
            return
        self.case = self.call = None
        what, model, batch = case
        x = data.operand(model) if what == "op" else data.sample(model, batch)
        if what == "op":
            self.call = self.peer.op(model, x)
        elif what == "train":
            self.call = self.peer.train(model, x, data.target(model, batch))
        else:
            self.call = self.peer.predict(model, x)
        self.case = case
        self.call()

    def time(self, what, model, batch, runs, calls):
        self.make(what, model, int(batch))
        times = []
        for _ in range(int(runs)):
            start = clock()
            for _ in range(int(calls)):
                self.call()
            times.append((clock() - start) / int(calls))
        times.sort()
        return f"{times[0]:.9g} {times[len(times) // 2]:.9g}"

    def check(self, model):
        x = data.numbers(model + ".x", (2, *data.shape(model)))
        got = np.asarray(self.peer.predict(model, x)()).ravel()
        want = data.numbers(model + ".y", -1)
        return f"{np.abs(got - want).max() / np.abs(want).max():.3g}"

    def answer(self, what, *words):
        if what == "ready":
            return what
        try:
            return self.check(*words) if what == "check" else self.time(what, *words)
        except Exception as error:
            return "none " + " ".join(str(error).split())[:100]


def threads():
    return int(os.environ["PEERS_THREADS"])


def serve(peer):
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)                                    # what the libraries print is no answer
    worker = Worker(peer)
    for line in sys.stdin:
        print(worker.answer(*line.split()), file=answers, flush=True)
