"""The page as it is served: what a shared link shows, and what happens where Gradio's files are not as expected."""

import logging
import re

import httpx
import pytest

from polaris_demo.page import about, preload
from polaris_demo.settings import Settings

from .doubles import ScriptedEngine, echoes

HOME = "https://huggingface.co/spaces/owner/name"


def metas(page: str) -> list[tuple[str, str]]:
    return re.findall(r'<meta\s+(?:property|name)="((?:og|twitter):[^"]+)"\s+content="([^"]*)"', page)


def test_a_shared_link_shows_our_title_and_picture_and_nothing_of_gradios(serve) -> None:
    found = metas(httpx.get(serve(ScriptedEngine(echoes), Settings(home=HOME))).text)
    assert len(found) == len(dict(found)) and "Gradio" not in str(found)
    assert dict(found)["og:title"] == about.TITLE and dict(found)["og:image"] == f"{HOME}/resolve/main/{about.PICTURE}"


def test_without_a_home_it_shows_words_and_its_own_address_and_no_picture(serve) -> None:
    url = serve(ScriptedEngine(echoes))
    found = dict(metas(httpx.get(url).text))
    assert (found["og:title"], found["og:url"]) == (about.TITLE, url) and not {"og:image", "twitter:image"} & found.keys()


@pytest.mark.parametrize("problem", [IndexError, OSError, UnicodeDecodeError("utf-8", b"", 0, 1, "")])
def test_where_gradios_files_are_not_as_expected_the_page_loads_as_gradio_has_it(problem, monkeypatch, caplog) -> None:
    def fails() -> list[str]:
        raise problem

    monkeypatch.setattr(preload, "files", fails)
    preload.head.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert preload.head() == ("", "")
    assert "not as expected" in caplog.text
    preload.head.cache_clear()
