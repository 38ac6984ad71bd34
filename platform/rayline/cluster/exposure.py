"""Who else could use this cluster: is a token asked for, and which of its ports do other machines reach?"""

from __future__ import annotations

from collections.abc import Iterator

import grpc  # type: ignore[import-untyped]
import requests
from ray.core.generated import gcs_service_pb2, gcs_service_pb2_grpc

from rayline.cluster.checks import Check, Verdict
from rayline.cluster.connect import Connection
from rayline.cluster.machine import Machine
from rayline.cluster.resources import Node

TIMEOUT_S = 5.0

CLIENT_PORT = 10001

HAPROXY_PORTS = {8404: "HAProxy's statistics", 9101: "HAProxy's metrics"}
"""They listen on every interface even where HTTP does not, and take no token."""

TOKEN_ADVICE = (
    "Start Ray with RAY_AUTH_MODE=token on every machine (`ray get-auth-token --generate` makes one; cluster.yaml does "
    "so). Without, whoever reaches the cluster runs any code on it (CVE-2023-48022)."
)


def authentication_checks(cluster: Connection, *, anybody: bool) -> list[Check]:
    """Do the control store (`anybody`: it does not) and the dashboard refuse whoever has no token?"""
    control, dashboard = cluster.address, cluster.dashboard
    if anybody:
        checks = [Check("authentication", Verdict.FAIL, f"{control} takes anybody, without a token", TOKEN_ADVICE)]
    else:
        checks = [Check("authentication", Verdict.OK, f"{control} asks for a token, and takes this process's")]
    if dashboard is not None and _dashboard_open(dashboard):
        local = dashboard.startswith(("127.", "localhost"))  # a web page in a local browser still reaches it
        verdict = Verdict.WARN if local else Verdict.FAIL
        checks.append(Check("dashboard", verdict, f"http://{dashboard} takes jobs from anybody", TOKEN_ADVICE))
    elif dashboard is not None:
        checks.append(Check("dashboard", Verdict.OK, f"http://{dashboard} asks for a token"))
    return checks


def port_checks(machines: dict[Node, Machine | str], cluster: Connection, *, anybody: bool) -> Iterator[Check]:
    """Which known ports listen beyond loopback, on each machine; `anybody` can use them, or a token can."""
    named = {_port(cluster.address): "Ray's control store", CLIENT_PORT: "Ray client"}  # whoever reaches them runs code
    if cluster.dashboard is not None:
        named[_port(cluster.dashboard)] = "Ray's dashboard and jobs"
    for node, machine in machines.items():
        if isinstance(machine, str):
            continue
        ray_ports = [f"{port} ({named[port]})" for port in machine.ports if port in named]
        proxy_ports = [f"{port} ({HAPROXY_PORTS[port]})" for port in machine.ports if port in HAPROXY_PORTS]
        if ray_ports and anybody:
            yield Check(
                f"ports of {node.address}",
                Verdict.FAIL,
                f"open beyond this machine, without a token: {', '.join(ray_ports)}",
                "Turn token authentication on, and let a firewall admit the cluster's machines alone.",
            )
        elif proxy_ports:
            yield Check(
                f"ports of {node.address}",
                Verdict.WARN,
                f"open beyond this machine: {', '.join(proxy_ports)}",
                "Let a firewall admit your Prometheus alone, or move them: RAY_SERVE_HAPROXY_STATS_PORT, "
                "RAY_SERVE_HAPROXY_METRICS_PORT, set before Ray starts.",
            )
        else:
            told = f"open beyond it, behind the token: {', '.join(ray_ports)}" if ray_ports else "none of Ray's is open"
            yield Check(f"ports of {node.address}", Verdict.OK, told)


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def takes_anybody(address: str) -> bool:
    """Whether the control store at `address` answers somebody without a token."""
    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        stub = gcs_service_pb2_grpc.NodeInfoGcsServiceStub(channel)
        try:
            stub.CheckAlive(gcs_service_pb2.CheckAliveRequest(), timeout=TIMEOUT_S)
        except grpc.RpcError:
            return False
    return True


def _dashboard_open(address: str) -> bool:
    try:
        return requests.get(f"http://{address}/api/jobs/", timeout=TIMEOUT_S).status_code == 200
    except requests.RequestException:
        return False
