"""Where the gallery stays off, and says why; and what its setting takes."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from polaris_demo.engine.base import Status
from polaris_demo.jobs.gallery import Gallery, why_off
from polaris_demo.settings import Settings, SettingsError, read_settings

from .doubles import MINIATURE, POLARIS, ScriptedEngine, tells, until
from .filling import featuring
from .test_gallery import TWO, ended


@pytest.mark.parametrize(
    ("settings", "status", "why"),
    [
        ({}, Status(MINIATURE), "the miniature"),
        ({"gallery": 5}, Status(MINIATURE), "the miniature"),
        ({"zerogpu": True, "gallery": 5}, Status(POLARIS), "ZeroGPU"),
        ({}, Status(replace(POLARIS, device="CPU")), "no GPU"),
        ({"gallery": 5}, Status(replace(POLARIS, device="CPU")), "no GPU"),
        ({"engine_url": "http://x/v1"}, Status(POLARIS), "POLARIS_GALLERY with a number of minutes"),
        ({"gallery": 0}, Status(POLARIS), "POLARIS_GALLERY is off"),
        ({"data_dir": None}, Status(POLARIS), "POLARIS_DATA_DIR is empty"),
        ({}, Status(failure="No weights."), "nothing can be written"),
    ],
)
def test_it_stays_off_and_says_why(settings: dict[str, object], status: Status, why: str) -> None:
    assert why in why_off(Settings(**{"data_dir": Path("x")} | settings), status)  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [{}, {"gallery": 5}, {"gallery": 5, "engine_url": "http://x/v1"}, {"own_vllm": True}])
def test_else_it_is_on(settings: dict[str, object]) -> None:
    assert why_off(Settings(data_dir=Path("x"), **settings), Status(POLARIS)) == ""  # type: ignore[arg-type]


def test_the_miniature_is_refused_in_one_line_of_the_log(run, tmp_path: Path, caplog) -> None:
    engine = ScriptedEngine(tells("x"), writer=MINIATURE)
    with caplog.at_level(logging.INFO, "polaris_demo.jobs.gallery"):
        gallery = Gallery(run(engine), Settings(data_dir=tmp_path), 0, featuring(tmp_path, *TWO), look_seconds=0.01)
        until(lambda: ended(gallery))
    assert engine.resumes == [] and not (tmp_path / "recordings").exists()
    assert caplog.messages == ["The gallery stays off: the miniature writes, and its stories are no samples."]


def test_the_setting_is_read() -> None:
    assert [read_settings({"POLARIS_GALLERY": said}).gallery_minutes for said in ("auto", "", "off", "30")] == [10, 10, 0, 30]
    for wrong in ("0", "1441", "never", "-5"):
        with pytest.raises(SettingsError, match=f"POLARIS_GALLERY is '{wrong}'; it takes auto, off, or minutes from 1 to 1440"):
            read_settings({"POLARIS_GALLERY": wrong})
    own = read_settings({"POLARIS_DATA_DIR": "/data", "POLARIS_RECORDINGS_DIR": "/bucket"})
    assert own.gallery_dir == Path("/bucket") and read_settings({"POLARIS_DATA_DIR": "/data"}).gallery_dir == Path("/data/recordings")
