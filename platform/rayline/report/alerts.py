"""What is odd about a data set, in words, and the line of a spec that answers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rayline.profile.association import Association
from rayline.profile.coverage import Coverage
from rayline.profile.profile import Profile
from rayline.profile.suspects import Suspects
from rayline.profile.types import Decision, infer
from rayline.report import column_alerts, row_alerts
from rayline.report.alert import Alert
from rayline.report.suspect_facts import suspect_alert

__all__ = ["Alert", "alerts", "tags"]


def alerts(
    profile: Profile,
    *,
    target: str | None = None,
    associated: Sequence[Association] = (),
    covered: Sequence[Coverage] = (),
    suspected: Suspects | None = None,
    decisions: Mapping[str, Decision] | None = None,
) -> list[Alert]:
    """Every oddity of columns that are not private and of rows: the graver, and what concerns the target, first.

    Args:
        profile: of all rows.
        target: what is predicted, which is looked at as such and not as a feature.
        associated: what goes with the target (`association.associations`).
        covered: groups (`coverage.coverage`).
        suspected: labels that look wrong (`suspects.suspects`).
        decisions: what each column is; default: as `types.infer` has it.
    """
    decisions = decisions or infer(profile)
    suspect = suspect_alert(suspected)
    found = row_alerts.of_target(profile, target, associated) + ([] if suspect is None else [suspect])
    found += column_alerts.find(profile, target, decisions)
    found += row_alerts.of_rows(profile, target, covered, decisions)
    return sorted(found, key=lambda alert: ("bad", "warn", "").index(alert.tone))


def tags(found: list[Alert]) -> dict[str, list[tuple[str, str]]]:
    """Column to the tags of its card: text and tone."""
    by_column: dict[str, list[tuple[str, str]]] = {}
    for alert in found:
        for column in alert.columns:
            told = by_column.setdefault(column, [])
            if alert.tag not in {tag for tag, _ in told}:
                told.append((alert.tag, alert.tone))
    return by_column
