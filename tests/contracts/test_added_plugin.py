"""One file is one algorithm: laid into its folder, it is found, offered, checked and put through the contract tests."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ADDED = Path(__file__).parent / "added" / "trimmed_mean.py"
TESTS = Path(__file__).parents[1]

USE = """
import laid_in
import polars as pl
from rayline.core import catalog
from rayline.core.columns import ROW, Feature, FeatureType
from rayline.core.errors import SpecError
from rayline.prepare.preparation import Preparation, fit
from rayline.profile.profile import profile_frame
from rayline.spec.sections import Prepare

assert "trimmed_mean" in catalog.names("impute")
assert "trimmed_mean" in str(Prepare.model_json_schema())
frame = pl.DataFrame({ROW: range(7), "x": [1.0, 2.0, 3.0, 4.0, 1e6, None, -1e6]})
spec = Prepare.model_validate({"numbers": {"impute": {"name": "trimmed_mean", "share": 0.2}, "scale": "none"}})
preparation = fit(spec, [Feature("x", FeatureType.NUMBER)], profile_frame(frame, seed=0))
assert preparation.apply(frame).numbers[5, 0] == 2.5
assert preparation.explain()[0]["steps"][0] == {"step": "impute", "name": "trimmed_mean", "learnt": {"fill": 2.5}}
preparation.save("stored")
assert Preparation.load("stored").compile().columns({"x": [None]}).numbers.tolist() == [[2.5]]
for options, words in (({"share": 0.5}, "share"), ({"shear": 0.1}, "Did you mean 'share'")):
    try:
        catalog.resolve("impute", {"name": "trimmed_mean", **options})
    except SpecError as error:
        assert words in str(error), error
    else:
        raise AssertionError(options)
try:
    catalog.resolve("impute", "trimed_mean")
except SpecError as error:
    assert "Did you mean 'trimmed_mean'?" in str(error), error
print("works")
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A Python whose `rayline.prepare.impute` has one more folder, with the added file alone in it."""
    folder = tmp_path / "impute"
    folder.mkdir()
    (folder / ADDED.name).write_bytes(ADDED.read_bytes())
    laid_in = f"import rayline.prepare.impute as package\npackage.__path__.append({str(folder)!r})\n"
    (tmp_path / "laid_in.py").write_text(laid_in, encoding="utf-8")
    return {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    options = {"cwd": folder, "env": environment, "capture_output": True, "text": True}
    done = subprocess.run([sys.executable, *command], check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_shorter_than_forty_lines() -> None:
    assert len(ADDED.read_text(encoding="utf-8").splitlines()) < 40


def test_it_works_in_a_spec_without_a_change_anywhere_else(tmp_path: Path, environment: dict[str, str]) -> None:
    assert run(["-c", USE], tmp_path, environment).strip() == "works"


def test_the_contract_tests_take_it_up_by_themselves(tmp_path: Path, environment: dict[str, str]) -> None:
    contract = str(TESTS / "contracts" / "test_impute.py")
    pytest_ = ["-m", "pytest", "-p", "laid_in", "-p", "no:cacheprovider", "-q", "--rootdir", str(TESTS.parent)]
    told = run([*pytest_, contract, "-k", "trimmed_mean"], TESTS.parent, environment)
    passed = re.search(r"(\d+) passed", told)
    assert passed is not None, told
    assert int(passed[1]) >= 5


def test_one_that_breaks_the_contract_is_caught_by_it(tmp_path: Path, environment: dict[str, str]) -> None:
    added = tmp_path / "impute" / ADDED.name
    text = added.read_text(encoding="utf-8").replace("return float(np.mean(", "return float('nan') + float(np.mean(")
    added.write_text(text, encoding="utf-8")
    contract = str(TESTS / "contracts" / "test_impute.py")
    command = ["-m", "pytest", "-p", "laid_in", "-p", "no:cacheprovider", "-q", contract, "-k", "trimmed_mean"]
    with pytest.raises(AssertionError, match="failed"):
        run(command, TESTS.parent, environment)
