"""BentoML: the model as a task, which is submitted and asked for, and as an API that answers with the result.

Environment: what linear_model.py takes.
"""
import bentoml

from linear_model import Trip, minutes


@bentoml.service
class Trips:
    @bentoml.task(input_spec=Trip, route="/jobs")
    def task(self, **trip) -> dict:
        return minutes(trip)

    @bentoml.api(input_spec=Trip, route="/predict")
    def predict(self, **trip) -> dict:
        return minutes(trip)
