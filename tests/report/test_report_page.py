import html.parser
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from made_reports import EVIL, profile, report, scored, table

from rayline.core.columns import Task
from rayline.evaluate.judge import judge
from rayline.evaluate.scored import Scored
from rayline.profile.profile import profile_frame
from rayline.report import page, profile_page
from rayline.report.data import ReportData
from rayline.report.insights import insights
from rayline.report.verdict import verdict
from rayline.spec.sections import Evaluate


@pytest.fixture(scope="session")
def reports() -> dict[str, ReportData]:
    return {
        "binary": report(scored(Task.BINARY)),
        "multiclass": report(scored(Task.MULTICLASS, classes=("red", EVIL, "blue"))),
        "many": report(scored(Task.MULTICLASS, classes=tuple(f"class {i}" for i in range(40)))),
        "regression": report(scored(Task.REGRESSION)),
    }


VOID = {"meta", "br", "link", "img", "input", "hr", "wbr"}
KINDS = ["binary", "multiclass", "many", "regression"]


class Reader(html.parser.HTMLParser):
    """Checks that tags close in order; gathers ids, references and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.tags: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for key, value in attrs:
            if key == "id":
                self.ids.append(value)
            if key in ("href", "src", "xlink:href"):
                self.references.append(value)
            assert not key.startswith("on"), f"{tag} has a handler {key}"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return reader


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_stands_alone(reports: dict[str, ReportData], kind: str):
    reader = read(page.render(reports[kind]))
    assert "script" not in reader.tags
    assert "link" not in reader.tags
    assert "img" not in reader.tags
    assert len(reader.ids) == len(set(reader.ids)), "ids are unique"
    for reference in reader.references:  # nothing is fetched: every reference is into the page
        assert reference.startswith("#")
        assert reference[1:] in reader.ids


@pytest.mark.parametrize("kind", KINDS)
def test_names_from_the_data_are_text(reports: dict[str, ReportData], kind: str):
    text = page.render(reports[kind])
    assert "<script" not in text
    assert "<script>alert" in " ".join(read(text).text)


@pytest.mark.parametrize("kind", KINDS)
def test_private_columns_show_nothing_but_their_name(reports: dict[str, ReportData], kind: str):
    text = page.render(reports[kind])
    assert "top-secret" not in text
    assert "ssn" in text  # its steps are named in the preparation table


def test_a_private_slice_is_not_shown():
    rows = scored(Task.BINARY)
    by_secret = judge(rows, Evaluate(slices=("ssn",), bootstrap=0), slices=table(600))
    assert "top-secret" not in page.render(report(rows, judgement=by_secret))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_report_is_the_same_page(reports: dict[str, ReportData], kind: str):
    assert page.render(reports[kind]) == page.render(reports[kind])


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("binary", ["Confusion matrix", "ROC", "Precision and recall", "Calibration", "threshold 0.5"]),
        ("multiclass", ["Confusion matrix", "Most frequent mix-ups", "By class", "ROC", "Calibration"]),
        ("many", ["Most frequent mix-ups", "the 12 most frequent classes are drawn"]),
        ("regression", ["Predicted against true", "Errors", "R²"]),
    ],
)
def test_every_part_is_there(reports: dict[str, ReportData], kind: str, parts: list[str]):
    words = " ".join(read(page.render(reports[kind])).text)
    common = ["Gates", "What stands out", "How it learnt", "What it leans on", "Where it is better and worse"]
    common += [
        "Its worst mistakes",
        "What it learnt from",
        "What preparation did",
        "How it was made",
        "missing becomes 37",
    ]
    for part in [*parts, *common, "train.optimizer.lr = 0.01", "name: model", "sha256"]:
        assert part in words, part


def test_a_bare_report_leaves_empty_sections_out():
    rows = scored(Task.BINARY, 40)
    judgement = judge(rows, Evaluate(bootstrap=0))
    text = page.render(ReportData(name="m", target=rows.target, judgement=judgement, spec="name: m"))
    words = " ".join(read(text).text)
    for absent in ("How it learnt", "What it leans on", "Its worst mistakes", "Gates", "Where it is better"):
        assert absent not in words
    assert "not registered" in words
    assert "bootstrap" not in words


@pytest.mark.parametrize("epochs", [1, 2, 200])
def test_any_number_of_epochs_is_drawn(epochs: int):
    history = [
        {
            "epoch": i,
            "train_loss": 1.0,
            "validation_loss": None,
            "rows_per_s": 0.0,
            "seconds": 0.0,
            "learning_rate": 0.1,
        }
        for i in range(epochs)
    ]
    text = page.render(report(scored(Task.BINARY), history=history, best_epoch=None))
    assert "training" in text
    assert text.count("<tr") < 200


def test_degenerate_judgements_are_pages_too():
    flat = Scored(scored(Task.BINARY).target, np.zeros(60, np.float32), np.zeros(60, np.float32))
    constant = Scored(scored(Task.REGRESSION).target, np.ones(60), np.ones(60))
    one = Scored(flat.target, np.array([0.0, 1.0]), np.array([0.9, 0.1]))
    drawn = []
    for rows, task in ((flat, Task.BINARY), (constant, Task.REGRESSION), (one, Task.BINARY)):
        reader = read(page.render(report(scored(task), judgement=judge(rows, Evaluate()))))
        words = " ".join(reader.text)
        assert reader.open == [], "every tag is closed"
        drawn.append([part for part in ("Confusion matrix", "Predicted against true") if part in words])
    assert drawn == [["Confusion matrix"], ["Predicted against true"], ["Confusion matrix"]]


def test_the_verdict_says_what_failed():
    data = report(scored(Task.BINARY))
    found = verdict(data)
    assert found.status == "failed"
    assert found.badge == "1 of 2 gates failed"
    assert found.sentences[0].startswith("It was not registered: Log-loss is ")
    assert found.sentences[0].endswith("must be ≤ 0.001.")
    assert verdict(replace(data, gates=data.gates[:1])).badge == "Gate passed"
    assert verdict(replace(data, gates=())).status == "open"


def test_the_verdict_is_about_the_task():
    assert "Shown one" in verdict(report(scored(Task.BINARY))).sentences[1]
    regression = verdict(report(scored(Task.REGRESSION)))
    assert regression.title.startswith("Predicts “y”: R² 0.")
    assert "nine in ten within" in regression.sentences[0]


def history(*losses: float) -> list[dict]:
    return [
        {
            "epoch": i,
            "train_loss": 0.5,
            "validation_loss": loss,
            "rows_per_s": 1.0,
            "seconds": 1.0,
            "learning_rate": 0.1,
        }
        for i, loss in enumerate(losses)
    ]


def test_insights_speak_of_training():
    rows = scored(Task.BINARY)

    def said(**changes) -> str:
        return " ".join(one.text for one in insights(report(rows, **changes)))

    late = said(history=history(0.6, 0.5, 0.6, 0.7), best_epoch=3)
    assert "lowest in epoch 2 and 40% higher by epoch 4" in late
    assert "early_stopping would keep" in late
    assert "were kept" in said(history=history(0.6, 0.5, 0.6, 0.7), best_epoch=1)
    assert "more epochs may help" in said(history=history(0.9, 0.7, 0.6), best_epoch=2)
    assert "above training loss" in said(history=history(0.9, 0.8, 0.8), best_epoch=2)


def test_insights_find_the_weak_slice_and_the_leaning():
    rng = np.random.default_rng(0)
    n = 3000
    truth = (rng.random(n) < 0.5).astype(np.float32)
    part = rng.random(n) < 0.3
    p = np.where(part, rng.random(n), np.clip(truth * 0.6 + rng.random(n) * 0.4, 0, 1)).astype(np.float32)
    rows = Scored(scored(Task.BINARY).target, truth, p)
    frame = pl.DataFrame({"part": np.where(part, "hard", "easy")})
    judgement = judge(rows, Evaluate(slices=("part",), bootstrap=50), slices=frame)
    found = insights(report(scored(Task.BINARY), judgement=judgement))
    assert any("where part is hard" in one.text and one.tone == "warn" for one in found)
    assert not any("where part is easy" in one.text for one in found)
    assert any("leans most on" in one.text for one in found)


def test_a_page_comes_within_its_time():
    program = (
        "import sys; sys.path.insert(0, 'tests/report')\n"
        "from made_reports import report, scored\n"
        "from rayline.core.columns import Task\n"
        "data = report(scored(Task.BINARY))\n"
        "assert 'matplotlib' not in sys.modules\n"
        "import time; started = time.process_time()  # of its own, whatever else the machine does\n"
        "from rayline.report.page import render\n"
        "render(data); print(time.process_time() - started)\n"
    )
    took = float(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)
    assert took < 5.0  # 0.6 s on an idle machine, matplotlib's import included


def test_a_profile_page_stands_alone():
    text = profile_page.render(profile(), title=f"data {EVIL}")
    reader = read(text)
    words = " ".join(reader.text)
    assert "top-secret" not in text
    assert "<script" not in text
    assert "script" not in reader.tags
    assert all(reference.startswith("#") for reference in reader.references)
    assert "600 rows, 6 columns" in words
    assert "1 private column is not shown" in words
    assert "nothing has no value at all." in words


def test_profiles_of_nothing_and_of_much():
    empty = profile_frame(table(600)[:0], seed=0)
    read(profile_page.render(empty))
    rng = np.random.default_rng(0)
    wide = pl.DataFrame(rng.normal(size=(200, 500)), schema=[f"c{i}" for i in range(500)])
    wide = wide.with_row_index("__row__").with_columns(pl.col("__row__").cast(pl.Int64))
    found = profile_frame(wide, seed=0)
    started = time.perf_counter()
    words = " ".join(read(profile_page.render(found)).text)
    assert time.perf_counter() - started < 20
    assert "100 more columns are not drawn" in words
    page.render(report(scored(Task.BINARY), profile=found))
