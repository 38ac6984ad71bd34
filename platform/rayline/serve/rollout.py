"""What a deployment asks of Ray Serve, and what it makes of the replicas' reports. Decides; `on_ray.py` acts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from rayline.core.errors import NotFoundError, PackageError, RaylineError, RunError
from rayline.serve.state import Desired, parse

APP = "rayline"
"""Name of the Ray Serve application."""
DEPLOYMENT = "endpoint"
"""Name of its one deployment."""
IMPORT_PATH = "rayline.serve.on_ray:app"


@dataclass(frozen=True)
class Replica:
    """A live replica and what it last reported."""

    id: str
    state: str
    pid: int | None
    node: str
    report: Mapping[str, Any] | None

    @property
    def running(self) -> bool:
        return self.state == "RUNNING"

    def has_followed(self, fingerprint: str) -> bool:
        report = self.report
        return report is not None and report["fingerprint"] == fingerprint and not report["working"]

    @property
    def failures(self) -> list[tuple[str, str, str, str]]:
        """Model, version, reason and kind of what it could not load."""
        models = self.report["models"] if self.report else {}
        return [
            (model, version, failure["reason"], failure["kind"])
            for model, account in models.items()
            for version, failure in account["failures"].items()
        ]


def deploy_document(details: Mapping[str, Any], application: Mapping[str, Any] | None) -> dict[str, Any]:
    """The declarative config with `application` in the place of ours, and every other declared application as it is.

    Ray Serve deletes declared applications that a new config leaves out.

    Args:
        details: Serve's instance details.
        application: ours; `None` to leave it out.
    """
    others = [
        app["deployed_app_config"]
        for name, app in details.get("applications", {}).items()
        if name != APP and app.get("deployed_app_config") and _text(app.get("source")) == "declarative"
    ]
    return {"applications": [*others, *([application] if application else [])]}


def application(held: Mapping[str, Any] | None, desired: Desired, **options: Any) -> dict[str, Any]:
    """Our application's config for `desired`.

    Args:
        held: its config as it is deployed, whose other options stay; `None` for a first deployment.
        desired: becomes the `user_config`.
        options: of the deployment (`num_replicas`, `autoscaling_config`, …), set over those held.
    """
    base: dict[str, Any] = dict(held or {"name": APP, "route_prefix": "/", "import_path": IMPORT_PATH})
    mine: dict[str, Any] = next(
        (dict(d) for d in base.get("deployments", []) if d["name"] == DEPLOYMENT), {"name": DEPLOYMENT}
    )
    if "autoscaling_config" in options:
        mine.pop("num_replicas", None)
    if "num_replicas" in options:
        mine.pop("autoscaling_config", None)
    others = [d for d in base.get("deployments", []) if d["name"] != DEPLOYMENT]
    return {**base, "deployments": [*others, {**mine, **options, "user_config": desired.to_json()}]}


def held_application(details: Mapping[str, Any]) -> dict[str, Any] | None:
    """Our application's config as it is deployed, where it is."""
    app = details.get("applications", {}).get(APP)
    return app.get("deployed_app_config") if app else None


def held_state(details: Mapping[str, Any]) -> Desired:
    """The desired state that is deployed.

    Raises:
        NotFoundError: our application is not.
    """
    held = held_application(details)
    if held is None:
        raise NotFoundError("no Rayline endpoint runs on this cluster. Start one: rayline serve.")
    return parse(_mine(held).get("user_config"))


def _mine(application: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((item for item in application.get("deployments", []) if item["name"] == DEPLOYMENT), {})


def replicas(details: Mapping[str, Any], reports: Mapping[str, Mapping[str, Any]]) -> list[Replica]:
    """The replicas that Serve knows, each with its report."""
    app = details.get("applications", {}).get(APP) or {}
    known = app.get("deployments", {}).get(DEPLOYMENT, {}).get("replicas", [])
    return [
        Replica(
            id=item["replica_id"],
            state=_text(item["state"]),
            pid=item.get("pid"),
            node=item.get("node_ip") or "",
            report=reports.get(item["replica_id"]),
        )
        for item in known
    ]


def start_failure(reports: Mapping[str, Mapping[str, Any]], fingerprint: str, message: str) -> RaylineError:
    """Why no replica started: what one of them reported before it gave up, else what Serve says."""
    told = [Replica(name, "", None, "", report) for name, report in reports.items()]
    ours = [replica for replica in told if replica.has_followed(fingerprint)]
    return failure(ours, standing="") or RunError(f"the endpoint did not start: {message}")


def followers(
    details: Mapping[str, Any], reports: Mapping[str, Mapping[str, Any]], fingerprint: str
) -> list[Replica] | None:
    """The replicas, once each has followed the desired state of this fingerprint; `None` until then.

    Raises:
        PackageError, RunError: Serve has given up: none of them starts.
    """
    app = details.get("applications", {}).get(APP, {})
    found = replicas(details, reports)
    if _text(app.get("status")) == "DEPLOY_FAILED":
        raise start_failure(reports, fingerprint, str(app.get("message")))
    return found if _text(app.get("status")) == "RUNNING" and settled(found, fingerprint) else None


def late(
    details: Mapping[str, Any], reports: Mapping[str, Mapping[str, Any]], fingerprint: str, timeout_s: float
) -> RunError:
    """What to say when `followers` were waited for in vain."""
    app = details.get("applications", {}).get(APP, {})
    waiting = [one.id for one in replicas(details, reports) if not one.has_followed(fingerprint)]
    return RunError(
        f"the endpoint was not ready within {timeout_s:.0f} s (application {_text(app.get('status'))}, waiting for "
        f"{', '.join(waiting) or 'a first replica'}). `ray status` shows whether replicas wait for resources."
    )


def scale(replicas: int | tuple[int, int]) -> dict[str, Any]:
    """A deployment's options for so many replicas, or for between the least and the most."""
    if isinstance(replicas, int):
        return {"num_replicas": replicas}
    least, most = replicas
    return {"autoscaling_config": {"min_replicas": least, "max_replicas": most, "target_ongoing_requests": 4}}


def settled(found: Sequence[Replica], fingerprint: str) -> bool:
    """Whether every running replica has made of the desired state what it can."""
    running = [replica for replica in found if replica.running]
    return bool(running) and all(replica.has_followed(fingerprint) for replica in running)


def failure(found: Iterable[Replica], standing: str = "; what answered before still does") -> RaylineError | None:
    """Why a deployment failed, from the first replica that could not load something; `standing`: what is left."""
    for replica in found:
        if replica.report and replica.report["problem"]:
            return RunError(f"replica {replica.id} did not take the deployment on: {replica.report['problem']}")
        for model, version, reason, kind in replica.failures:
            told = f"{model} {version} cannot be served{standing}. {reason}"
            return PackageError(told) if kind == PackageError.__name__ else RunError(told)
    return None


def summary(details: Mapping[str, Any], found: Sequence[Replica]) -> dict[str, Any]:
    """What is served, for people and `--json`: the application's state, models by version, replicas."""
    app = details.get("applications", {}).get(APP)
    if app is None:
        return {"application": "NOT_STARTED", "message": "", "models": {}, "replicas": []}
    desired = held_state(details)
    running = [replica for replica in found if replica.running]
    models = {}
    for name, model in desired.models.items():
        versions = {}
        for version, package in model.versions.items():
            loaded = [r for r in running if package == _loaded(r, name).get("versions", {}).get(version)]
            failed = {r.id: f["reason"] for r in running if (f := _loaded(r, name).get("failures", {}).get(version))}
            versions[version] = {"package": package, "replicas": len(loaded), "failures": failed}
        models[name] = {"answering": model.answering, "aliases": dict(model.aliases), "versions": versions}
    return {
        "application": _text(app["status"]),
        "message": app.get("message") or "",
        "models": models,
        "replicas": [{"id": r.id, "state": r.state, "pid": r.pid, "node": r.node} for r in found],
        "monitor": desired.settings.monitor,
        "keys": [key.name for key in desired.settings.keys],
    }


def _text(value: Any) -> str:
    """Serve's details hold members of string enumerations."""
    return str(value.value if isinstance(value, Enum) else value)


def _loaded(replica: Replica, model: str) -> Mapping[str, Any]:
    account: Mapping[str, Any] = (replica.report or {"models": {}})["models"].get(model, {})
    return account
