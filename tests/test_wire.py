"""Python and the scripts speak one language: a name that only one side knows fails here, whichever side that is.

Scripts name a variable after the message it holds, so that reading them as text is enough.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import gradio as gr
import pytest

from polaris_demo.page import assets, blind, handlers, heard, layout, parts, preload, routes, sharing, wire
from polaris_demo.page.layout import build_page
from polaris_demo.settings import Settings
from polaris_demo.story.record import State
from polaris_demo.story.request import FIELDS

from .doubles import Runner, ScriptedEngine, echoes, recording_of

SCRIPTS = {path.stem: re.sub(r"(?<![:\"'`])//.*", "", path.read_text()) for path in sorted((parts.BROWSER / "scripts").glob("*.js"))}
RESULTS = (parts.BROWSER / "styles" / "results.css").read_text()  # of pictures that no script touches
SCRIPT, STYLE = re.sub(r' from "\./\w+\.js"', "", "".join(SCRIPTS.values())), assets.STYLE.replace(RESULTS, "")
TEXTS = {"promise", "link", "notes"}  # values that are no message of their own: two texts, and a list of `note`
GRADIOS = {"tabId", "testid"}  # its own data attributes
NO_SINGLE_PLACE = {"note", "knob"}  # parts that stand in many places
INSIDE = {"star", "explained", "embed", "columns"}  # templates that no function runs


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Iterator[gr.Blocks]:
    """The whole page, recordings included."""
    folder: Path = tmp_path_factory.mktemp("recordings")
    (folder / "bell.json").write_text(recording_of("# A bell\n\nIt rang."))
    runner = Runner(ScriptedEngine(echoes))
    yield build_page(runner, Settings(recordings_dir=folder))
    runner.close()


@pytest.fixture(scope="module")
def ours(page: gr.Blocks) -> str:
    """The markup of the page's own components that scripts run in, and of the embed's form."""
    made = [block for block in page.blocks.values() if isinstance(block, gr.HTML)]
    return "".join(block.html_template for block in made if block.js_on_load or block.elem_id == "embed")


def found(pattern: str, text: str = SCRIPT) -> set[str]:
    return {name for match in re.finditer(pattern, text) for name in match.groups() if name}


def keys(types: tuple[type, ...]) -> set[str]:
    return {key for kind in types for key in kind.__annotations__}


def sent(pattern: str) -> dict[str, set[str]]:
    """By name, the keys of the objects that the scripts send."""
    by_name: dict[str, set[str]] = {}
    for name, inner in re.findall(pattern, SCRIPT):
        by_name.setdefault(name, set()).update(re.findall(r"(?:^|,)\s*(\w+)\s*(?=[:,]|$)", inner.strip()))
    return by_name


# Messages.


@pytest.mark.parametrize("name", heard.HEARD)
def test_scripts_read_every_key_of_a_message_and_no_other(name: str) -> None:
    read = found(rf"(?:(?<![\w.$-])|(?<=\.\.\.))(?:this\.)?{name}\??\.(\w+)")
    unread = {key for message, key in heard.UNREAD if message == name}
    assert read == keys(heard.HEARD[name]) - unread


def test_what_arrives_is_named_after_the_message_it_is() -> None:
    arrives = r"props\.value|await (?:get|post)\(|\.json\(\)|JSON\.parse\(event"
    lines = [line.strip() for line in SCRIPT.splitlines() if re.search(arrives, line) and "said = await answer.json()" not in line]
    assert len(lines) > 10
    for line in lines:
        name = re.match(rf"const (\w+) = [^,;]*(?:{arrives})", line)
        assert name and name[1] in heard.HEARD.keys() | TEXTS, line
    taken_apart = rf"\}} = (?:this\.)?(?:{'|'.join(heard.HEARD)})\b"
    assert not re.search(taken_apart, SCRIPT), "keys taken out of a message by their names alone are not seen by the test above"


def test_scripts_send_every_key_that_python_reads_and_no_other() -> None:
    said = sent(r"trigger\(events\.(\w+), \{(.*?)\}\)") | sent(r"post\([`\"]stories/(?:\$\{[^}]*\}/)?(\w+)[`\"], \{(.*?)\}\)")
    assert said == {name: set(kind.__annotations__) for name, kind in wire.SENT.items()}


def test_python_reads_every_key_that_is_sent_and_no_other() -> None:
    read: dict[str, set[str]] = {}
    for module in (handlers, routes, blind):
        for function in ast.walk(ast.parse(Path(module.__file__).read_text())):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                source = ast.unparse(function)
                for kind in re.findall(r"asked = cast\(wire\.(\w+),", source):
                    read.setdefault(kind, set()).update(re.findall(r"asked\.get\('(\w+)'\)", source))
    assert read == {kind.__name__: set(kind.__annotations__) for kind in wire.SENT.values() if kind.__annotations__}


def test_states_that_scripts_and_styles_tell_apart_are_a_storys() -> None:
    known = found(r"update\.state === \"(\w+)\"") | found(r"\[data-state=\"?(\w+)", STYLE)
    assert known and known <= set(get_args(State))


# Names.


@pytest.mark.parametrize("part", wire.ACTIONS)
def test_every_button_has_its_action_and_every_action_its_button(part: str) -> None:
    template = {"pane": parts.pane(), "taste": parts.taste(True)}.get(part) or parts.template(part)
    (table,) = re.findall(r"const actions = \{(.*?)\n\};", SCRIPTS[part], re.DOTALL)
    assert found(r'\n  "?([\w-]+)"?: \(', table) == found(r'data-do="([\w-]+)"', template) == set(wire.ACTIONS[part])


def test_actions_that_scripts_and_styles_look_up_exist() -> None:
    assert found(r"\[data-do=\"?([\w-]+)", SCRIPT + STYLE) | found(r"buttons\(\"([\w-]+)\"\)") <= {
        action for actions in wire.ACTIONS.values() for action in actions
    }


def test_events_are_used_under_our_names_on_both_sides() -> None:
    assert found(r"trigger\(events\.(\w+),") == set(wire.EVENTS) == found(r"_on\([\w.]+, \"(\w+)\"\)", Path(layout.__file__).read_text())
    assert not re.search(r"trigger\([\"'`]", SCRIPT)
    assert set(wire.EVENTS.values()) <= {str(event) for event in gr.HTML.EVENTS}


def test_every_part_is_exported_by_the_first_module_and_stands_in_the_page(page: gr.Blocks) -> None:
    runs = [found(r"\(page\) => page\.(\w+)\(", block.js_on_load) for block in page.blocks.values() if getattr(block, "js_on_load", None)]
    assert set().union(*runs) == set(wire.PARTS)
    called = set().union(*(found(r"\(page\) => page\.(\w+)\(", str(fn.js or "")) for fn in page.fns.values()))
    assert called == set(wire.CALLED)
    exported = {name for names in re.findall(r"export \{ ([\w, ]+) \}", SCRIPTS["main"]) for name in names.split(", ")}
    assert exported == set(wire.PARTS) | set(wire.CALLED)
    ids = {block.elem_id for block in page.blocks.values()}
    assert set(wire.PARTS) - NO_SINGLE_PLACE <= ids
    assert set(parts.PARTS) - INSIDE <= set(wire.PARTS)


def exports(name: str) -> set[str]:
    """What a module gives to others, wire.js among them."""
    text = wire.module() if name == "wire" else SCRIPTS[name]
    listed = {one for names in re.findall(r"export \{ ([\w, ]+) \}", text) for one in names.split(", ")}
    return listed | found(r"export (?:async )?(?:const|let|function|class) (\w+)", text)


def test_a_module_imports_only_what_another_exports_and_everything_exported_is_used() -> None:
    used: dict[str, set[str]] = {}
    for name, text in SCRIPTS.items():
        for names, source in re.findall(r"(?:import|export) \{ ([\w, ]+) \} from \"\./(\w+)\.js\";", text):
            taken = {one.split(" as ")[0] for one in names.split(", ")}
            assert taken <= exports(source), f"{name} imports {taken - exports(source)} from {source}"
            used.setdefault(source, set()).update(taken)
    assert {name: exports(name) - used.get(name, set()) for name in SCRIPTS if name != "main"} == {
        name: set() for name in SCRIPTS if name != "main"
    }
    assert exports("wire") == used["wire"]


def test_nothing_of_ours_stands_on_the_window() -> None:
    assert not found(r"(?:window|globalThis)\.(\w+) =[^=]")
    assert all(text.count("\n") <= 350 for text in SCRIPTS.values())


def test_ids_that_scripts_look_up_stand_in_the_page(page: gr.Blocks) -> None:
    ids = {block.elem_id for block in page.blocks.values() if block.elem_id} | {wire.NOW}
    looked_up = found(r"getElementById\(\"([\w-]+)\"\)") | found(r"[\"`(]#([a-z][\w-]*)")
    assert looked_up <= ids and set(FIELDS) <= ids
    tabs = [tab.id for tab in page.blocks.values() if isinstance(tab, gr.Tab)]
    assert tabs == list(wire.TABS)


def test_every_name_under_which_a_browser_keeps_something_is_used() -> None:
    assert found(r"\bstorage\.(\w+)") == set(wire.STORAGE)
    assert not found(r"[\"'`](polaris-(?!line)\w+)"), "a name that scripts are given stands in one"


def test_the_roots_attributes_are_set_by_scripts_and_followed_by_styles_or_scripts() -> None:
    names = "|".join(wire.DATA)
    followed = set(re.findall(rf"\[data-({names})=\"?(\w+)", STYLE + preload.THEMED))
    assert all(value in wire.DATA[name] for name, value in followed)
    set_by = found(r"(?:documentElement|root)\.dataset\.(\w+)", SCRIPT + preload.THEME + sharing.VIEW)
    assert set_by == set(wire.DATA)
    assert {name for name, _ in followed} == set(wire.DATA)


def test_other_data_attributes_are_written_and_read(ours: str) -> None:
    written = found(r"data-([a-z]+)=", ours) | found(r"\bdataset\.(\w+) = ")
    read = found(r"\bdataset\.(\w+)(?! =[^=])\b") | found(r"\[data-([a-z]+)[\]=]", SCRIPT + STYLE)
    assert written - set(wire.DATA) == read - set(wire.DATA) - GRADIOS


def test_the_places_that_scripts_fill_in_stand_in_a_template(ours: str) -> None:
    there = {name for names in re.findall(r'class="([^"]*)"', ours) for name in names.split()}
    looked_up = found(r"\.part\(\"([\w-]+)\"\)") | found(r"one\([\w.]+, \"\.([\w-]+)")
    assert len(looked_up) > 30 and looked_up <= there
