"""What pydantic complains of, as one line that names the key and the nearest known one."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from chronoslide.errors import nearest


def one_line(error: ValidationError, model: type[BaseModel]) -> str:
    """The first complaint of a validation as one line: field, what is wrong, what came, the nearest known key."""
    problem = error.errors()[0]
    place = _place(problem)
    where = ".".join(str(part) for part in place) or "the file"
    alternatives = [other["msg"] for other in error.errors() if _place(other) == place]
    others = error.error_count() - len(alternatives)
    more = f" (and {others} more)" if others else ""
    if problem["type"] == "extra_forbidden":
        known = _keys_at(model, place[:-1])
        return f"unknown key {where!r}{nearest(str(place[-1]), known)}; known here: {', '.join(known)}{more}"
    if problem["type"] == "missing":
        return f"{where!r} is missing; add it{more}"
    message = ", or: ".join(alternatives).removeprefix("Value error, ")
    received = "" if problem["type"] == "value_error" else f", got {str(problem['input'])[:80]!r}"
    return f"{where}: {message}{received}{more}"


def _place(problem: ErrorDetails) -> list[int | str]:
    """The keys that lead to a value, without the names that pydantic gives to the alternatives of a type."""
    location = problem["loc"]
    # An unknown key is a user's word, whatever it looks like.
    users = location[-1:] if problem["type"] == "extra_forbidden" else ()
    sections = location[: len(location) - len(users)]
    return [*(part for part in sections if not _is_alternative(part)), *users]


def _is_alternative(part: int | str) -> bool:
    return isinstance(part, str) and ("[" in part or part.startswith("constrained-"))


def _keys_at(model: type[BaseModel], place: list[Any]) -> list[str]:
    """The known keys of the section that `place` leads to; dictionaries and lists are walked through."""
    for part in place:
        field = model.model_fields.get(str(part))
        if field is None:
            continue  # a key of a dictionary or an index of a list: its value is described by the annotation we are in
        model = _section_in(field.annotation) or model
    return sorted(model.model_fields)


def _section_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _section_in(argument)
        if found is not None:
            return found
    return None
