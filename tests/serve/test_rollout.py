"""What a deployment asks of Ray Serve, and what it makes of the replicas' reports."""

from __future__ import annotations

from typing import Any

import pytest

from rayline.core.errors import NotFoundError, PackageError, RunError
from rayline.serve import rollout, state

DESIRED = state.parse({"models": {"adult": {"versions": {"1": "/p/1"}}}})


def details(*states: str, **more: Any) -> dict[str, Any]:
    listed = [{"replica_id": f"r{n}", "state": s, "pid": n, "node_ip": "10.0.0.1"} for n, s in enumerate(states)]
    ours = {
        "status": "RUNNING",
        "source": "declarative",
        "deployed_app_config": rollout.application(None, DESIRED, num_replicas=2),
        "deployments": {rollout.DEPLOYMENT: {"replicas": listed}},
    }
    return {"applications": {rollout.APP: ours, **more}}


def report(*, working: bool = False, problem: str | None = None, kind: str | None = None) -> dict[str, Any]:
    failures = {"1": {"reason": "why", "kind": kind}} if kind else {}
    account = {"versions": {} if kind else {"1": "/p/1"}, "aliases": {}, "default": "1", "failures": failures}
    return {
        "fingerprint": DESIRED.fingerprint,
        "working": working,
        "problem": problem,
        "models": {"adult": account},
    }


def test_other_declared_applications_stay() -> None:
    other = {"source": "declarative", "deployed_app_config": {"name": "theirs", "import_path": "a:b"}}
    by_hand = {"source": "imperative", "deployed_app_config": None}
    document = rollout.deploy_document(details(theirs=other, by_hand=by_hand), {"name": rollout.APP})
    assert [app["name"] for app in document["applications"]] == ["theirs", rollout.APP]
    assert [app["name"] for app in rollout.deploy_document(details(theirs=other), None)["applications"]] == ["theirs"]


def test_a_change_keeps_the_options_of_the_deployment() -> None:
    held = rollout.held_application(details())
    changed = rollout.application(held, state.Desired())
    (deployment,) = changed["deployments"]
    assert deployment["num_replicas"] == 2
    assert deployment["user_config"]["models"] == {}
    scaled = rollout.application(changed, DESIRED, autoscaling_config={"min_replicas": 1, "max_replicas": 3})
    assert "num_replicas" not in scaled["deployments"][0]
    assert "autoscaling_config" not in rollout.application(scaled, DESIRED, num_replicas=1)["deployments"][0]


def test_settled_when_every_running_replica_has_followed() -> None:
    def settled(*pairs: tuple[str, dict[str, Any] | None]) -> bool:
        found = rollout.replicas(
            details(*(s for s, _ in pairs)), {f"r{n}": r for n, (_, r) in enumerate(pairs) if r is not None}
        )
        return rollout.settled(found, DESIRED.fingerprint)

    assert settled(("RUNNING", report()), ("RUNNING", report()))
    assert settled(("RUNNING", report()), ("STARTING", None))
    assert not settled(("STARTING", None))
    assert not settled(("RUNNING", report()), ("RUNNING", None))
    assert not settled(("RUNNING", report(working=True)))
    assert not settled(("RUNNING", {**report(), "fingerprint": "older"}))


@pytest.mark.parametrize(
    ("told", "kind", "said"),
    [
        (report(), None, None),
        (report(kind="PackageError"), PackageError, "adult 1 cannot be served"),
        (report(kind="MemoryError"), RunError, "adult 1 cannot be served"),
        (report(problem="no keys"), RunError, "no keys"),
    ],
)
def test_failure_of_a_deployment(told: dict[str, Any], kind: type | None, said: str | None) -> None:
    error = rollout.failure(rollout.replicas(details("RUNNING"), {"r0": told}))
    assert type(error) is (kind or type(None))
    assert said is None or said in str(error)


def test_summary_shows_versions_by_replica() -> None:
    found = rollout.replicas(details("RUNNING", "RUNNING"), {"r0": report(), "r1": report(kind="PackageError")})
    shown = rollout.summary(details("RUNNING", "RUNNING"), found)
    assert shown["models"]["adult"]["versions"]["1"] == {"package": "/p/1", "replicas": 1, "failures": {"r1": "why"}}
    assert [replica["id"] for replica in shown["replicas"]] == ["r0", "r1"]
    assert rollout.summary({}, [])["application"] == "NOT_STARTED"


def test_no_endpoint_is_said_so() -> None:
    with pytest.raises(NotFoundError, match="rayline serve"):
        rollout.held_state({"applications": {}})


def test_start_failure_is_what_a_replica_said() -> None:
    error = rollout.start_failure({"r9": report(kind="PackageError")}, DESIRED.fingerprint, "a traceback")
    assert type(error) is PackageError
    assert "why" in str(error)
    assert "a traceback" in str(rollout.start_failure({}, DESIRED.fingerprint, "a traceback"))


def test_followers_are_waited_for_until_each_has_followed() -> None:
    mark = DESIRED.fingerprint
    both = {"r0": report(), "r1": report()}
    found = rollout.followers(details("RUNNING", "RUNNING"), both, mark)
    assert [replica.id for replica in found or []] == ["r0", "r1"]
    half = {"r0": report(), "r1": report(working=True)}
    assert rollout.followers(details("RUNNING", "RUNNING"), half, mark) is None
    assert "waiting for r1" in str(rollout.late(details("RUNNING", "RUNNING"), half, mark, 3.0))
    assert rollout.followers({}, {}, mark) is None
    assert "waiting for a first replica" in str(rollout.late({}, {}, mark, 3.0))
    failed = details()
    failed["applications"][rollout.APP] |= {"status": "DEPLOY_FAILED", "message": "no such module"}
    with pytest.raises(RunError, match="no such module"):
        rollout.followers(failed, {}, mark)


@pytest.mark.parametrize(
    ("replicas", "options"),
    [
        (3, {"num_replicas": 3}),
        ((1, 4), {"autoscaling_config": {"min_replicas": 1, "max_replicas": 4, "target_ongoing_requests": 4}}),
    ],
)
def test_scale(replicas: Any, options: dict[str, Any]) -> None:
    assert rollout.scale(replicas) == options
