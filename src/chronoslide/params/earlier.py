"""What earlier versions knew, and what has become of it."""

from __future__ import annotations

from typing import Any

from chronoslide.errors import SettingsError

_EARLIER = {
    "tracking.joining": "'tracking.joining' is 'inventory.joining' now",
    "tracking.topography": "'tracking.topography' is 'inventory.topography' now",
    "tracking": "'tracking' is called 'track' now",
    "transfer.from_scratch": "'transfer.from_scratch' is gone, because the control is always trained: take it out",
}


def require_own_version(content: Any) -> None:
    """Refuses the settings of an earlier version, and tells all that has to be changed in them.

    Raises:
        SettingsError: They hold keys that were renamed or taken out since.
    """
    found = []
    for place, told in _EARLIER.items():
        inner = content
        for key in place.split("."):
            inner = inner.get(key, _EARLIER) if isinstance(inner, dict) else _EARLIER
        if inner is not _EARLIER:
            found.append(told)
    if found:
        raise SettingsError(f"written for an earlier version: {'; '.join(found)}")
