from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from chronoslide.errors import SettingsError
from chronoslide.params import Settings, read_settings

REPOSITORY = Path(__file__).parents[1]


def delivered():
    return yaml.safe_load((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))


def with_change(place, value):
    """The delivered settings with the key at the dotted `place` set, or taken out where `value` is None."""
    content = delivered()
    section, *keys = content, *place.split(".")
    for key in keys[:-1]:
        section = section.setdefault(key, {})
    if value is None:
        del section[keys[-1]]
    else:
        section[keys[-1]] = value
    return content


def write(folder, content):
    path = folder / "params.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_the_delivered_settings_are_read():
    settings = read_settings(REPOSITORY / "params.yaml")
    assert settings.scenes.bands == ("blue", "green", "red", "red_edge", "nir")
    assert settings.reference_year == 2016


def test_settings_cannot_be_changed():
    settings = read_settings(REPOSITORY / "params.yaml")
    with pytest.raises(ValidationError, match="frozen"):
        settings.scenes.sharpening = 1.0


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("scenes.bandz", ["red"], "unknown key 'scenes.bandz', did you mean 'bands'?; known here: bands, channels"),
        ("seeds", 1, "unknown key 'seeds', did you mean 'seed'?"),
        ("pretrain.optimiser.epoch", 3, "unknown key 'pretrain.optimiser.epoch', did you mean 'epochs'?"),
        ("seed[1]", 1, "unknown key 'seed[1]'"),
        ("scenes.constrained-bands", [], "unknown key 'scenes.constrained-bands'; known here: bands, channels"),
        ("patches.augmentation.zoom", 3, "unknown key 'patches.augmentation.zoom'"),
        ("seed", None, "'seed' is missing; add it"),
        ("scenes.bands", None, "'scenes.bands' is missing"),
        ("seed", "many", "seed: Input should be a valid integer"),
        ("seed", -1, "seed: Input should be greater than or equal to 0, got '-1'"),
        ("protocol", "papers", "protocol: Input should be 'blocks' or 'paper', got 'papers'"),
        ("scenes.normalisation", "mad", "scenes.normalisation: Input should be 'none', 'histogram' or 'irmad'"),
        ("scenes.channels", ["ndvi", "ndvi"], "channels: a band stands twice"),
        ("scenes.channels", ["aspect"], "aspect is a direction"),
        ("scenes.minimum_coverage", 1.2, "scenes.minimum_coverage: Input should be less than or equal to 1"),
        ("scenes.bands", [], "scenes.bands"),
        ("scenes.bands", ["red", "red"], "a band stands twice"),
        ("patches.side_pixels", 100, "patches.side_pixels: Input should be a multiple of 16, got '100'"),
        ("patches.validation_share", 0.8, "validation_share + test_share must be below 1"),
        ("map.overlap_pixels", 330, "overlap_pixels must be at most half of window_pixels"),
        (
            "inventory.threshold",
            1.5,
            "inventory.threshold: Input should be less than or equal to 1, or: Input should be",
        ),
        ("inventory.threshold", "best", "inventory.threshold: Input should be a valid number"),
        ("evaluate.confidence", 1.0, "evaluate.confidence: Input should be less than 1"),
    ],
)
def test_a_mistake_is_said_in_one_line_with_its_place(tmp_path, place, value, words):
    path = write(tmp_path, with_change(place, value))
    with pytest.raises(SettingsError) as caught:
        read_settings(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"seed: [1", "not YAML"),
        (b"", "the file: Input should be a valid dictionary"),
        (b"- 1\n- 2\n", "the file: Input should be a valid dictionary"),
        (b"seed: \xff\xfe", "not YAML"),
    ],
    ids=["unclosed", "empty", "a list", "not text"],
)
def test_a_file_that_is_no_settings_is_refused(tmp_path, text, words):
    (tmp_path / "params.yaml").write_bytes(text)
    with pytest.raises(SettingsError, match=words) as caught:
        read_settings(tmp_path / "params.yaml")
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_where_to_run_the_command(tmp_path):
    with pytest.raises(SettingsError, match="run the command in the root of the repository"):
        read_settings(tmp_path / "params.yaml")


def test_no_key_has_a_name_that_dvc_overlooks():
    schema = Settings.model_json_schema()
    names = {name for section in (schema, *schema["$defs"].values()) for name in section["properties"]}
    assert "minimum_coverage" in names
    assert names.isdisjoint({"size", "nfiles"})


BOMB = "\n".join(
    ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)), "seed: *a39"]
)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("seed: " + "9" * 5000, "not YAML"),
        ("seed: 2020-13-45", "not YAML"),
        ("seed: " + "[" * 5000 + "]" * 5000, "nested too deep"),
        ("seed: " + "[" * 200_000, "nested too deep"),
        ("- " * 200_000, "nested too deep"),
        (BOMB, "unfolds to more than"),
        ("seed: &itself {a: *itself}", "reference to itself"),
        ("seed: !!python/object/apply:os.system ['false']", "not YAML"),
        ("? {a: 1}\n: 2", "not YAML"),
        ("? &a [*a]\n: 2", "not YAML"),
        ("", "the file"),
    ],
)
def test_hostile_text_is_refused_in_one_line_and_at_once(tmp_path, text, complaint):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(SettingsError, match=complaint) as caught:
        read_settings(tmp_path / "params.yaml")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1100


def test_references_that_shorten_a_file_are_followed(tmp_path):
    content = delivered()
    content["chips"]["optimiser"] = content["transfer"]["optimiser"]
    text = yaml.safe_dump(content)
    assert "&id001" in text
    (tmp_path / "params.yaml").write_text(text)
    settings = read_settings(tmp_path / "params.yaml")
    assert settings.transfer.optimiser == settings.chips.optimiser


def test_a_folder_instead_of_a_file_is_told(tmp_path):
    (tmp_path / "params.yaml").mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings(tmp_path / "params.yaml")


def test_soft_labels_go_with_no_hinge(tmp_path):
    content = delivered()
    content["transfer"]["optimiser"] |= {"loss": "lovasz_hinge", "soft_boundary_pixels": 2}
    with pytest.raises(SettingsError, match=r"transfer\.optimiser.*soft_boundary_pixels.*set it to 0"):
        read_settings(write(tmp_path, content))
