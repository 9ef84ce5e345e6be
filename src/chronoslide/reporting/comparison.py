"""Two runs side by side: what differs in their metrics, and whether a difference exceeds the intervals.

Works on two `metrics.json` alone, so that any commit, branch or MLflow run can be compared with the run at hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chronoslide.reporting.style import look_of
from chronoslide.reporting.tables.cells import UNDEFINED, look_up, models_of, printed, signed


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of two runs.

    Attributes:
        name: What it is.
        place: Where it stands in `metrics.json`.
        now: In the run at hand, None where it is undefined or missing.
        then: In the run that it is compared with.
        exceeds: Whether neither figure lies in the other's interval; None where a run gives no interval.
        decimals: With which it is printed.
    """

    name: str
    place: str
    now: float | None
    then: float | None
    exceeds: bool | None = None
    decimals: int = 3

    @property
    def change(self) -> float | None:
        """Now minus then, None where one of them is undefined."""
        return None if self.now is None or self.then is None else self.now - self.then


def compare_runs(now: Mapping[str, Any], then: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Compares the metrics of two runs: means, held-out blocks, every year and model, inventories.

    Args:
        now: Metrics of the run at hand.
        then: Metrics of the run to compare with.
    """
    rows = [Difference("mean F1, transferred", "mean_f1", *_both(now, then, "mean_f1"))]
    models = [model for model in models_of(now) if model != "transferred"]
    rows += [
        Difference(f"mean F1, {look_of(model).label}", place, *_both(now, then, place))
        for model in models
        for place in (f"mean_f1_by_model.{model}",)
    ]
    gain = "transfer_gain.f1_difference"
    rows.append(
        Difference(
            "gain of transfer, F1", gain, *_both(now, then, gain),
            exceeds=_exceeds(now, then, gain, "transfer_gain.low", "transfer_gain.high"),
        )
    )  # fmt: skip
    part = f"held_out_{now.get('reference_year')}"
    rows += [
        _f1(now, then, f"{part}.{model}", f"F1, {look_of(model).label}, held-out blocks")
        for model in models_of(now)
        if model in now.get(part, {})
    ]
    years = sorted({*now.get("years", {}), *then.get("years", {})}, key=int)
    rows += [_f1(now, then, f"years.{year}.transferred", f"F1 {year}, transferred") for year in years]
    for year in years:
        for name, label, decimals in (("count", "predicted landslides", 0), ("area_m2", "predicted area, m²", 0)):
            place = f"inventories.{year}.predicted.{name}"
            rows.append(Difference(f"{label} {year}", place, *_both(now, then, place), decimals=decimals))
    return tuple(row for row in rows if row.now is not None or row.then is not None)


def comparison_markdown(
    differences: Sequence[Difference], now: Mapping[str, Any], then: Mapping[str, Any], against: str
) -> str:
    """The comparison as Markdown.

    Args:
        differences: Of `compare_runs`.
        now: Metrics of the run at hand.
        then: Metrics of the run that it is compared with.
        against: What the other run is called, for example a revision.
    """
    lines = [f"## This run against `{against}`", ""]
    lines += [f"**{warning}**\n" for warning in comparability(now, then)]
    exceeding = [row for row in differences if row.exceeds]
    judged = [row for row in differences if row.exceeds is not None]
    lines += [
        f"{len(exceeding)} of {len(judged)} differences that have intervals exceed them.",
        "",
        f"| Figure | This run | `{against}` | Difference | Exceeds the intervals |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    words = {True: "yes", False: "no", None: "no interval"}
    for row in differences:
        change = UNDEFINED if row.change is None else _signed(row.change, row.decimals)
        cells = (row.name, _text(row.now, row.decimals), _text(row.then, row.decimals), change, words[row.exceeds])
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def comparability(now: Mapping[str, Any], then: Mapping[str, Any]) -> tuple[str, ...]:
    """Why the two runs may not compare: other data, another protocol, another year of transfer."""
    return tuple(
        f"The runs differ in {label}: {look_up(now, place)} and {look_up(then, place)}; their figures do not compare."
        for place, label in (
            ("data.name", "data"),
            ("data.provenance", "the data's provenance"),
            ("protocol", "protocol"),
            ("reference_year", "the year of the transfer"),
        )
        if look_up(now, place) != look_up(then, place)
    )


def _f1(now: Mapping[str, Any], then: Mapping[str, Any], place: str, name: str) -> Difference:
    f1 = f"{place}.f1"
    return Difference(name, f1, *_both(now, then, f1), exceeds=_exceeds(now, then, f1, f"{f1}_low", f"{f1}_high"))


def _exceeds(now: Mapping[str, Any], then: Mapping[str, Any], place: str, low: str, high: str) -> bool | None:
    ours, theirs = ([_number(look_up(run, name)) for name in (place, low, high)] for run in (now, then))
    if None in ours or None in theirs:
        return None
    return not (_inside(ours, theirs) or _inside(theirs, ours))


def _inside(value: list[float | None], interval: list[float | None]) -> bool:
    middle, low, high = value[0], interval[1], interval[2]
    assert middle is not None
    assert low is not None
    assert high is not None
    return low <= middle <= high


def _both(now: Mapping[str, Any], then: Mapping[str, Any], place: str) -> tuple[float | None, float | None]:
    return _number(look_up(now, place)), _number(look_up(then, place))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _text(value: float | None, decimals: int) -> str:
    return UNDEFINED if value is None else printed(value, decimals)


def _signed(value: float, decimals: int) -> str:
    return f"{value:+,.0f}" if decimals == 0 else signed(value, decimals)
