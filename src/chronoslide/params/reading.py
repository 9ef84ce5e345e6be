"""Reading and checking `params.yaml`."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from chronoslide.errors import SettingsError
from chronoslide.files import parse_yaml
from chronoslide.params.earlier import require_own_version
from chronoslide.params.messages import one_line
from chronoslide.params.settings import Settings


def read_settings(path: Path) -> Settings:
    """Reads and checks `params.yaml`.

    Raises:
        SettingsError: The file is missing, is not YAML, of an earlier version, or a key is unknown, missing or out of
            range.
    """
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
        require_own_version(content)
        return Settings.model_validate(content)
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from error
    except FileNotFoundError as error:
        raise SettingsError(f"{path}: no such file; run the command in the root of the repository") from error
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}); make it a file that you may read") from error
    except ValidationError as error:
        raise SettingsError(f"{path}: {one_line(error, Settings)}") from error
    except ValueError as error:
        raise SettingsError(f"{path}: not YAML ({error}); mend the file") from error
