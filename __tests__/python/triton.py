"""Asks a server by Triton's own client, over HTTP: triton.py HOST:PORT. Prints what it found as JSON."""
import json
import sys

import numpy as np
import tritonclient.http as triton

MODEL = "trip-duration-linear"
client = triton.InferenceServerClient(sys.argv[1])
TYPES = {"INT64": np.int64, "FP32": np.float32}
metadata = client.get_model_metadata(MODEL)
VALUES = {"PULocationID": 130, "DOLocationID": 205, "trip_distance": 3}


def infer(rows, binary):
    inputs = []
    for tensor in metadata["inputs"]:
        if tensor["name"] not in VALUES:
            continue
        given = triton.InferInput(tensor["name"], [rows], tensor["datatype"])
        values = np.full(rows, VALUES[tensor["name"]], TYPES[tensor["datatype"]])
        given.set_data_from_numpy(values, binary_data=binary)
        inputs.append(given)
    wanted = [triton.InferRequestedOutput("duration", binary_data=binary)]
    return client.infer(MODEL, inputs, outputs=wanted).as_numpy("duration").tolist()


def refusal():
    unknown = triton.InferInput("nope", [1], "FP32")
    unknown.set_data_from_numpy(np.zeros(1, np.float32))
    try:
        client.infer(MODEL, [unknown])
    except triton.InferenceServerException as error:
        return [error.status(), error.message()]


print(json.dumps({
    "live": client.is_server_live(),
    "ready": client.is_server_ready() and client.is_model_ready(MODEL),
    "outputs": metadata["outputs"],
    "answers": {f"{rows} {'binary' if binary else 'json'}": infer(rows, binary)
                for rows in (1, 3, 2000) for binary in (False, True)},
    "refusal": refusal(),
}))
