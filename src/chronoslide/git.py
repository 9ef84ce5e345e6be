"""What git knows of the repository, asked by its own command."""

from __future__ import annotations

import subprocess
from pathlib import Path


def git(root: Path, *words: str) -> str:
    """What a git command prints.

    Args:
        root: The folder that it is called in.
        words: The command without `git`.

    Raises:
        FileNotFoundError: git is not installed.
        subprocess.CalledProcessError: It refuses: there is no repository, revision or file of that name.
    """
    done = subprocess.run(  # noqa: S603
        ["git", *words],  # noqa: S607
        cwd=root,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout
