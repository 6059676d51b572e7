"""Records weights that real Keras writes in several files, of archives beside this file:

    python3 rocks/hdf5/spec/golden/shards.py

shards.zip      NAME.weights.json and the files that it lists
"""

import os
import tempfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras  # noqa: E402

# Model and bytes that a file may have.
MODELS = (("optimizer_adam", 100), ("nested", 200))


def main():
    with tempfile.TemporaryDirectory() as folder:
        for name, size in MODELS:
            m = keras.saving.load_model(os.path.join(HERE, "models", name + ".keras"))
            m.save_weights(os.path.join(folder, name + ".weights.json"), max_shard_size=size / 2**30)
        with zipfile.ZipFile(os.path.join(HERE, "shards.zip"), "w") as z:
            for file in sorted(os.listdir(folder)):
                with open(os.path.join(folder, file), "rb") as f:
                    z.writestr(zipfile.ZipInfo(file), f.read(), zipfile.ZIP_DEFLATED, 9)


if __name__ == "__main__":
    main()
