"""Put registered models behind the cluster's endpoint: `rayline deploy` as a job.

    rayline submit jobs/deploy.py --address http://HEAD:8265 -- adult@champion --start
    ray job submit --address http://HEAD:8265 \
        --runtime-env-json '{"working_dir": "jobs", "py_modules": ["platform/rayline"]}' -- \
        python deploy.py adult@champion --start

Replicas import the Rayline that is installed on the machines, not the one that comes with the job. Beyond loopback
an endpoint asks for API keys: set RAYLINE_API_KEYS where Ray is started on the head.
"""

from __future__ import annotations

import argparse

from rayline.cluster.connect import connect
from rayline.cluster.job import finish
from rayline.pipeline.serving import deploy
from rayline.serve import on_ray
from rayline.serve.keys import read


def main() -> None:
    parser = argparse.ArgumentParser(description="Have the endpoint serve these models.")
    parser.add_argument("models", nargs="+", help="NAME, NAME@ALIAS or NAME/VERSION")
    parser.add_argument("--alias", action="append", default=[], help="alias the version takes at the endpoint")
    parser.add_argument("--keep", action="store_true", help="keep the models' other versions answering too")
    parser.add_argument("--start", action="store_true", help="start the endpoint first, if none runs")
    parser.add_argument("--host", default="127.0.0.1", help="for --start")
    parser.add_argument("--port", type=int, default=8000, help="for --start")
    given = parser.parse_args()
    with connect():
        if given.start and on_ray.status()["url"] is None:
            on_ray.start(given.host, given.port, keys=read())
        status = deploy(given.models, aliases=given.alias, keep=given.keep)
    print(f"{', '.join(status['models'])} at {status['url']}")


if __name__ == "__main__":
    finish(main)
