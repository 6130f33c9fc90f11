"""LitServe: the model behind an API that answers with the result. LitServe has no jobs.

Arguments: port. Environment: what linear_model.py takes.
"""
import sys

import litserve

from linear_model import Trip, minutes


class Trips(litserve.LitAPI):
    def setup(self, device):
        pass

    def decode_request(self, request: Trip):
        return request.model_dump()

    def predict(self, trip):
        return minutes(trip)

    def encode_response(self, output):
        return output


if __name__ == "__main__":
    server = litserve.LitServer(Trips(api_path="/predict"), accelerator="cpu", devices=1)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False)
