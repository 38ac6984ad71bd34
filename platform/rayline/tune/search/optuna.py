"""Bayesian search with Optuna's tree-structured Parzen estimator: new trials near those that did well.

Choose it when trials are dear and there are at least a dozen of them (Bergstra et al., "Algorithms for
Hyper-Parameter Optimization", 2011). The first `startup` trials are random.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from rayline.core.catalog import PluginConfig
from rayline.spec.sections import Dimension
from rayline.tune.search._search import Params, Search, Space


class Config(PluginConfig):
    startup: int = Field(default=8, ge=1)
    """Random trials before the model is trusted."""

    def build(self, space: Space, *, seed: int, maximise: bool) -> Search:
        return TreeParzen(space, startup=self.startup, seed=seed, maximise=maximise)


class TreeParzen(Search):
    def __init__(self, space: Space, *, startup: int, seed: int, maximise: bool) -> None:
        import optuna  # half a second, paid only by a search that uses it

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        # constant_liar keeps trials that run at the same time apart
        sampler = optuna.samplers.TPESampler(n_startup_trials=startup, seed=seed, constant_liar=True)
        self._optuna = optuna
        self._study = optuna.create_study(sampler=sampler, direction="maximize" if maximise else "minimize")
        self._space = {key: self._distribution(dimension) for key, dimension in space.items()}
        self._choices = {k: d.values for k, d in space.items() if d.values is not None}
        self._running: list[tuple[Params, Any]] = []

    def _distribution(self, dimension: Dimension) -> Any:
        kinds = self._optuna.distributions
        if dimension.values is not None:
            # positions, not values: lists are allowed in a spec and Optuna's categories must be hashable
            return kinds.CategoricalDistribution(list(range(len(dimension.values))))
        assert dimension.low is not None
        assert dimension.high is not None
        if dimension.integer:
            return kinds.IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
        return kinds.FloatDistribution(dimension.low, dimension.high, log=dimension.log)

    def ask(self) -> Params:
        trial = self._study.ask(self._space)
        params = {k: self._choices[k][v] if k in self._choices else v for k, v in trial.params.items()}
        self._running.append((params, trial))
        return params

    def tell(self, params: Params, value: float) -> None:
        for place, (asked, trial) in enumerate(self._running):
            if asked == params:
                del self._running[place]
                self._study.tell(trial, value)
                return
        inner = {k: self._choices[k].index(v) if k in self._choices else v for k, v in params.items()}
        self._study.add_trial(self._optuna.trial.create_trial(params=inner, distributions=self._space, value=value))
