"""What earlier versions wrote: settings are refused with what to change, stored models go on answering the same."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from chronoslide import cli
from chronoslide.errors import SettingsError
from chronoslide.params import read_settings

KEPT = Path(__file__).parent / "earlier_versions"


def as_told(content: dict) -> dict:
    """What the message says, done by hand."""
    tracking = content.pop("tracking", None)
    if tracking is not None:
        for moved in ("joining", "topography"):
            if moved in tracking:
                content["inventory"][moved] = tracking.pop(moved)
        content["track"] = tracking
    content["transfer"].pop("from_scratch", None)
    return content


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("first", ["'transfer.from_scratch' is gone"]),
        ("tracking", ["'tracking' is called 'track' now", "'tracking.joining' is 'inventory.joining' now"]),
    ],
)
def test_settings_of_an_earlier_version_are_refused_with_all_that_has_to_be_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, words: list[str]
) -> None:
    text = (KEPT / f"params_{name}.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    assert cli.main(["masks", "--root", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "params.yaml: written for an earlier version: " in told
    for word in words:
        assert word in told
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(as_told(yaml.safe_load(text))), encoding="utf-8")
    assert read_settings(tmp_path / "params.yaml").reference_year == 2016


def test_a_key_of_an_earlier_version_is_told_of_where_the_rest_is_new(tmp_path: Path) -> None:
    content = yaml.safe_load((KEPT.parents[1] / "params.yaml").read_text(encoding="utf-8"))
    content["transfer"]["from_scratch"] = False
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(SettingsError, match=r"'transfer.from_scratch' is gone.*take it out$"):
        read_settings(tmp_path / "params.yaml")


def test_a_network_that_an_earlier_version_stored_answers_as_it_did(tmp_path: Path) -> None:
    from chronoslide.models.storage import load_model

    (tmp_path / "model.json").write_bytes((KEPT / "model/model.json").read_bytes())
    weights = gzip.decompress((KEPT / "model/model.weights.h5.gz").read_bytes())
    (tmp_path / "model.weights.h5").write_bytes(weights)
    model, card = load_model(tmp_path)
    assert card.optimiser is None
    patch = np.random.default_rng(0).random((1, 16, 16, 2), dtype=np.float32) * 0.3
    answer = np.asarray(model(patch, training=False))
    expected = json.loads((KEPT / "expected.json").read_text())
    np.testing.assert_allclose(answer[0, 0, :, 0], expected["first_row"], atol=1e-5)
    assert float(answer.mean()) == pytest.approx(expected["mean"], abs=1e-5)
