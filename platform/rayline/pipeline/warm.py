"""Work that can be done while Ray starts: slow imports and the registry's database, off the run's path."""

from __future__ import annotations

import threading
from importlib import import_module

from rayline.registry.store import warm as warm_registry


def warm(*, trains: bool = True) -> threading.Thread:
    """Begin in the background; whoever needs a module or the registry sooner simply waits for it.

    Args:
        trains: whether a model will be trained and registered, or data only read.
    """

    def work() -> None:
        import_module("ray.data")
        if trains:
            import_module("torch")  # two seconds
            warm_registry()

    thread = threading.Thread(target=work, name="rayline-warm", daemon=True)
    thread.start()
    return thread
