"""The linear model and its input, for all services of this folder that are written in Python.

Environment: MODEL, a folder with the model's weights. They are read into plain Python, which is faster for one trip than
scikit-learn's pipeline would be.
"""
import array
import os

from pydantic import BaseModel, Field

weights = array.array("f")
with open(os.path.join(os.environ["MODEL"], "weights.bin"), "rb") as file:
    weights.frombytes(file.read())
pickup, dropoff, slope = weights[0], weights[1], weights[-1]
intercepts = weights[2:-1]


class Trip(BaseModel):
    PULocationID: int = Field(ge=1, le=265)
    DOLocationID: int = Field(ge=1, le=265)
    trip_distance: float = Field(ge=0, le=100)


def minutes(trip):
    """The answer to a trip, as a dictionary to a dictionary."""
    pair = int(trip["PULocationID"] * pickup + trip["DOLocationID"] * dropoff)
    return {"duration": intercepts[pair] + trip["trip_distance"] * slope}
