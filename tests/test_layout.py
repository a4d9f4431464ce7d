"""The page as it is put together: nothing that can be asked for or downloaded is missing from it."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import fields

import gradio as gr
import pytest
from gradio import component_meta

from polaris_demo.page import assets, layout, parts, stubs
from polaris_demo.settings import Settings
from polaris_demo.story.exports import FILES
from polaris_demo.story.request import FIELDS, LIMITS, SamplingParams

from .doubles import Runner, ScriptedEngine, echoes


@pytest.fixture(scope="module")
def page() -> Iterator[gr.Blocks]:
    runner = Runner(ScriptedEngine(echoes))
    yield layout.build_page(runner, Settings())
    runner.close()


def test_every_sampling_setting_has_a_control() -> None:
    assert set(layout.CONTROLS) == {field.name for field in fields(SamplingParams)}


def test_every_field_of_a_request_stands_in_the_form_with_a_place_for_notes(page: gr.Blocks) -> None:
    ids = [block.elem_id for block in page.blocks.values()]
    assert all(ids.count(name) == 1 and ids.count(f"note-{name}") == 1 for name in FIELDS)


@pytest.mark.parametrize("name", LIMITS)
def test_a_control_takes_what_was_sent_and_leaves_the_judging_to_us(page: gr.Blocks, name: str) -> None:
    (control,) = [block for block in page.blocks.values() if block.elem_id == name]
    assert control.preprocess("no number") == "no number"  # type: ignore[attr-defined]


def test_every_offered_file_is_a_link_of_the_pane() -> None:
    offered = re.findall(r'<a class="text" data-file="(\w+)">', parts.pane())
    assert offered == [ending for ending, file in FILES.items() if file.label]


def test_every_file_the_page_names_is_served() -> None:
    for name in re.findall(r'href="page/\w+/([^"]+)"', assets.preloads()) + re.findall(r"url\(page/\w+/([^)]+)\)", assets.style()):
        assert assets.FILES[name], name
    assert {f"{name}.css" for name in assets.STYLES} == {path.name for path in (parts.BROWSER / "styles").glob("*.css")}


def test_gradio_reads_the_source_of_no_component_while_it_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    assert inspect.getfile is not stubs._file, "only for so long"

    class Reads(Exception):
        pass

    def reads(*arguments: object) -> None:
        raise Reads

    monkeypatch.setattr(component_meta, "extract_class_source_code", reads)
    with pytest.raises(Reads):
        component_meta.create_or_modify_pyi(gr.Label, "Label", [])
    monkeypatch.setattr(inspect, "getfile", stubs._file)
    component_meta.create_or_modify_pyi(gr.Label, "Label", [])
    assert inspect.getfile(gr.Label)
