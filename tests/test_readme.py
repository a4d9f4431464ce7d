"""The README says what is there: its tree, its head, its commands."""

import re
from pathlib import Path

import yaml

from polaris_demo import card
from polaris_demo.page import about
from polaris_demo.settings import HELP

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
HEAD = yaml.safe_load(README.split("---\n")[1])
TREE = re.search(r"```\n(app\.py .*?)```", README, re.DOTALL)
UNLISTED = {"__init__.py", "py.typed"}


def _listed() -> dict[str, str]:
    """Every path of the README's tree and its remark."""
    assert TREE
    paths: dict[str, str] = {}
    folders: list[str] = []
    for line in TREE[1].splitlines():
        indent, name, remark = re.match(r"( *)(\S+) +(.+)", line).groups()  # type: ignore[union-attr]
        folders = folders[: len(indent) // 2]
        paths["/".join([*folders, name.rstrip("/")])] = remark
        if name.endswith("/"):
            folders.append(name.rstrip("/"))
    return paths


def test_the_tree_lists_every_module_once_with_a_remark() -> None:
    there = {str(f.relative_to(ROOT)) for f in (ROOT / "polaris_demo").rglob("*") if f.suffix in (".py", ".js", ".css", ".html")}
    there |= {str(f.relative_to(ROOT)) for f in [*(ROOT / "tools").rglob("*.py"), *(ROOT / "examples").glob("*.py")]}
    listed = {path for path in _listed() if Path(path).suffix in (".py", ".js", ".css", ".html") and path != "app.py"}
    assert {p for p in there if Path(p).name not in UNLISTED} == listed


def test_everything_the_tree_names_exists() -> None:
    assert not [path for path in _listed() if not (ROOT / path).exists()]


def test_the_head_is_a_spaces_front_matter() -> None:
    pinned = re.search(r"^gradio==(.+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned and HEAD["sdk_version"] == pinned[1]
    assert (HEAD["sdk"], HEAD["python_version"], HEAD["app_file"], HEAD["license"]) == ("gradio", "3.12", "app.py", "mit")
    assert len(HEAD["short_description"]) <= 60
    assert HEAD["models"] == [card.MODEL.hub_id, card.MODEL.ablation] and HEAD["startup_duration_timeout"] and HEAD["tags"]


def test_no_thumbnail_is_named_that_only_a_known_owner_can_have() -> None:
    """The hub takes an address there, and whoever hosts the Space is not known before."""
    assert "thumbnail" not in HEAD
    assert f"`thumbnail: https://huggingface.co/spaces/OWNER/NAME/resolve/main/{about.PICTURE}`" in README


def test_every_setting_is_explained() -> None:
    assert not [name for name in HELP if name not in README]


def test_its_pictures_and_links_into_the_repository_exist() -> None:
    targets = re.findall(r"\]\(((?!https?:)[^)#]+)\)", README)
    assert targets and not [t for t in targets if not (ROOT / t).exists()]
