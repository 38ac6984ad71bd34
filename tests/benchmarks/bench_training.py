"""Training throughput beside a bare torch loop: same network, batches, rows and threads, no validation in either.

    python tests/benchmarks/bench_training.py [--data adult.csv --target income] [--epochs 3] [--rounds 5] [--threads 1]

Both sides run in turn, and the medians are compared. Without `--data`, rows of adult's shape are generated.
The bare loop is what one writes by hand: a permutation an epoch, batches by index, `zero_grad`, `backward`, gradient
clipping, AdamW (torch's default form, or `--fused`), a cosine schedule.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import polars as pl
import torch
from torch import nn

from rayline.core.columns import Target, Task
from rayline.core.prepared import Layout, Prepared, Rows
from rayline.models.network import Network
from rayline.models.networks.mlp import Config
from rayline.spec.sections import Train
from rayline.train.batches import order
from rayline.train.loop import fit

ADULT_SIZES = (10, 18, 9, 16, 8, 7, 4, 43)
TARGET = Target("target", Task.BINARY, ("0", "1"), "1")


def generated(rows: int) -> tuple[Layout, Rows]:
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(rows, 6)).astype(np.float32)
    categories = np.stack([rng.integers(0, size, rows) for size in ADULT_SIZES], axis=1).astype(np.int32)
    target = (numbers[:, 0] + categories[:, 0] / 5 + rng.normal(size=rows) > 1).astype(np.float32)
    layout = Layout(tuple("abcdef"), tuple("ghijklmn"), ADULT_SIZES)
    return layout, Rows(Prepared(numbers, categories), target, np.arange(rows))


def read(path: str, target: str) -> tuple[Layout, Rows]:
    """Rows of a CSV file, prepared plainly: numbers standardised, categories numbered; 70% of the rows."""
    frame = pl.read_csv(path).sample(fraction=0.7, seed=0)
    classes = frame[target].unique().sort().to_list()
    numbers = [n for n, t in frame.drop(target).schema.items() if t.is_numeric()]
    categories = [n for n in frame.columns if n not in numbers and n != target]
    matrix = frame.select(pl.col(numbers).fill_null(strategy="mean")).to_numpy().astype(np.float64)
    scaled = ((matrix - matrix.mean(0)) / matrix.std(0)).astype(np.float32)
    ids = frame.select(pl.col(categories).fill_null("").rank("dense").cast(pl.Int32) + 1)
    sizes = tuple(int(ids[name].max()) + 1 for name in categories)  # type: ignore[arg-type]
    values = (frame[target] == classes[-1]).to_numpy().astype(np.float32)
    return Layout(tuple(numbers), tuple(categories), sizes), Rows(
        Prepared(scaled, np.ascontiguousarray(ids.to_numpy())), values, np.arange(len(frame))
    )


def bare(network: Network, rows: Rows, settings: Train, *, fused: bool) -> float:
    """Seconds of the loop written by hand."""
    network.learn(rows)
    started = time.perf_counter()
    numbers, categories = torch.tensor(rows.inputs.numbers), torch.tensor(rows.inputs.categories)
    target = torch.tensor(rows.target)
    options = {"fused": True} if fused else {}
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.optimizer.lr, weight_decay=0.01, **options)  # type: ignore[attr-defined]
    steps = -(-len(rows) // settings.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps * settings.epochs)
    criterion = nn.BCEWithLogitsLoss()
    network.train()
    for epoch in range(settings.epochs):
        permutation = torch.from_numpy(order(len(rows), settings.seed, epoch))
        for start in range(0, len(rows), settings.batch_size):
            ids = permutation[start : start + settings.batch_size]
            optimizer.zero_grad()
            loss = criterion(network(numbers[ids], categories[ids]), target[ids])
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", help="a CSV file; default: generated rows of adult's shape")
    parser.add_argument("--target", default="income")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--fused", action="store_true", help="give the bare loop torch's fused AdamW too")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    layout, rows = read(given.data, given.target) if given.data else generated(34_000)
    settings = Train(epochs=given.epochs, batch_size=given.batch_size)

    def network() -> Network:
        return Config().build(layout, TARGET)

    def ours() -> float:
        started = time.perf_counter()
        fit(network(), rows, None, settings)
        return time.perf_counter() - started

    rates: dict[str, list[float]] = {"rayline": [], "bare torch": []}
    for _ in range(given.rounds):
        rates["rayline"].append(len(rows) * given.epochs / ours())
        rates["bare torch"].append(len(rows) * given.epochs / bare(network(), rows, settings, fused=given.fused))
    medians = {name: statistics.median(found) for name, found in rates.items()}
    for name, found in rates.items():
        print(f"{name:10s}  median {medians[name]:9,.0f} rows/s   of {', '.join(f'{rate:,.0f}' for rate in found)}")
    print(f"ratio {medians['rayline'] / medians['bare torch']:.2f}  (wanted: at least 0.9)")


if __name__ == "__main__":
    main()
