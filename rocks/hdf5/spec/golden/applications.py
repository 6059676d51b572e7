"""Do the architectures of keras.applications load, and say the same?

    python3 rocks/hdf5/spec/golden/applications.py [NAME..]   (from the checkout, after make rocks)

Each is made with random weights and random moments, saved as .keras by Keras 3 and
as .h5 by tf_keras, and loaded by applications.lua, which prints how far its
predictions are. Files are too large to be kept. Status 1 if one is off by 1e-5.
"""

import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
NAMES = ("ResNet50", "ResNet50V2", "VGG16", "MobileNet", "MobileNetV2", "MobileNetV3Small",
         "MobileNetV3Large", "DenseNet121", "EfficientNetB0", "EfficientNetV2B0", "Xception",
         "InceptionV3", "InceptionResNetV2", "NASNetMobile", "ConvNeXtTiny")
SIZE = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71, "NASNetMobile": 224}


def write(engine, name, folder):
    """In a process of its own: one model by one Keras."""
    if engine == "keras2":
        os.environ["TF_USE_LEGACY_KERAS"] = "1"
        import tf_keras as keras
    else:
        import keras
    import numpy as np

    keras.utils.set_random_seed(7)
    size = SIZE.get(name, 64)
    m = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), classes=10)
    stream = np.random.RandomState(1)
    for v in m.weights:
        if "moving_mean" in v.name:
            v.assign(stream.normal(0, 0.1, v.shape))
        elif "moving_variance" in v.name:
            v.assign(stream.uniform(0.5, 1.5, v.shape))
    x = stream.uniform(-1, 1, (2, size, size, 3)).astype("float32")
    y = m.predict(x, verbose=0)
    m.save(os.path.join(folder, "m.keras" if engine == "keras3" else "m.h5"))
    x.tofile(os.path.join(folder, "x"))
    y.astype("float32").tofile(os.path.join(folder, "y"))
    with open(os.path.join(folder, "size"), "w") as f:
        f.write(str(size))


def main():
    failed = 0
    for name in sys.argv[1:] or NAMES:
        for engine, file in (("keras3", "m.keras"), ("keras2", "m.h5")):
            with tempfile.TemporaryDirectory() as folder:
                subprocess.run([sys.executable, __file__, "--write", engine, name, folder],
                               check=True, stderr=subprocess.DEVNULL)
                run = subprocess.run(["lua5.4", os.path.join(HERE, "applications.lua"), folder,
                                      file], capture_output=True, text=True)
            failed += run.returncode != 0
            print(f"{name:18} {file:8} {run.stdout.strip()}{run.stderr.strip()[-300:]}", flush=True)
    sys.exit(failed > 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        write(*sys.argv[2:])
    else:
        main()
