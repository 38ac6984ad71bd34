"""`rayline quickstart`"""

from __future__ import annotations

import time


def command() -> None:
    """Run all of it on real data: profile, search, train, judge, register, deploy, answer over HTTP; then stop."""
    import orjson

    from rayline.cli._show import console, show_result, watcher
    from rayline.pipeline.quickstart import Answered, quickstart

    out = console()
    started = time.perf_counter()
    out.print("scikit-learn's breast_cancer: 569 biopsies, 30 measurements each; is it benign or malignant?\n")

    def shown(answered: Answered) -> None:
        out.print(f"    [bold]{answered.method} {answered.path}[/]")
        text = orjson.dumps(answered.answer).decode()
        out.print(f"      {text}", style="cyan", markup=False)

    with watcher(quiet=False) as watch:
        made = quickstart(watch, shown)
    show_result(made.result, as_json=False, next_steps=False)
    out.print(f"profile    {made.profile}")
    out.print(f"dashboards {made.dashboards}   (prometheus.yml, rules, Grafana)")
    took = time.perf_counter() - started
    out.print(f"\n[green]all of it in {took:.0f} s; everything that was started has stopped.[/] Next:")
    out.print("  rayline serve quickstart                        the endpoint again, until Ctrl-C")
    out.print("  rayline models show quickstart                  its card, metrics and package")
    out.print("  rayline init YOUR.csv --target COLUMN -o my.yaml && rayline run my.yaml")
