"""Work that can be done beside other work: slow imports and the registry's database, off the run's path."""

from __future__ import annotations

import threading
from importlib import import_module

from rayline.registry import store


def warm(*, trains: bool = True) -> threading.Thread:
    """Begin in the background while Ray starts; whoever needs a module sooner simply waits for it.

    Nothing is written: what follows may yet refuse the data. See `warm_registry`.

    Args:
        trains: whether a model will be trained and registered, or data only read.
    """

    def work() -> None:
        import_module("ray.data")
        if trains:
            import_module("torch")  # two seconds
            store.warm(makes=False)

    thread = threading.Thread(target=work, name="rayline-warm", daemon=True)
    thread.start()
    return thread


def warm_registry() -> None:
    """Have the registry's database made in the background, now that a model will be trained."""
    store.warm()
