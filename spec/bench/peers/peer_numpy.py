"""NumPy: ops alone; what it has not is not taken."""

import numpy as np

import worker


class Peer:
    def op(self, name, x):
        def top_k():
            places = np.argpartition(x, -10, axis=-1)[..., -10:]
            return np.take_along_axis(x, places, -1)
        return {"sort": lambda: np.sort(x), "argsort": lambda: np.argsort(x, kind="stable"),
                "top_k": top_k, "rfft": lambda: np.fft.rfft(x),
                "svd": lambda: np.linalg.svd(x)}[name.removesuffix("_rows")]


worker.serve(Peer())
