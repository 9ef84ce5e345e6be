"""The command itself: help for every verb, and words that it does not know."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from chronoslide import cli
from chronoslide.commands import configure

ROOT = Path(__file__).parents[1]
VERBS = [
    *cli.STAGES, "configure", "chips", "rasterise", "compare", "statistics", "sync-runs", "unlock", "review", "inspect",
    "init", "fetch",
]  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([verb, "--help"])
    assert ended.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) > 3


def test_the_stages_of_dvc_are_verbs_of_the_command() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    assert list(stages) == [verb for verb in cli.STAGES if verb != "simulate"]


def test_an_unknown_verb_ends_with_code_two(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["mapp"])
    assert ended.value.code == 2
    assert "mapp" in capsys.readouterr().err


def test_help_loads_no_heavy_library() -> None:
    code = "import sys; from chronoslide.cli import _parser; _parser(); print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "rasterio", "tensorflow", "mlflow", "pydantic"} & set(loaded)


def test_outside_a_repository_the_settings_are_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["scenes", "--root", str(tmp_path)]) == 2
    assert "params.yaml: no such file" in capsys.readouterr().err


def test_a_wrong_profile_is_named_and_params_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "profiles").mkdir()
    for profile in ("demo", "smoke"):
        (tmp_path / f"profiles/{profile}.yaml").write_text("seed: 1\n")
    (tmp_path / "params.yaml").write_text("seed: 5 # mine\n")
    assert cli.main(["configure", "--profile", "smok", "--root", str(tmp_path)]) == 2
    assert "did you mean 'smoke'" in capsys.readouterr().err
    assert cli.main(["configure", "--profile", "smoke", "--root", str(tmp_path)]) == 2  # incomplete, so not kept
    assert (tmp_path / "params.yaml").read_text() == "seed: 5 # mine\n"


@pytest.mark.parametrize("name", ["smoke", "paper"])
def test_profiles_lead_back_to_the_default(tmp_path: Path, name: str) -> None:
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles")
    shutil.copy2(ROOT / "params.yaml", tmp_path)
    default = yaml.safe_load((ROOT / "params.yaml").read_text())
    configure.run(tmp_path, "demo")
    assert yaml.safe_load((tmp_path / "params.yaml").read_text()) == default
    configure.run(tmp_path, name)
    assert yaml.safe_load((tmp_path / "params.yaml").read_text()) != default
    configure.run(tmp_path, "demo")
    assert yaml.safe_load((tmp_path / "params.yaml").read_text()) == default, f"demo does not lead back from {name}"
