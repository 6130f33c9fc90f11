"""FastAPI and Celery: tasks and the web side in one module, as their tutorials have it.

Environment: REDIS_SOCKET, and what linear_model.py takes.
"""
import os

from celery import Celery
from celery.result import AsyncResult
from fastapi import FastAPI

from linear_model import Trip, minutes

ADDRESS = "redis+socket://%s" % os.environ["REDIS_SOCKET"]
celery = Celery("trips", broker=ADDRESS, backend=ADDRESS)
celery.conf.result_expires = 86_400
predict = celery.task(minutes, name="predict")
app = FastAPI()


@app.post("/jobs", status_code=202)
def submit(trip: Trip):
    return {"id": predict.delay(trip.model_dump()).id, "status": "PENDING"}


@app.get("/jobs/{id}")
def job(id: str):
    result = AsyncResult(id, app=celery)
    if not result.ready():
        return {"id": id, "status": result.status}
    return {"id": id, "status": result.status, "result": result.get()}


@app.post("/predict")
def blocking(trip: Trip):
    return predict.delay(trip.model_dump()).get(timeout=30)
