"""Train a model from a spec on a running cluster: `rayline.run` as a job.

    rayline submit jobs/train.py --address http://HEAD:8265 -- SPEC --set storage=s3://BUCKET/rayline
    ray job submit --address http://HEAD:8265 \
        --runtime-env-json '{"working_dir": "jobs", "py_modules": ["platform/rayline"]}' -- \
        python train.py specs/breast_cancer.yaml --set storage=s3://BUCKET/rayline
"""

from __future__ import annotations

import argparse
import json

import rayline
from rayline.cluster.job import finish


def main() -> None:
    parser = argparse.ArgumentParser(description="Train, judge and register a model from a spec.")
    parser.add_argument("spec", help="a YAML file of the job's working directory")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key of the spec")
    parser.add_argument("--resume", action="store_true", help="continue the latest unfinished run of this spec")
    given = parser.parse_args()
    result = rayline.run(given.spec, sets=given.set, resume=given.resume)
    print(json.dumps(result.to_json(), indent=2, default=str))


if __name__ == "__main__":
    finish(main)
