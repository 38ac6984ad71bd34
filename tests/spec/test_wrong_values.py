"""Every key of the schema, sections and plug-ins alike, given what it may not hold: what is said of it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Annotated, Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from rayline.core.catalog import FAMILIES, PluginConfig, config_class, names, resolve
from rayline.core.declared import bare, members, spellings_of
from rayline.core.errors import SpecError
from rayline.spec import Spec, load
from rayline.spec.document import to_dict

MINIMAL: dict[str, Any] = {"name": "demo", "data": {"source": {"name": "csv", "path": "a.csv"}, "target": "y"}}
WRONG: tuple[Any, ...] = (None, "", -1, True, "x" * 300, [1, "x"], [[]], {"zzz": 1}, float("nan"), "a, b")
PYDANTIC = (
    "Input should",
    "Value error",
    "Assertion failed",
    "valid string",
    "valid integer",
    "valid number",
    "valid boolean",
    "valid list",
    "valid tuple",
    "valid dictionary",
    "should be a",
    "unable to parse",
    "Extra inputs",
    "Field required",
    "expected tags",
    "tag found using",
    "instance of",
    "literal[",
    "tuple[",
    "function-",
    "constrained-",
    "pydantic",
    "NoneType",
    "not None",
    "Got None",
    "Got True",
    "Got False",
    "<class",
)
"""Words of pydantic's messages, of its names for branches of unions, and of Python where YAML has others."""

PLUGINS = [(family, name) for family in FAMILIES for name in names(family)]


def inner_models(annotation: Any) -> Iterator[tuple[tuple[str, ...], type[BaseModel]]]:
    """The models a value may hold, with the key of a mapping above them."""
    kind = bare(annotation)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        if kind is not PluginConfig:
            yield (), kind
    elif get_origin(kind) is dict:
        yield from ((("a", *path), model) for path, model in inner_models(get_args(kind)[1]))
    elif len(members(kind)) > 1 or get_origin(annotation) is Annotated:
        for option in members(kind):
            yield from inner_models(option)


def keys(model: type[BaseModel], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], type[BaseModel]]]:
    """Every key at any depth, and the model whose it is."""
    for name, field in model.model_fields.items():
        path = (*above, field.alias or name)
        yield path, model
        for between, inner in inner_models(field.annotation):
            yield from keys(inner, (*path, *between))


def placed(document: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A copy of the document with the value at the path."""
    made = copy.deepcopy(document)
    here = made
    for part in path[:-1]:
        here = here.setdefault(part, {})
    here[path[-1]] = value
    return made


def said_of(call: Callable[[], object]) -> str:
    try:
        call()
    except SpecError as error:
        return str(error)
    return ""


def check(said: str, path: tuple[str, ...], given: Any) -> None:
    """Each line is ours and short; one names the key, or what it is in where that does not fit together."""
    lines = said.splitlines()
    for line in lines:
        shortened = line.replace(repr(given), "")
        assert not [phrase for phrase in PYDANTIC if phrase in shortened], line
        assert len(line) < 600, line
        assert line.endswith((".", "?")), line
    whole = [".".join(path[:length]) + ":" for length in range(1, len(path))] + [".".join(path)]
    if len(path) == 1 or all(" is required: " in line for line in lines):  # of other options, or of them together
        return
    assert not lines or any(line.startswith(start) for line in lines for start in whole), said


@pytest.mark.parametrize("section", sorted({path[0] for path, _ in keys(Spec)}))
def test_every_key_of_a_spec_given_what_it_may_not_hold(section: str) -> None:
    found = 0
    for path, _ in keys(Spec):
        if path[0] != section:
            continue
        for value in WRONG:
            said = said_of(lambda p=path, v=value: load(placed(MINIMAL, p, v)))  # type: ignore[misc]
            check(said, path, value)
            found += bool(said)
        if len(path) > 1:  # a neighbour that is not there
            said = said_of(lambda p=path: load(placed(MINIMAL, (*p[:-1], p[-1] + "q"), 1)))  # type: ignore[misc]
            assert f"unknown key '{path[-1]}q'. Did you mean" in said or "a" in path, said
    assert found > 3


@pytest.mark.parametrize("family", FAMILIES)
def test_every_option_of_every_plug_in_given_what_it_may_not_hold(family: str) -> None:
    found = 0
    for name in names(family):
        for path, _ in keys(config_class(family, name)):
            for value in WRONG:
                options = placed({"name": name}, path, value)
                said = said_of(lambda o=options: resolve(family, o))  # type: ignore[misc]
                check(said, path, value)
                found += bool(said)
        said = said_of(lambda n=name: resolve(family, {"name": n, "qqqq": 1}))  # type: ignore[misc]
        assert "qqqq: unknown key 'qqqq'." in said
        found += 1
        near = said_of(lambda n=name: resolve(family, n + "q"))  # type: ignore[misc]
        assert f"no {family} is called '{name}q'. Did you mean" in near
    assert found


def test_a_key_without_a_value_is_as_if_it_were_not_there() -> None:
    plain, found = load(MINIMAL), []
    for path, model in keys(Spec):
        spelling = spellings_of(model).get(path[-1])
        if spelling is None or not spelling.empty:
            continue
        document = placed(MINIMAL, path, None)
        if path in {("name",), ("data",), ("data", "source"), ("data", "target")}:
            assert f"{'.'.join(path)} is required" in said_of(lambda d=document: load(d))  # type: ignore[misc]
            continue
        without = placed(MINIMAL, path[:-1], {}) if "a" in path else MINIMAL
        assert load(document) == (load(without) if "a" in path else plain), path
        found.append(".".join(path))
    for key in (
        "prepare",
        "prepare.clean",
        "prepare.derive",
        "prepare.columns",
        "data.expect",
        "data.features",
        "tune",
    ):
        assert key in found
    for key in ("train", "evaluate", "register", "serve", "monitor", "explain", "tune.space", "evaluate.slices"):
        assert key in found
    assert load({**MINIMAL, "data": {**MINIMAL["data"], "expect": {"age": None}}}).data.expect["age"].nullable
    assert load({**MINIMAL, "prepare": {"columns": {"age": None}}}).prepare.columns["age"].model_fields_set == set()


@pytest.mark.parametrize(("family", "name"), PLUGINS)
def test_one_value_stands_for_a_list_of_one(family: str, name: str) -> None:
    for key, spelling in spellings_of(config_class(family, name)).items():
        if str not in spelling.one:
            continue

        def outcome(value: Any, key: str = key) -> Any:
            try:
                return resolve(family, {"name": name, "columns": ["x"], key: value})
            except SpecError as error:
                return str(error)

        assert outcome("city") == outcome(["city"])


def test_columns_of_every_step_may_be_one() -> None:
    steps = [("clean", n) for n in names("clean")] + [
        ("duplicates", "exact"),
        ("augment", "flip"),
        ("augment", "noise"),
    ]
    taken = [step for step in steps if "columns" in spellings_of(config_class(*step))]
    assert len(taken) >= 10
    spec = load({**MINIMAL, "prepare": {"clean": {"name": "missing", "columns": "city", "values": "?"}}})
    assert to_dict(spec)["prepare"]["clean"] == [{"name": "missing", "columns": ["city"], "values": ["?"]}]
