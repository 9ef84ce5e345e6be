"""`chronoslide sync-runs`: sends the runs that were kept while MLflow's server was away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chronoslide.tracking import send_runs


def run(root: Path) -> None:
    """Sends what waits in `unsent/` and says what was sent.

    Args:
        root: The repository.

    Raises:
        ChronoslideError: The server is away or refuses a run; what was not sent stays.
    """
    sent, working = send_runs(root, _read_network)
    for each in sent:
        print(f"sent: {each.name} ({each.status}, told {each.operations} things), run {each.run_id}")
    left = f"; {working} still at work" if working else ""
    print(f"{len(sent)} runs sent{left}" if sent or working else "no run waits in unsent/")


def _read_network(folder: Path) -> Any:
    from chronoslide.models.plain import in_plain_layers
    from chronoslide.models.storage import load_model

    return in_plain_layers(load_model(folder)[0])
