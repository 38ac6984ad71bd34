"""A network as one straight function, for an endpoint's few rows.

Of the 65 µs that a small network takes for one row, 45 are Python's: module calls, hooks, parameters looked up by
name. `torch.fx` records the operations once; run without the modules around them they take 20 µs, and are the same
operations in the same order, so that the answers are equal bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

from torch import Tensor, fx, nn

from rayline.models.network import Network

Forward = Callable[[Tensor, Tensor], Tensor]


def straighten(network: Network) -> Forward:
    """`(numbers_BF, categories_BC) → head.predict(network(…))` of a network in evaluation mode.

    A network whose Python depends on its data cannot be recorded; it is called as it is.
    """

    assert not network.training

    def plain(numbers_BF: Tensor, categories_BC: Tensor) -> Tensor:
        return network.head.predict(network(numbers_BF, categories_BC))

    recorder = _Recorder(fx.Graph())
    inputs = [fx.Proxy(recorder.graph.placeholder(name), recorder) for name in ("numbers_BF", "categories_BC")]
    try:
        recorder.graph.output(cast(fx.Proxy, plain(*cast(Any, inputs))).node)
    except (fx.proxy.TraceError, TypeError, NotImplementedError, AttributeError):
        return plain
    for node in recorder.graph.nodes:
        if node.op == "call_function" and node.target is nn.functional.dropout:  # nothing, in evaluation
            node.replace_all_uses_with(node.args[0])
            recorder.graph.erase_node(node)
    code = recorder.graph.python_code("self")
    names: dict[str, Any] = dict(code.globals)
    exec(compile(code.src, "<straight network>", "exec"), names)  # how fx itself runs what it recorded
    return cast(Forward, partial(names["forward"], recorder.held))


class _Recorder(fx.proxy.GraphAppendingTracer):
    """Records operations on proxies as they run.

    `fx.Tracer` would do it by replacing `nn.Module.__call__` meanwhile, for every thread; replicas load a version
    while they answer from another.
    """

    def __init__(self, graph: fx.Graph) -> None:
        super().__init__(graph)
        self.held = SimpleNamespace()
        self._nodes: dict[int, tuple[fx.Node, Tensor]] = {}  # with the tensor, so that its id stays its own

    def create_arg(self, a: Any) -> Any:
        if isinstance(a, Tensor):  # a weight or a buffer
            if id(a) not in self._nodes:
                name = f"tensor_{len(self._nodes)}"
                setattr(self.held, name, a.detach())
                self._nodes[id(a)] = (self.graph.create_node("get_attr", name), a)
            return self._nodes[id(a)][0]
        return super().create_arg(a)
