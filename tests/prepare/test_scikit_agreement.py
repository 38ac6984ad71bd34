"""Prepared by Rayline and by scikit-learn: the same on real data, to the tolerances stated here.

Rayline computes in float64 and casts once to float32: end to end it agrees to 2e-6 of the scale of the numbers.
"""

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn import datasets, feature_selection, linear_model
from sklearn.decomposition import PCA
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from rayline.core import catalog
from rayline.core.columns import ROW, Feature, FeatureType, Target, Task
from rayline.core.seeds import derive
from rayline.prepare.preparation import Preparation, fit
from rayline.prepare.select._selector import Candidates
from rayline.profile.profile import profile_frame
from rayline.spec.sections import Prepare

SETS = {
    "breast_cancer": datasets.load_breast_cancer,
    "wine": datasets.load_wine,
    "diabetes": datasets.load_diabetes,
}
TASKS = {"breast_cancer": Task.BINARY, "wine": Task.MULTICLASS, "diabetes": Task.REGRESSION}
every_set = pytest.mark.parametrize("data", SETS)


def load(data: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    found = SETS[data](scaled=False) if data == "diabetes" else SETS[data]()
    return found.data.astype(np.float64), found.target, list(found.feature_names)


def holed(x: np.ndarray, share: float = 0.15, seed: int = 0) -> np.ndarray:
    """`x` with values knocked out, and no row without any."""
    x = x.copy()
    holes = np.random.default_rng(seed).random(x.shape) < share
    holes[np.arange(len(x)), np.random.default_rng(seed + 1).integers(0, x.shape[1], len(x))] = False
    x[holes] = np.nan
    return x


def without_ties(x: np.ndarray) -> np.ndarray:
    """`x` with every number moved by about a millionth of its column's deviation."""
    return x + 1e-6 * x.std(axis=0) * np.random.default_rng(9).normal(size=x.shape)


def prepared(data: str, x: np.ndarray, target: np.ndarray, names: list[str], spec: dict[str, object]) -> Preparation:
    frame = frame_of(x, target, names)
    task = TASKS[data]
    classes = () if task is Task.REGRESSION else tuple(str(c) for c in np.unique(target))
    goal = Target("y", task, classes)
    features = [Feature(name, FeatureType.NUMBER) for name in names]
    return fit(Prepare.model_validate(spec), features, profile_frame(frame, seed=0), goal)


def frame_of(x: np.ndarray, target: np.ndarray, names: list[str]) -> pl.DataFrame:
    columns = {name: pl.Series(values).fill_nan(None) for name, values in zip(names, x.T, strict=True)}
    return pl.DataFrame({ROW: np.arange(len(x)), **columns, "y": target})


def numbers(preparation: Preparation, x: np.ndarray, target: np.ndarray, names: list[str]) -> np.ndarray:
    return preparation.apply(frame_of(x, target, names)).numbers.astype(np.float64)


def filled(name: str, x: np.ndarray, **options: object) -> np.ndarray:
    config = catalog.resolve("impute", {"name": name, **options})
    x_FN = np.array(x.T, order="C")
    config.learn(x_FN.copy(), [str(f) for f in range(len(x_FN))], 0)(x_FN)  # type: ignore[attr-defined]
    return x_FN.T


@every_set
@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("neighbours", [1, 5, 20])
def test_knn_to_one_in_a_billion(data: str, weights: str, neighbours: int) -> None:
    """On numbers without ties; `test_knn_ties` tells what holds where donors are equally far."""
    x = holed(without_ties(load(data)[0]))
    options = {"neighbours": neighbours, "weights": weights}
    mine = filled("knn", x, standardise=False, **options)
    theirs = KNNImputer(n_neighbors=neighbours, weights=weights).fit_transform(x)
    np.testing.assert_allclose(mine, theirs, rtol=1e-9)
    scaler = StandardScaler().fit(x)
    theirs = scaler.inverse_transform(
        KNNImputer(n_neighbors=neighbours, weights=weights).fit_transform(scaler.transform(x))
    )
    np.testing.assert_allclose(filled("knn", x, **options), theirs, rtol=1e-9, atol=1e-9)


@every_set
def test_iterative_to_one_in_a_hundred_million(data: str) -> None:
    x = holed(load(data)[0][:, :13])
    unlimited = {"limits": False, "standardise": False}
    np.testing.assert_allclose(filled("iterative", x, **unlimited), IterativeImputer().fit_transform(x), rtol=1e-8)
    scaler = StandardScaler().fit(x)
    z = scaler.transform(x)
    limits = {"min_value": np.nanmin(z, axis=0), "max_value": np.nanmax(z, axis=0)}
    theirs = scaler.inverse_transform(IterativeImputer(**limits).fit_transform(z))
    np.testing.assert_allclose(filled("iterative", x), theirs, rtol=1e-8, atol=1e-8 * np.nanstd(x))


@every_set
def test_iterative_on_rows_it_was_not_fitted_on(data: str) -> None:
    x = holed(load(data)[0][:, :13])
    config = catalog.resolve("impute", {"name": "iterative", "limits": False, "standardise": False})
    new_FN = np.ascontiguousarray(x[100:].T)
    config.learn(np.ascontiguousarray(x[:100].T), [str(f) for f in range(x.shape[1])], 0)(new_FN)  # type: ignore[attr-defined]
    theirs = IterativeImputer().fit(x[:100])
    np.testing.assert_allclose(new_FN.T, theirs.transform(x[100:]), rtol=1e-8)


@every_set
@pytest.mark.parametrize("components", [3, 0.9])
@pytest.mark.parametrize("whiten", [False, True])
def test_pca_up_to_sign_to_one_in_a_hundred_thousand(data: str, components: float, whiten: bool) -> None:
    x, target, names = load(data)
    spec = {"numbers": {"scale": "standard"}, "reduce": {"name": "pca", "components": components, "whiten": whiten}}
    mine = numbers(prepared(data, x, target, names, spec), x, target, names)
    reference = PCA(n_components=components, whiten=whiten)
    theirs = reference.fit_transform(StandardScaler().fit_transform(x))
    assert mine.shape == theirs.shape
    signs = np.sign((mine * theirs).sum(axis=0))
    np.testing.assert_allclose(mine, theirs * signs, atol=1e-5 * np.abs(theirs).max())


def candidates(data: str) -> tuple[Candidates, np.ndarray, np.ndarray, list[str]]:
    x, target, names = load(data)
    z = StandardScaler().fit_transform(x)
    return Candidates(tuple(names), z, target, TASKS[data], 7), z, target, names


def test_lasso_weights_to_one_in_a_hundred_million() -> None:
    given, z, target, names = candidates("diabetes")
    y = (target - target.mean()) / target.std()
    for alpha in (0.01, 0.1):
        found = dict(catalog.resolve("select", {"name": "lasso", "alpha": alpha}).build().choose(given))  # type: ignore[attr-defined]
        weights = np.abs(linear_model.Lasso(alpha=alpha, max_iter=10_000).fit(z, y).coef_)
        np.testing.assert_allclose([found.get(name, 0.0) for name in names], weights, rtol=1e-8, atol=1e-9)
    folds = KFold(5, shuffle=True, random_state=derive(7, "select folds") % 2**32)
    best = linear_model.LassoCV(cv=folds).fit(z, y)
    found = dict(catalog.resolve("select", "lasso").build().choose(given))  # type: ignore[attr-defined]
    assert set(found) == {name for name, weight in zip(names, best.coef_, strict=True) if abs(weight) > 1e-9}


@pytest.mark.parametrize("data", ["breast_cancer", "wine"])
def test_lasso_of_classes_has_the_weights_of_another_solver_to_two_in_a_hundred(data: str) -> None:
    """One class against the rest, each fitted to its end by a solver that does not penalise the intercept."""
    given, z, target, names = candidates(data)
    found = dict(catalog.resolve("select", {"name": "lasso", "alpha": 0.02}).build().choose(given))  # type: ignore[attr-defined]
    reference = linear_model.LogisticRegression(
        l1_ratio=1.0, solver="saga", C=1 / (0.02 * len(z)), tol=1e-8, max_iter=100_000
    )
    classes = np.unique(target) if TASKS[data] is Task.MULTICLASS else [1]
    weights = np.max([np.abs(reference.fit(z, target == c).coef_[0]) for c in classes], axis=0)
    np.testing.assert_allclose([found.get(name, 0.0) for name in names], weights, atol=0.02 * weights.max())


@every_set
def test_mutual_information_to_the_last_bit(data: str) -> None:
    given, z, target, names = candidates(data)
    found = dict(catalog.resolve("select", "mutual_info").build().choose(given))  # type: ignore[attr-defined]
    regression = TASKS[data] is Task.REGRESSION
    estimate = feature_selection.mutual_info_regression if regression else feature_selection.mutual_info_classif
    few = [len(np.unique(column)) <= 16 for column in z.T]
    theirs = estimate(z, target, discrete_features=few, random_state=derive(7, "mutual_info") % 2**32)
    assert [found.get(name, 0.0) for name in names] == [value if value > 1e-9 else 0.0 for value in theirs]


@every_set
@pytest.mark.parametrize("keep", [1, 4, 7])
def test_rfe_keeps_the_same_columns(data: str, keep: int) -> None:
    given, z, target, names = candidates(data)
    found = catalog.resolve("select", {"name": "rfe", "keep": keep}).build().choose(given)  # type: ignore[attr-defined]
    if TASKS[data] is Task.REGRESSION:
        reference: object = linear_model.LinearRegression()
    else:
        reference = linear_model.LogisticRegression(max_iter=2000)
    rounds = feature_selection.RFE(reference, n_features_to_select=keep, step=0.1).fit(z, target)
    assert [name for name, _ in found] == [name for name, stays in zip(names, rounds.support_, strict=True) if stays]


@every_set
def test_pearson_to_twelve_digits_and_variance(data: str) -> None:
    given, z, target, names = candidates(data)
    found = dict(catalog.resolve("select", "pearson").build().choose(given))  # type: ignore[attr-defined]
    goals = [target] if TASKS[data] is Task.REGRESSION else [target == c for c in np.unique(target)]
    theirs = np.max([np.abs(feature_selection.r_regression(z, goal)) for goal in goals], axis=0)
    np.testing.assert_allclose([found[name] for name in names], theirs, rtol=1e-11)
    x, _, _ = load(data)
    raw = Candidates(tuple(names), x, target, TASKS[data], 7)
    threshold = float(np.median(x.var(axis=0)))
    kept = catalog.resolve("select", {"name": "variance", "threshold": threshold}).build().choose(raw)  # type: ignore[attr-defined]
    reference = feature_selection.VarianceThreshold(np.nextafter(threshold, 0)).fit(x)
    assert [name for name, _ in kept] == [n for n, stays in zip(names, reference.get_support(), strict=True) if stays]


@every_set
def test_from_missing_values_to_chosen_columns_in_one_spec(data: str) -> None:
    x, target, names = load(data)
    x, names = holed(x[:, :13]), names[:13]
    spec = {"numbers": {"impute": "iterative", "scale": "standard"}, "select": {"name": "rfe", "keep": 5}}
    preparation = prepared(data, x, target, names, spec)
    scaler = StandardScaler().fit(x)
    z = scaler.transform(x)
    limits = {"min_value": np.nanmin(z, axis=0), "max_value": np.nanmax(z, axis=0)}
    z = StandardScaler().fit_transform(IterativeImputer(**limits).fit_transform(z))
    places = [names.index(name) for name in preparation.layout.numbers]
    np.testing.assert_allclose(numbers(preparation, x, target, names), z[:, places], atol=2e-6 * np.abs(z).max())


SCALERS = {
    "standard": ("standard", StandardScaler(), 2e-6),
    "minmax": ("minmax", MinMaxScaler(), 2e-6),
    "maxabs": ("maxabs", MaxAbsScaler(), 2e-6),
    "robust": ("robust", RobustScaler(), 2e-6),
    "yeo-johnson": ("power", PowerTransformer(), 1e-5),
    "box-cox": ({"name": "power", "method": "box-cox"}, PowerTransformer("box-cox"), 1e-5),
    "uniform": ("quantile", QuantileTransformer(n_quantiles=1000), 1e-6),
    "few knots": ({"name": "quantile", "knots": 30}, QuantileTransformer(n_quantiles=30), 1e-6),
    "normal": (
        {"name": "quantile", "to": "normal"},
        QuantileTransformer(n_quantiles=1000, output_distribution="normal"),
        1e-3,
    ),
}


@every_set
@pytest.mark.parametrize("scaler", SCALERS)
@pytest.mark.filterwarnings("ignore:n_quantiles")
def test_scalers_to_the_tolerance_beside_each(data: str, scaler: str) -> None:
    """Of the largest number there is: 2e-6 is float32; the bends have 1e-5; a normal curve in straight lines 1e-3.

    On rows that were learnt from, and on rows between and beyond them.
    """
    spec, reference, tolerance = SCALERS[scaler]
    x, target, names = load(data)
    if scaler == "box-cox":
        x = x + 0.01 - np.minimum(x.min(axis=0), 0.0)
    if scaler in ("uniform", "normal"):
        # scikit-learn takes what is within 1e-7 of an end, in the column's own unit, for the end
        x = 1e6 * without_ties(x)
    preparation = prepared(data, x, target, names, {"numbers": {"scale": spec}})
    reference.fit(x)
    between = x[:-1] + 0.37 * (x[1:] - x[:-1])
    for rows, y in ((x, target), (between, target[1:]), (x * 1.01, target)):
        theirs = reference.transform(rows)
        mine = numbers(preparation, rows, y, names)
        np.testing.assert_allclose(mine, theirs, atol=tolerance * np.abs(theirs).max())


@pytest.mark.parametrize("size", [1e-14, 1e-9, 1.0])
@pytest.mark.parametrize("method", ["yeo-johnson", "box-cox"])
def test_powers_of_numbers_however_small(size: float, method: str) -> None:
    """Farads and moles: one more than 1e-14 is 1 to two digits."""
    x = np.random.default_rng(0).lognormal(size=(500, 1)) * size
    spec = {"numbers": {"scale": {"name": "power", "method": method}}}
    profile = profile_frame(pl.DataFrame({ROW: range(500), "x": x[:, 0]}), seed=0)
    preparation = fit(Prepare.model_validate(spec), [Feature("x", FeatureType.NUMBER)], profile)
    mine = preparation.apply(pl.DataFrame({"x": x[:, 0]})).numbers
    np.testing.assert_allclose(mine, PowerTransformer(method).fit_transform(x), atol=1e-5)


@every_set
def test_ranks_of_real_ties_to_half_a_rank(data: str) -> None:
    """scikit-learn's quantiles of n rows miss some of the n numbers by rounding, and with them the middle of a tie."""
    x, target, names = load(data)
    preparation = prepared(data, x, target, names, {"numbers": {"scale": "quantile"}})
    theirs = QuantileTransformer(n_quantiles=len(x)).fit_transform(x)
    mine = numbers(preparation, x, target, names)
    np.testing.assert_allclose(mine, theirs, atol=0.501 / (len(x) - 1))
    assert np.isclose(mine, theirs, atol=1e-6).mean() > 0.9


def categories(data: str) -> tuple[pl.DataFrame, np.ndarray, list[str]]:
    """The numbers of a set, cut to a few ranges each, as categories; some missing."""
    x, target, names = load(data)
    columns = {}
    for place, name in enumerate(names[:6]):
        ranks = np.argsort(np.argsort(x[:, place], kind="stable")) * (3 + 4 * place) // len(x)
        texts = [None if n % 17 == 0 else f"r{rank:02d}" for n, rank in enumerate(ranks.tolist())]
        columns[name] = pl.Series(texts, dtype=pl.String)
    return pl.DataFrame({ROW: np.arange(len(x)), **columns, "y": target}), target, names[:6]


@every_set
@pytest.mark.parametrize("smooth", ["auto", 10.0, 0.0])
def test_target_encoding_to_float32(data: str, smooth: float | str) -> None:
    """Rows to answer by every training row; training rows by those of the other folds: to 2e-6 of the largest."""
    frame, target, names = categories(data)
    task = TASKS[data]
    goal = Target("y", task, () if task is Task.REGRESSION else tuple(str(c) for c in np.unique(target)))
    spec = {"categories": {"encode": {"name": "target", "smooth": smooth, "standardise": False}}}
    features = [Feature(name, FeatureType.CATEGORY) for name in names]
    preparation = fit(Prepare.model_validate(spec), features, profile_frame(frame, seed=0), goal)
    kind = {Task.BINARY: "binary", Task.MULTICLASS: "multiclass", Task.REGRESSION: "continuous"}[task]
    texts = np.array(frame.select(names).rows(), dtype=object)
    reference = TargetEncoder(smooth=smooth, target_type=kind).fit(texts, target)
    unknown = np.full((1, len(names)), "never seen", dtype=object)
    theirs = np.concatenate([reference.transform(texts), reference.transform(unknown)])
    asked = pl.concat([frame.select(names), pl.DataFrame(unknown.tolist(), schema=names, orient="row")])
    mine = preparation.apply(asked).numbers
    np.testing.assert_allclose(mine, theirs, atol=2e-6 * np.abs(theirs).max())
    folds = preparation._transform.folds_of(frame[ROW].to_numpy())
    seen = preparation.apply(frame, training=True).numbers
    for fold in range(5):
        others = TargetEncoder(smooth=smooth, target_type=kind).fit(texts[folds != fold], target[folds != fold])
        expected = others.transform(texts[folds == fold])
        np.testing.assert_allclose(seen[folds == fold], expected, atol=2e-6 * np.abs(theirs).max())


def test_ordinal_encoding() -> None:
    frame, _, names = categories("wine")
    spec = {"categories": {"encode": {"name": "ordinal", "unit": False}}}
    features = [Feature(name, FeatureType.CATEGORY) for name in names]
    preparation = fit(Prepare.model_validate(spec), features, profile_frame(frame, seed=0))
    texts = np.array(frame.select(names).fill_null("nan").rows(), dtype=object)
    texts[texts == "nan"] = np.nan
    theirs = OrdinalEncoder(encoded_missing_value=-1).fit_transform(texts)
    assert preparation.apply(frame).numbers.tolist() == theirs.tolist()


@every_set
def test_limits_of_outliers_are_the_formulas_of_the_books(data: str) -> None:
    x, target, names = load(data)
    low, middle, high = np.quantile(x, [0.25, 0.5, 0.75], axis=0)
    deviation = 1.482602218505602 * np.median(np.abs(x - middle), axis=0)
    expected = {
        "zscore": (x.mean(axis=0) - 3 * x.std(axis=0), x.mean(axis=0) + 3 * x.std(axis=0)),
        "iqr": (low - 1.5 * (high - low), high + 1.5 * (high - low)),
        "robust": (middle - 3 * deviation, middle + 3 * deviation),
    }
    for kind, (least, most) in expected.items():
        outliers: object = {"name": "zscore", "robust": True} if kind == "robust" else kind
        spec = {"numbers": {"outliers": outliers, "scale": "none"}}
        found = numbers(prepared(data, x, target, names, spec), x, target, names)
        varies = deviation > 0  # diabetes has sex among its numbers, whose median deviation may be 0
        np.testing.assert_allclose(found[:, varies], np.clip(x, least, most)[:, varies], rtol=2e-6)


OUTLIERS: list[dict[str, Any]] = [
    {"name": "iqr"},
    {"name": "quantile", "low": 0.1, "high": 0.85},
    {"name": "zscore", "limit": 1.5},
    {"name": "zscore", "robust": True},
]


@pytest.mark.parametrize("action", ["clip", "missing", "drop"])
@pytest.mark.parametrize("outliers", OUTLIERS, ids=["iqr", "quantile", "zscore", "robust"])
@pytest.mark.parametrize(("impute", "strategy"), [("median", "median"), ("mean", "mean"), ("mode", "most_frequent")])
def test_outliers_come_before_imputing_and_scaling(
    outliers: dict[str, Any], action: str, impute: str, strategy: Any
) -> None:
    """A third of the values is missing: NumPy's limits of those that are there, SimpleImputer, StandardScaler."""
    x, target, names = load("wine")
    x = x.copy()
    x[np.random.default_rng(3).random(x.shape) < 1 / 3] = np.nan
    numbers = {"impute": impute, "outliers": {**outliers, "action": action}}
    for place, name in enumerate(names):
        column = x[:, [place]]
        least, most = _limits(column, outliers)
        beyond = (column < least) | (column > most)
        within = np.where(beyond, np.nan, column) if action == "missing" else np.clip(column, least, most)
        stays = ~beyond[:, 0] if action == "drop" else np.full(len(x), True)
        steps = make_pipeline(SimpleImputer(strategy=strategy), StandardScaler()).fit(within[stays])
        frame = pl.DataFrame({ROW: np.arange(len(x)), name: pl.Series(column[:, 0]).fill_nan(None), "target": target})
        mine = fit(
            Prepare.model_validate({"numbers": numbers}),
            [Feature(name, FeatureType.NUMBER)],
            profile_frame(frame, seed=0),
        )
        np.testing.assert_array_equal(mine.in_training(frame), stays)
        np.testing.assert_allclose(mine.apply(frame).numbers, steps.transform(within), rtol=1e-5, atol=2e-6)


def _limits(x: Any, outliers: dict[str, Any]) -> tuple[float, float]:
    if outliers["name"] == "quantile":
        return np.nanquantile(x, outliers["low"]), np.nanquantile(x, outliers["high"])
    if outliers["name"] == "iqr":
        low, high = np.nanquantile(x, [0.25, 0.75])
        return low - 1.5 * (high - low), high + 1.5 * (high - low)
    centre, spread = np.nanmean(x), np.nanstd(x)
    if outliers.get("robust"):
        centre = np.nanmedian(x)
        spread = 1.482602218505602 * np.nanmedian(np.abs(x - centre))
    reach = outliers.get("limit", 3.0) * spread
    return centre - reach, centre + reach
