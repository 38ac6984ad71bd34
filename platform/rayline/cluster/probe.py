"""One question to a cluster, with a deadline. Ray's own client retries for twenty seconds and logs as it goes."""

from __future__ import annotations

import grpc  # type: ignore[import-untyped]
import ray
from ray._private.grpc_utils import init_grpc_channel  # TLS and tokens as Ray itself sends them
from ray.core.generated import gcs_service_pb2, gcs_service_pb2_grpc

from rayline.core.errors import ClusterError

TIMEOUT_S = 5.0


def version(address: str, timeout_s: float = TIMEOUT_S) -> str:
    """The Ray version of the cluster whose control store is at `address` (`HOST:PORT`).

    Raises:
        ClusterError: nothing answers in time, what answers is not Ray, or it refuses this process's token.
    """
    channel = init_grpc_channel(address, options=[("grpc.enable_http_proxy", 0)])
    try:
        stub = gcs_service_pb2_grpc.NodeInfoGcsServiceStub(channel)
        reply = stub.CheckAlive(gcs_service_pb2.CheckAliveRequest(), timeout=timeout_s)
    except grpc.RpcError as error:
        raise ClusterError(_reason(address, error.code(), str(error.details()), timeout_s)) from None
    finally:
        channel.close()
    return str(reply.ray_version)


def require_same_version(address: str, timeout_s: float = TIMEOUT_S) -> None:
    """Raises: ClusterError: as `version`, or the cluster runs another Ray than this process."""
    theirs = version(address, timeout_s)
    if theirs != ray.__version__:
        raise ClusterError(
            f"the cluster at {address} runs Ray {theirs}, this process Ray {ray.__version__}; they must be the same. "
            f"Install ray=={theirs} here, or run there with `rayline submit`."
        )


def _reason(address: str, code: grpc.StatusCode, details: str, timeout_s: float) -> str:
    if code is grpc.StatusCode.UNAUTHENTICATED:
        return (
            f"the cluster at {address} refuses this process's token. Put the cluster's (`ray get-auth-token` on its "
            "head) into RAY_AUTH_TOKEN, or into the file RAY_AUTH_TOKEN_PATH names (default ~/.ray/auth_token)."
        )
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        found = f"nothing answers at {address} within {timeout_s:g} s"
    elif code is grpc.StatusCode.UNAVAILABLE and "parsing" not in details:
        found = f"nothing answers at {address} ({details.rpartition(': ')[2].rstrip(']')})"
    else:
        found = f"what answers at {address} is not a Ray cluster ({code.name.lower()}: {details})"
    return (
        f"{found}. Check the address (--address, RAY_ADDRESS; a cluster's is HOST:6379) and that the cluster is up, "
        "or leave it out to run on this machine."
    )
