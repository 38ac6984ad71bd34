"""Score a data set of any size with a registered model on a running cluster: `rayline predict` as a job.

    rayline submit jobs/batch_predict.py --address http://HEAD:8265 -- \
        adult@champion s3://BUCKET/new.parquet --output s3://BUCKET/scored
    ray job submit --address http://HEAD:8265 \
        --runtime-env-json '{"working_dir": "jobs", "py_modules": ["platform/rayline"]}' -- \
        python batch_predict.py adult@champion s3://BUCKET/new.parquet --output s3://BUCKET/scored
"""

from __future__ import annotations

import argparse

from rayline.cluster.job import finish
from rayline.pipeline.batch import predict


def main() -> None:
    parser = argparse.ArgumentParser(description="Score every row of a data set.")
    parser.add_argument("model", help="NAME@ALIAS, NAME/VERSION, or NAME for its champion")
    parser.add_argument("data", help="a file, folder, glob, URL or sklearn:NAME that every machine can read")
    parser.add_argument("-o", "--output", required=True, help="OUT.csv, OUT.parquet, or a folder of Parquet files")
    given = parser.parse_args()
    rows = predict(given.model, given.data, given.output)
    print(f"{rows:,} rows scored: {given.output}")


if __name__ == "__main__":
    finish(main)
