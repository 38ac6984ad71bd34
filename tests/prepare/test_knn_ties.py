"""KNN where donors are equally far: what is filled in is what a choice among them can give, as in scikit-learn.

`choices` computes, for each missing number, the lowest and the highest value over every valid choice of k neighbours.
Where there is no choice the two are one number, and both must give it to 1e-9. Distances within 1e-9 are equal here:
scikit-learn computes them by a product of matrices and rounds otherwise. What is 0 comes out there as up to 1e-6 or so,
and is then a weight: by distance it is held to lie among the donors that are 0 away, to 1e-5 (`blurred`). In whole
numbers its products are exact, and it is held to what Rayline is.
"""

import itertools
import math

import numpy as np
import pytest
from sklearn import datasets
from sklearn.impute import KNNImputer
from sklearn.preprocessing import StandardScaler

from rayline.core import catalog
from rayline.prepare.impute._joint import Filler

TOLERANCE = 1e-9


def measured(data: str) -> np.ndarray:
    """Three hundred rows of the numbers of a set of scikit-learn's, as they are."""
    found = datasets.load_diabetes(scaled=False) if data == "diabetes" else getattr(datasets, f"load_{data}")()
    return found.data[:300].astype(np.float64)


def census(rows: int = 500) -> np.ndarray:
    """Whole numbers as a census holds them: many rows are equal in all of them."""
    rng = np.random.default_rng(0)
    return np.stack(
        [
            rng.integers(17, 60, rows),
            rng.choice([9, 10, 13, 14], rows, p=[0.4, 0.3, 0.2, 0.1]),
            np.where(rng.random(rows) < 0.92, 0, rng.choice([3103, 7688, 15024, 99999], rows)),
            np.where(rng.random(rows) < 0.95, 0, rng.choice([1887, 1902], rows)),
            np.where(rng.random(rows) < 0.5, 40, 5 * rng.integers(1, 17, rows)),
        ],
        axis=1,
    ).astype(np.float64)


def rounded(data: str) -> np.ndarray:
    """The first six columns of a set, to whole deviations: six or so different numbers each."""
    return np.round(StandardScaler().fit_transform(measured(data)[:, :6]))


DATA = {
    **{data: lambda data=data: measured(data) for data in ("wine", "breast_cancer", "diabetes")},
    **{f"rounded {data}": lambda data=data: rounded(data) for data in ("wine", "breast_cancer", "diabetes")},
    "census": census,
}


WHOLE = [data for data in DATA if data == "census" or data.startswith("rounded")]


def holed(x: np.ndarray, share: float = 0.15) -> np.ndarray:
    x = x.copy()
    holes = np.random.default_rng(1).random(x.shape) < share
    holes[np.arange(len(x)), np.random.default_rng(2).integers(0, x.shape[1], len(x))] = False
    x[holes] = np.nan
    return x


def fitted(x: np.ndarray, **options: object) -> Filler:
    config = catalog.resolve("impute", {"name": "knn", **options})
    return config.learn(np.array(x.T, order="C"), [str(f) for f in range(x.shape[1])], 0)  # type: ignore[attr-defined]


def filled(x: np.ndarray, **options: object) -> np.ndarray:
    x_FN = np.array(x.T, order="C")
    fitted(x, **options)(x_FN)
    return x_FN.T


def choices(
    x: np.ndarray, k: int, weights: str, *, noise: float = 0.0, blurred: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest value of each missing number over every choice of k nearest donors [n, F].

    Args:
        x: rows, which are the donors too; NaN where missing.
        k: neighbours.
        weights: as the imputer has them.
        noise: squared distances below it are 0.
        blurred: whether donors that are 0 away count in any shares, to 1e-5.
    """
    low, high = x.copy(), x.copy()
    for row in np.flatnonzero(np.isnan(x).any(axis=1)):
        apart = np.square(x - x[row])
        shared = (~np.isnan(apart)).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            squares = np.nansum(apart, axis=1) * x.shape[1] / shared
        squares[squares <= noise] = 0.0
        for column in np.flatnonzero(np.isnan(x[row])):
            donors = ~np.isnan(x[:, column]) & (shared > 0)
            values, near = x[donors, column], squares[donors]
            if blurred and weights == "distance" and (near == 0).any():
                slack = 1e-5 * np.ptp(values)
                low[row, column], high[row, column] = values[near == 0].min() - slack, values[near == 0].max() + slack
            else:
                low[row, column], high[row, column] = _ends(near, values, k, weights)
    return low, high


def _ends(squares: np.ndarray, values: np.ndarray, k: int, weights: str) -> tuple[float, float]:
    k = min(k, len(squares))
    furthest = np.sort(squares)[k - 1]
    tied = np.abs(squares - furthest) <= TOLERANCE * furthest
    inside = (squares < furthest) & ~tied
    places = k - inside.sum()
    if weights == "distance" and furthest > 0 and (squares == 0).any():  # the row itself: nothing else counts
        alone = float(values[squares == 0].mean())
        return alone, alone
    even = weights == "uniform" or furthest == 0
    inner = np.ones(inside.sum()) if even else 1.0 / np.sqrt(squares[inside])
    edge = 1.0 if even else 1.0 / math.sqrt(furthest)
    ordered = np.sort(values[tied])
    ends = [
        (inner @ values[inside] + edge * chosen.sum()) / (inner.sum() + edge * places)
        for chosen in (ordered[:places], ordered[len(ordered) - places :])
    ]
    return ends[0], ends[1]


def beyond(found: np.ndarray, low: np.ndarray, high: np.ndarray) -> list[tuple[float, float, float]]:
    """Numbers that do not lie between their ends, each with these; where the ends are one, that is agreement."""
    slack = TOLERANCE * np.maximum(np.abs(low), np.abs(high)) + TOLERANCE
    places = np.flatnonzero(((found < low - slack) | (found > high + slack)).ravel())
    return [(found.ravel()[at], low.ravel()[at], high.ravel()[at]) for at in places]


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("k", [1, 5, 20])
def test_every_filled_number_is_one_that_a_choice_gives(data: str, weights: str, k: int) -> None:
    x = holed(DATA[data]())
    low, high = choices(x, k, weights)
    missing, open_ = np.isnan(x), high - low > TOLERANCE
    mine = filled(x, neighbours=k, weights=weights, standardise=False)
    theirs = KNNImputer(n_neighbors=k, weights=weights).fit_transform(x)
    assert beyond(mine, low, high) == []
    if data in WHOLE or weights == "uniform":
        assert beyond(theirs, low, high) == []
        np.testing.assert_allclose(mine[~open_], theirs[~open_], rtol=TOLERANCE, atol=TOLERANCE)
    else:
        assert beyond(theirs, *choices(x, k, weights, noise=1e-9, blurred=True)) == []
    assert (missing & ~open_).any()
    if data in WHOLE:
        assert open_[missing].mean() > (0.05 if k < 20 else 0.01), "there are ties to speak of"
        assert not np.allclose(mine[open_], theirs[open_]), "and choices differ"


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_in_standard_deviations_too(data: str, weights: str) -> None:
    x = holed(DATA[data]())
    scaler = StandardScaler().fit(x)
    scaled = scaler.transform(x)
    mine = filled(x, weights=weights)
    theirs = scaler.inverse_transform(KNNImputer(weights=weights).fit_transform(scaled))
    for found, blurred in ((mine, False), (theirs, True)):
        ends = choices(scaled, 5, weights, noise=1e-12, blurred=blurred)
        assert beyond(found, *map(scaler.inverse_transform, ends)) == []


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_the_order_of_donors_changes_no_bit(weights: str) -> None:
    x = holed(census())
    there = ~np.isnan(x)
    first = filled(x, weights=weights, standardise=False)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(x))
        again = filled(x[order], weights=weights, standardise=False)[np.argsort(order)]
        assert again.tobytes() == first.tobytes()
    assert first[there].tobytes() == x[there].tobytes()


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_ties_count_as_the_mean_of_all_choices(weights: str) -> None:
    at = np.array([1.0, -1.0, 2.0, 2.0, -2.0, 2.0, 3.0])
    values = np.array([10.0, 20.0, 1.0, 2.0, 4.0, 8.0, 1000.0])
    for k in range(1, 8):
        row = np.array([[0.0], [np.nan]])
        fitted(np.stack([at, values], axis=1), neighbours=k, weights=weights, standardise=False)(row)
        every = []
        for chosen in itertools.combinations(range(7), k):
            near = np.sort(np.abs(at[list(chosen)]))
            if near.tolist() == np.sort(np.abs(at))[:k].tolist():
                share = np.ones(k) if weights == "uniform" else 1.0 / np.abs(at[list(chosen)])
                every.append(np.average(values[list(chosen)], weights=share))
        assert row[1, 0] == pytest.approx(np.mean(every), rel=1e-12)


def test_distances_that_differ_by_rounding_are_a_tie() -> None:
    """0.1 + 0.2 and 0.3: equally far from 0 but for the last bit, whichever comes first."""
    at = np.array([0.3, 0.1 + 0.2, -0.3, 5.0])
    assert at[0] != at[1]
    x = np.stack([at, np.array([1.0, 2.0, 6.0, 100.0])], axis=1)
    for k, expected in ((1, 3.0), (2, 3.0), (3, 3.0), (4, 27.25)):
        row = np.array([[0.0], [np.nan]])
        fitted(x, neighbours=k, standardise=False)(row)
        assert row[1, 0] == pytest.approx(expected, rel=1e-12)
