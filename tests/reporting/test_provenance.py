from chronoslide.reporting.provenance import library_versions, stages_of

LOCK = {
    "stages": {
        "map": {
            "cmd": "chronoslide map",
            "deps": [{"path": "results/models", "md5": "aa.dir"}, {"path": "src/chronoslide/grid.py", "md5": "bb"}],
            "params": {"params.yaml": {"map": {"overlap_pixels": 64}, "seed": 2023}},
            "outs": [{"path": "results/maps", "md5": "cc.dir"}],
        }
    }
}


def test_a_stage_shows_its_data_and_parameters_but_not_its_code() -> None:
    (stage,) = stages_of(LOCK)
    assert stage.inputs == (("results/models", "aa.dir"),)
    assert stage.outputs == (("results/maps", "cc.dir"),)
    assert stage.parameters == (("map.overlap_pixels", "64"), ("seed", "2023"))


def test_no_lock_gives_no_stage() -> None:
    assert stages_of({}) == ()


def test_a_library_that_is_not_installed_is_said_to_be_missing() -> None:
    assert library_versions(["no-such-library-here"])[-1] == ("no-such-library-here", "not installed")
