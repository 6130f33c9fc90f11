"""Trains small models, exports each with the code of docs/models.md, and writes what the libraries themselves answer.

onnx_models.py MODELS: standard input is a JSON object with the documented blocks of code by library.
Each model becomes MODELS/<name>/model.onnx and MODELS/<name>.json: {"inputs": {tensor: rows}, "outputs": {tensor: rows}}.
"""
import json
import os
import sys

import numpy as np
from sklearn.datasets import load_iris, make_regression
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.ensemble import RandomForestRegressor
from xgboost import XGBClassifier

BLOCKS = json.load(sys.stdin)
OPTIONS = ', options={"zipmap": False}'
iris = load_iris()
kinds = iris.data.astype("float32"), iris.target
values = make_regression(200, 4, noise=1, random_state=1)
values = values[0].astype("float32"), values[1] / 100


def export(name, model, data, code):
    X, y = data
    model.fit(X, y)
    os.makedirs(f"{name}/model/greenhouse")
    os.chdir(name)
    exec(code, {"model": model, "X": X})
    os.rename("model/greenhouse/model.onnx", f"{sys.argv[1]}/{name}/model.onnx")
    os.chdir("..")
    some = X[::10]
    predicted = model.predict(some)
    outputs = {"variable": predicted}
    if hasattr(model, "predict_proba"):
        outputs = {"label": predicted, "probabilities": model.predict_proba(some)}
    answers = {"inputs": {"X": some.tolist()}, "outputs": {k: np.asarray(v).tolist() for k, v in outputs.items()}}
    with open(f"{sys.argv[1]}/{name}.json", "w") as file:
        json.dump(answers, file)


for each in ("pipeline", "histogram", "regressor", "boosted"):
    os.makedirs(f"{sys.argv[1]}/{each}")
skl = BLOCKS["skl2onnx"]
assert OPTIONS in skl
export("pipeline", make_pipeline(StandardScaler(), LogisticRegression()), kinds, skl)
export("histogram", HistGradientBoostingClassifier(max_iter=20), kinds, skl)
export("regressor", RandomForestRegressor(20, random_state=1), values, skl.replace(OPTIONS, ""))
export("boosted", XGBClassifier(n_estimators=20, max_depth=3), kinds, BLOCKS["onnxmltools"])
