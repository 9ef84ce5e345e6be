"""All mutants of some modules, as Cosmic Ray makes them, in JSON. Runs in `.tools`, which has Cosmic Ray.

Left out are those that nothing that runs could notice (annotations, which `from __future__ import annotations` leaves
unevaluated) and those that are no Python, which would be noticed without any test.
"""

from __future__ import annotations

import argparse
import json
import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names


def positions(code: str) -> Iterator[tuple[str, int, int]]:
    """Operator, occurrence and line of every mutant that could be noticed."""
    nodes = list(ast_nodes(get_ast(code)))
    idle = {id(node) for node in nodes if _without_effect(node)}
    for name in operator_names():
        if get_operator(name).arguments():
            continue
        operator, occurrence = get_operator(name)(), 0
        for node in nodes:
            for start, _ in operator.mutation_positions(node):
                if id(node) not in idle:
                    yield name.split("/")[1], occurrence, start[0]
                occurrence += 1


def mutated(code: str, operator: str, occurrence: int) -> str:
    """The module's text with one mutation."""
    changed: str = mutate_code(code, get_operator(f"core/{operator}")(), occurrence)
    return changed


def _without_effect(node: Any) -> bool:
    if node.parent is not None and node.parent.type == "parameters":
        return True
    while node.parent is not None:
        parent = node.parent
        if parent.type in {"annassign", "tfpdef"} and node is parent.children[1]:  # `: int` of a variable's `: int = 1`
            return True
        if parent.type == "tfpdef" and node is not parent.children[0]:
            return True
        if parent.type == "funcdef" and node is parent.annotation:
            return True
        node = parent
    return False


def _is_python(code: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `x is 1` is odd, but runs
        try:
            compile(code, "mutant", "exec", dont_inherit=True)
        except SyntaxError:
            return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("modules", nargs="+", type=Path)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    texts = {path: path.read_text(encoding="utf-8") for path in wanted.modules}
    places = [(path, *place) for path, code in texts.items() for place in positions(code)]
    chosen = range(len(places))
    if 0 < wanted.sample < len(places):
        chosen = sorted(random.Random(wanted.seed).sample(chosen, wanted.sample))
    mutants = []
    for path, operator, occurrence, line in (places[index] for index in chosen):
        code = mutated(texts[path], operator, occurrence)
        if _is_python(code):
            mutants.append({"path": str(path), "operator": operator, "line": line, "code": code})
    print(json.dumps({"total": len(places), "mutants": mutants}))


if __name__ == "__main__":
    main()
