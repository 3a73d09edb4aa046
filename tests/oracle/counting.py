"""What a journal comes to, counted: so that the random ones can be held to reach every corner."""

from collections import Counter
from typing import Any

from tests.oracle.reference import Outcome


def told_by(outcome: Outcome, mode: str) -> Counter[str]:
    """How often each thing occurs in a journal of a mode; of blasts, those that were opened in that mode."""
    counted = Counter(f"rejected: {reason}" for _, reason in outcome.rejected)
    for change in outcome.changes:
        counted.update(_of_a_change(change))
    for report in outcome.blasts:
        if report["mode"] == mode:
            counted += _of_a_blast(report)
    return counted


def _of_a_change(change: dict[str, Any]) -> list[str]:
    kind, details = change["kind"], change["details"]
    told = [kind, f"{kind} by deadline"] if change["deadline"] else [kind]
    if change["deadline"] and change["source"] is None:
        told.append("deadline by a tick")
    if kind == "operation_changed":
        told.append(f"{change['before']['operation']} to {change['after']['operation']}")
    if kind == "command_refused":
        told.append(f"refused: {details['why']}")
    if kind == "answers_after_blast":
        told.append(f"answers: {details['outcome']}")
    return told


def _of_a_blast(report: dict[str, Any]) -> Counter[str]:
    counted = Counter([f"how: {report['how']}", f"verdict: {report['verdict']}"])
    for group in ("boosters", "detonators", "frames"):
        counted.update({f"{group}: {name}": count for name, count in report[group].items() if count})
    counted.update(f"attention: {row['what']}" for row in report["attention"] or [])
    for row in report["active"]:
        counted.update(f"{named['outcome']}: {named['why']}" for named in row["not_fired"] or [])
    counted.update({"warnings before": len(report["warnings"]), "warnings after": len(report["warnings_after"] or [])})
    counted["acknowledged before"] += sum(warning["acknowledged"] is not None for warning in report["warnings"])
    return counted
