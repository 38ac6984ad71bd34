"""Search the settings of a spec on a running cluster, then train the best: `rayline.search` as a job.

    rayline submit jobs/tune.py --address http://HEAD:8265 -- SPEC --set storage=s3://BUCKET/rayline
    ray job submit --address http://HEAD:8265 \
        --runtime-env-json '{"working_dir": "jobs", "py_modules": ["platform/rayline"]}' -- \
        python tune.py specs/breast_cancer.yaml --set storage=s3://BUCKET/rayline
"""

from __future__ import annotations

import argparse
import json

import rayline
from rayline.cluster.job import finish


def main() -> None:
    parser = argparse.ArgumentParser(description="Search a spec's tune.space, then train, judge and register the best.")
    parser.add_argument("spec", help="a YAML file of the job's working directory")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key of the spec")
    parser.add_argument("--resume", action="store_true", help="continue the latest unfinished search of this spec")
    given = parser.parse_args()
    result = rayline.search(given.spec, sets=given.set, resume=given.resume)
    print(json.dumps(result.to_json(), indent=2, default=str))


if __name__ == "__main__":
    finish(main)
