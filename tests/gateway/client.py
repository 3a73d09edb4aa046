"""A client of a subscription, as strict as can be: no gap, no repeat, and it knows what it was sent."""

from typing import Any

from stateserver.domain.change import Change, Fields, fold_change


def units_of(snapshot: dict[str, Any]) -> dict[str, Fields]:
    """A snapshot's units by path, without what only says where they are."""
    return {
        row["unit"]: {name: value for name, value in row.items() if name not in ("system", "unit")}
        for row in snapshot["units"]
    }


class Client:
    """Holds units by snapshot and changes."""

    def __init__(self, opening: dict[str, Any], *, strict: bool = True) -> None:
        self.strict = strict
        self.snapshots = 0
        self.units: dict[str, Fields] = {}
        self.versions: list[int] = []
        self.whole = True
        self.cursor = opening["cursor"]
        if "snapshot" in opening:
            self.start_over(opening["snapshot"])

    def start_over(self, snapshot: dict[str, Any]) -> None:
        """Take a snapshot in the place of all that was held."""
        self.snapshots += 1
        self.units = units_of(snapshot)
        self.whole = snapshot["whole"]
        self.cursor = snapshot["version"]

    def take(self, notification: dict[str, Any]) -> None:
        """Take a notification, checking that it follows on what was held."""
        params = notification["params"]
        if notification["method"] == "standing":
            self.whole = params["whole"]
            return
        if notification["method"] == "snapshot":
            self.start_over(params["snapshot"])
            assert params["cursor"] == self.cursor
            return
        assert notification["method"] == "changes"
        held = self.cursor
        for document in params["changes"]:
            change = Change(**document)
            assert change.version > held
            if self.strict:
                assert change.version == held + 1
            held = change.version
            fold_change(self.units, change)
            self.versions.append(change.version)
        assert params["cursor"] >= held
        self.cursor = params["cursor"]
