"""What experiments beside the pipeline found, as a section of the summary: the first table of each, with a link to it.

They were made on the simulated site (`experiments/`), so only a report on simulated data shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

SHOWN: Final = ("ablation.md", "after_training.md", "irmad.md", "pretraining_on_patch_sets.md")
"""Files of `reports/`; the stage lists them in `dvc.yaml`."""


def experiments_section(texts: Mapping[str, str], data: Mapping[str, Any]) -> list[str]:
    """The lines of the section; none where there is nothing to show.

    Args:
        texts: Markdown by file name, each with a title and a table.
        data: What the report's data are, as the metrics tell.
    """
    if data.get("provenance") != "simulated" or not texts:
        return []
    lines = ["## Experiments", "", "Made beside this run by `experiments/`, on the simulated site.", ""]
    for name, text in texts.items():
        title = next((line[2:] for line in text.splitlines() if line.startswith("# ")), name)
        lines += [f"**{title}** ([how it was measured]({name}))", "", *_first_table(text), ""]
    return lines


def _first_table(text: str) -> list[str]:
    table: list[str] = []
    for line in text.splitlines():
        if line.startswith("|"):
            table.append(line)
        elif table:
            break
    return table
