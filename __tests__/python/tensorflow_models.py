"""Makes small models of TensorFlow, converts each with a command of docs/models.md, and writes what they answer themselves.

tensorflow_models.py MODELS: standard input is a JSON object with the documented commands by the format that they take.
Each model becomes MODELS/<name>/ and MODELS/<name>.json: {"inputs": {tensor: rows}, "outputs": {tensor: rows}}.
"""
import json
import os
import subprocess
import sys

import keras
import numpy as np
import tensorflow as tf
import tf_keras

COMMANDS = json.load(sys.stdin)
PATH = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
random = np.random.default_rng(1)
keras.utils.set_random_seed(1)
tf_keras.utils.set_random_seed(1)


def convert(name, save, command, inputs, outputs):
    os.makedirs(name)
    os.chdir(name)
    save()
    subprocess.run(command, shell=True, check=True, stdout=sys.stderr, env={**os.environ, "PATH": PATH})
    os.rename("model/greenhouse", f"{sys.argv[1]}/{name}")
    os.chdir("..")
    answers = {"inputs": {k: np.asarray(v).tolist() for k, v in inputs.items()}, "outputs": {"y": np.asarray(outputs).tolist()}}
    with open(f"{sys.argv[1]}/{name}.json", "w") as file:
        json.dump(answers, file)


def convert_keras3(name, model, inputs):
    save = lambda: model.export("saved_model")
    convert(name, save, COMMANDS["tf_saved_model"], inputs, model(list(inputs.values())))


measures = random.normal(size=(6, 4)).astype("float32")
normalize = keras.layers.Normalization(mean=[0.1, 0.2, 0.3, 0.4], variance=[1, 2, 3, 4])
dense = keras.Sequential([keras.Input((4,)), normalize, keras.layers.Dense(8, "relu"), keras.layers.Dense(1)])
convert_keras3("keras3", dense, {"measures": measures})

zone = keras.Input((1,), dtype="int32", name="zone")
distance = keras.Input((1,), name="distance")
place = keras.layers.Flatten()(keras.layers.Embedding(10, 3)(zone))
minutes = keras.layers.Dense(2)(keras.layers.Concatenate()([place, distance]))
rows = {"zone": np.arange(6, dtype="int32")[:, None], "distance": measures[:, :1]}
convert_keras3("embedding", keras.Model([zone, distance], minutes), rows)

layers = [keras.layers.Rescaling(1 / 255), keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.Flatten()]
conv = keras.Sequential([keras.Input((8, 8, 2)), *layers, keras.layers.Dense(3, "softmax")])
convert_keras3("convolution", conv, {"planes": random.integers(0, 256, (6, 8, 8, 2)).astype("float32")})


class Area(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="measures")])
    def serve(self, measures):
        return {"area": measures[:, 0] * measures[:, 1] + tf.math.log1p(tf.abs(measures[:, 2]))}


area = Area()
save = lambda: tf.saved_model.save(area, "saved_model", signatures={"serving_default": area.serve})
convert("area", save, COMMANDS["tf_saved_model"], {"measures": measures}, area.serve(measures)["area"])

old = tf_keras.Sequential([tf_keras.layers.Dense(8, "tanh", input_shape=(4,)), tf_keras.layers.Dense(3, "softmax")])
# Weights that half precision holds exactly, so that the quantized model answers the same.
old.set_weights([np.float32(np.float16(weight)) for weight in old.get_weights()])
save = lambda: old.save("model.h5")
convert("keras2", save, COMMANDS["keras"], {"measures": measures}, old(measures))
quantized = f"{COMMANDS['keras'].strip()} --quantize_float16 --weight_shard_size_bytes=64"
convert("quantized", save, quantized, {"measures": measures}, old(measures))
