"""Figures of agreement against scikit-learn and the worked examples of the papers; labels by majority."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from rayline.core.errors import DataError, SpecError
from rayline.prepare.annotation import agreement, fleiss, key_order, krippendorff, resolve, votes

# Fleiss 1971, table 1: 30 patients, 6 psychiatrists each, five diagnoses
DIAGNOSES = """
00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031 00501 30012 51000 02040 10203
00006 01050 02013 20040 10041 05010 40002 02040 10500 00006
"""
# Krippendorff 2011, section C: four observers, twelve units, some not seen by all
OBSERVERS = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")


def table(*people: str) -> pl.DataFrame:
    rows = [
        (str(unit), f"person {person}", label)
        for person, labels in enumerate(people)
        for unit, label in enumerate(labels)
        if label != "."
    ]
    return votes(*map(list, zip(*rows, strict=True)))  # type: ignore[arg-type]


def test_fleiss_kappa_of_fleiss() -> None:
    counts = np.array([[int(n) for n in patient] for patient in DIAGNOSES.split()], float)
    assert counts.shape == (30, 5)
    assert counts.sum(axis=0).tolist() == [26, 26, 30, 55, 43]
    found = fleiss(counts)
    assert found == pytest.approx(0.430, abs=5e-4)
    # the same through votes, and the kappas of single diagnoses that the paper's table 2 gives
    people = [
        "".join(name)
        for name in zip(*["".join("dpsno"[k] * int(c) for k, c in enumerate(p)) for p in counts], strict=True)
    ]
    made = agreement(table(*people))
    assert made.fleiss == pytest.approx(found)
    assert made.percent == pytest.approx(0.556, abs=5e-4)
    assert made.cohen is None
    assert len(made.pairs) == 15
    wanted = {"d": 0.245, "p": 0.245, "s": 0.520, "n": 0.471, "o": 0.566}
    for one in made.classes:
        # alpha corrects for few ratings: one share in 180
        kappa = (one.alpha - 1 / 180) / (1 - 1 / 180)  # type: ignore[operator]
        assert kappa == pytest.approx(wanted[one.label], abs=1e-3)


def test_krippendorffs_alpha_of_krippendorff() -> None:
    found = agreement(table(*OBSERVERS))
    assert found.krippendorff == pytest.approx(0.743, abs=5e-4)
    assert found.rows == 12
    assert found.shared == 11, "the twelfth unit has one label"
    assert found.fleiss is None, "units have two, three or four labels"


def test_figures_of_the_examples_that_encyclopedias_print() -> None:
    # ten subjects, fourteen raters, five categories: kappa 0.210
    rated = ["0 0 0 0 14", "0 2 6 4 2", "0 0 3 5 6", "0 3 9 2 0", "2 2 8 1 1", "7 7 0 0 0", "3 2 6 3 0", "2 5 3 2 2",
             "6 5 2 1 0", "0 2 2 3 7"]  # fmt: skip
    counts = np.array([subject.split() for subject in rated], float)
    assert fleiss(counts) == pytest.approx(0.210, abs=5e-4)
    # three coders, fifteen units, each seen by some: nominal alpha 0.691
    found = agreement(table(".....34121133.3", "1.213343.......", "..21344.21133.4"))
    assert found.krippendorff == pytest.approx(0.691, abs=5e-4)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=2, max_size=60))
def test_cohens_kappa_is_scikit_learns(pairs: list[tuple[str, str]]) -> None:
    one, other = ("".join(part) for part in zip(*pairs, strict=True))
    found = agreement(table(one, other)).cohen
    if len(set(one + other)) == 1:
        assert found is None, "chance alone gives all"
    else:
        assert found == pytest.approx(cohen_kappa_score(list(one), list(other)), abs=1e-12)


@settings(deadline=None)
@given(st.lists(st.text("abc", min_size=3, max_size=3), min_size=2, max_size=40))
def test_alpha_is_kappa_corrected_for_few_ratings(units: list[str]) -> None:
    counts = np.array([[unit.count(name) for name in "abc"] for unit in units], float)
    kappa, alpha = fleiss(counts), krippendorff(counts)
    if kappa is None:
        assert alpha is None
    else:
        # Krippendorff 2011: for equally many labels alpha = kappa + (1 - kappa) / n
        assert alpha == pytest.approx(kappa + (1 - kappa) / counts.sum(), abs=1e-12)


def test_two_of_several_are_compared_on_the_rows_both_labelled() -> None:
    found = agreement(table("aabb..", "aab.bb", "ab..ab"))
    labels = {"person 0": "aabb..", "person 1": "aab.bb", "person 2": "ab..ab"}
    for (one, other), kappa in found.pairs.items():
        both = [(a, b) for a, b in zip(labels[one], labels[other], strict=True) if "." not in a + b]
        assert kappa == pytest.approx(cohen_kappa_score(*zip(*both, strict=True)))
    assert found.annotators == {"person 0": 4, "person 1": 5, "person 2": 4}


def test_agreement_on_one_label_is_the_share_of_others_who_gave_it() -> None:
    found = agreement(table("aab", "abb"))
    shares = {one.label: (one.agreement, one.given) for one in found.classes}
    assert shares == {"a": (pytest.approx(2 / 3), 3), "b": (pytest.approx(2 / 3), 3)}


def test_the_label_with_most_votes_stands_and_ties_are_left_out() -> None:
    found = resolve(table("aab.c", "abc..", "aacb."))
    assert found.labels.rows() == [
        ("0", "a", 1.0, 3), ("1", "a", pytest.approx(2 / 3), 3), ("2", "c", pytest.approx(2 / 3), 3),
        ("3", "b", 1.0, 1), ("4", "c", 1.0, 1),
    ]  # fmt: skip
    assert found.ties == []
    assert found.disagreements == ["1", "2"]
    tied = resolve(table("ab", "bb"))
    assert tied.labels.rows() == [("1", "b", 1.0, 2)]
    assert tied.ties == ["0"]


def test_an_adjudicators_label_stands_and_counts_nowhere_else() -> None:
    found = resolve(table("ab..", "bbaa", "baa."), adjudicator="person 2")
    assert found.labels.rows() == [("0", "b", 0.5, 2), ("1", "a", 0.0, 2), ("2", "a", 1.0, 1), ("3", "a", 1.0, 1)]
    assert found.ties == []
    alone = resolve(table("a.", ".b"), adjudicator="person 1")
    assert alone.labels.rows() == [("0", "a", 1.0, 1), ("1", "b", 1.0, 0)]
    with pytest.raises(SpecError, match="no annotator is called 'person 7'.*Annotators: person 0, person 1"):
        resolve(table("a", "b"), adjudicator="person 7")


def test_one_annotator_gives_a_row_one_label() -> None:
    assert votes(["1", "1"], ["x", "x"], ["a", "a"]).height == 1
    with pytest.raises(DataError, match=r"labels.csv: annotator 'x' gave row '1' more than one label \(1 such"):
        votes(["1", "1", "2"], ["x", "x", "x"], ["a", "b", "a"], where="labels.csv: ")


def test_without_two_labels_a_row_there_are_no_figures() -> None:
    found = agreement(table("ab"))
    assert (found.rows, found.shared) == (2, 0)
    assert found.percent is found.cohen is found.fleiss is found.krippendorff is None


def test_rows_come_in_the_order_of_their_keys_numbers_by_size() -> None:
    keys = ["10", "9", "b", "1.5", "100", "-3", "007", "a", "10000000000000000000001", "10000000000000000000000"]
    order = ["-3", "1.5", "9", "10", "100", "10000000000000000000000", "10000000000000000000001", "007", "a", "b"]
    given = [*votes_of(keys, "ann", "x"), *votes_of(keys, "bob", "y")]
    tied = resolve(votes(*map(list, zip(*given, strict=True))))
    assert tied.ties == tied.disagreements == order
    agreed = resolve(votes(keys, ["ann"] * len(keys), ["x"] * len(keys)))
    assert agreed.labels["key"].to_list() == order


def votes_of(keys: list[str], who: str, label: str) -> list[tuple[str, str, str]]:
    return [(key, who, label) for key in keys]


def test_of_a_label_given_on_no_shared_row_nothing_is_known() -> None:
    found = agreement(table("aabc", "aab."))
    alone = next(one for one in found.classes if one.label == "c")
    assert (alone.given, alone.agreement, alone.alpha) == (0, None, None)
    assert next(one for one in found.classes if one.label == "a").agreement == 1.0


def test_keys_of_any_length_are_sorted() -> None:
    assert sorted(["b", "1e+99999999999999999999", "3"], key=key_order) == ["3", "1e+99999999999999999999", "b"]
