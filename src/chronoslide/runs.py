"""A finished run in MLflow as a value: `tracking` finds it, the report names it, and neither knows the other."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A finished run.

    Attributes:
        name: Of the run.
        run_id: MLflow's id.
        key: Hash of what went into it.
        minutes: Wall time.
        address: Of its page, if the store is a server; empty otherwise.
    """

    name: str
    run_id: str
    key: str
    minutes: float
    address: str = ""
