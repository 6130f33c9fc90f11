"""FastAPI and Celery: tasks and the web side in one module, as their tutorials have it.

Environment: REDIS_SOCKET, and MODEL, a folder with the linear model's weights. They are read into plain Python, which
is faster for one trip than scikit-learn's pipeline would be.
"""
import array
import os

from celery import Celery
from celery.result import AsyncResult
from fastapi import FastAPI
from pydantic import BaseModel, Field

ADDRESS = "redis+socket://%s" % os.environ["REDIS_SOCKET"]
celery = Celery("trips", broker=ADDRESS, backend=ADDRESS)
celery.conf.result_expires = 86_400

weights = array.array("f")
with open(os.path.join(os.environ["MODEL"], "weights.bin"), "rb") as file:
    weights.frombytes(file.read())
pickup, dropoff, slope = weights[0], weights[1], weights[-1]
intercepts = weights[2:-1]


class Trip(BaseModel):
    PULocationID: int = Field(ge=1, le=265)
    DOLocationID: int = Field(ge=1, le=265)
    trip_distance: float = Field(ge=0, le=100)


@celery.task(name="predict")
def predict(trip):
    pair = int(trip["PULocationID"] * pickup + trip["DOLocationID"] * dropoff)
    return {"duration": intercepts[pair] + trip["trip_distance"] * slope}


app = FastAPI()


@app.post("/jobs", status_code=202)
def submit(trip: Trip):
    return {"id": predict.delay(trip.dict()).id, "status": "PENDING"}


@app.get("/jobs/{id}")
def job(id: str):
    result = AsyncResult(id, app=celery)
    if not result.ready():
        return {"id": id, "status": result.status}
    return {"id": id, "status": result.status, "result": result.get()}


@app.post("/predict")
def blocking(trip: Trip):
    return predict.delay(trip.dict()).get(timeout=30)
