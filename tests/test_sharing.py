"""What the served page says of an address to whoever runs no script: a messenger, a search engine, a list of links."""

import asyncio
import json
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from polaris_demo.jobs.runner import Runner
from polaris_demo.page import about, wire
from polaris_demo.page.recordings import Recordings
from polaris_demo.page.routes import StoryRoutes
from polaris_demo.page.sharing import LONGEST, Sharing
from polaris_demo.settings import Settings

from .doubles import ScriptedEngine, asked, recording_of, rests, tells, until

HOME = "https://huggingface.co/spaces/owner/name"
HOSTILE = "\"><script>alert(1)</script> & '<b>' </title> {{x}} ${y} 🌟"


class Head(HTMLParser):
    """The title, the metas by name, and every tag in its order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.title, self.metas, self.tags = "", dict[str, str](), list[str]()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        if tag == "meta":
            self.metas[given.get("property") or given.get("name") or ""] = given.get("content") or ""

    def handle_data(self, data: str) -> None:
        self.title += data if self.tags[-1:] == ["title"] else ""


def head(runner: Runner, query: str, settings: Settings | None = None, recordings: Path | None = None, **headers: str) -> Head:
    settings = settings or Settings()
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in ({"host": "testserver"} | headers).items()]
    scope = {"type": "http", "query_string": query.encode(), "headers": sent}
    title, first = asyncio.run(Sharing(runner, settings, Recordings(recordings) if recordings else Recordings()).head(scope))
    return Head(title + first)


def written(runner: Runner, premise: str = "a bell") -> str:
    job = runner.submit(asked(premise))
    until(lambda: rests(job))
    return job.record.id


def test_a_shared_story_is_known_by_its_title_and_what_was_asked(run) -> None:
    runner = run(tells("# The Bell\n\nIt rang."))
    found = head(runner, f"story={written(runner, 'a bell under water')}")
    assert found.title == found.metas["og:title"] == "The Bell"
    assert found.metas["og:description"] == found.metas["description"] == "A story about a bell under water"
    assert found.metas["robots"] == "noindex"
    untitled = head(run(tells("It rang.")), "")
    assert untitled.metas["og:title"] == about.TITLE and "robots" not in untitled.metas


def test_a_link_to_a_recipe_shows_its_premise(run) -> None:
    found = head(run(tells("x")), "premise=a+bell+under+water&words=300")
    assert found.title == found.metas["og:title"] == "Ask POLARIS-9B: a bell under water"
    assert found.metas["og:url"].endswith("?premise=a+bell+under+water&words=300")
    assert len(head(run(tells("x")), f"premise={'a' * 9000}").title) == LONGEST


def test_a_link_to_a_recorded_story_shows_that(run, tmp_path: Path) -> None:
    (tmp_path / "clock.json").write_text(recording_of("# The clock\n\nIt ran.", "two sisters"))
    found = head(run(tells("x")), "recorded=clock", recordings=tmp_path)
    assert (found.metas["og:title"], found.metas["og:description"]) == ("The clock", "A story about two sisters")
    assert "robots" not in found.metas


@pytest.mark.parametrize("query", ["", "story=nobody-wrote-this", "story=%FF%00", "recorded=none", "premise=", "tab=results", "%ff=&=&&"])
def test_an_address_of_nothing_shows_the_pages_own(run, query: str) -> None:
    found = head(run(tells("x")), query)
    assert (found.title, found.metas["og:description"]) == (about.TITLE, about.DESCRIPTION)


def test_no_text_of_an_address_becomes_markup_in_the_served_page(serve) -> None:
    url = serve(ScriptedEngine(tells("x")))
    usual = Head(httpx.get(url).text).tags
    found = Head(httpx.get(url, params={"premise": HOSTILE}).text)
    assert found.title == found.metas["og:title"] == f"Ask POLARIS-9B: {HOSTILE}" and found.tags == usual


@pytest.mark.parametrize("heading", [HOSTILE, "half \ud83c of a star", "מגדלור\u202e"])
def test_no_title_of_a_story_breaks_the_page(run, heading: str) -> None:
    runner = run(tells(f"# {heading}\n\nIt rang."))
    found = head(runner, f"story={written(runner)}")
    assert found.tags == [*head(runner, "story=gone").tags] and found.metas["og:title"] == found.title
    found.title.encode()


@pytest.mark.parametrize(
    ("settings", "headers"),
    [
        (Settings(home=HOME), {}),
        (Settings(), {"host": "localhost:7860"}),
        (Settings(), {"x_forwarded_proto": "https", "x_forwarded_host": "demo.example.org"}),
        (Settings(root_path="/demo"), {"host": "example.org"}),
        (Settings(root_path="https://example.org/demo"), {}),
        (Settings(), {"host": "no host at all<"}),
    ],
)
def test_its_address_is_the_one_that_other_links_have(run, settings: Settings, headers: dict[str, str]) -> None:
    runner = run(tells("# The Bell\n\nIt rang."))
    story_id = written(runner)
    client = TestClient(Starlette(routes=StoryRoutes(runner, settings).routes()))
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    record = json.loads(client.get(f"/stories/{story_id}/story.json", headers=sent).text)
    assert head(runner, f"story={story_id}&__theme=dark", settings, **headers).metas["og:url"] == record["link"]


def test_what_the_server_says_of_itself_cannot_end_its_element(run, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = run(tells("x"))
    monkeypatch.setattr("polaris_demo.page.view.status", lambda *told: {"why": "</script><b>"})
    scope = {"type": "http", "query_string": b"", "headers": []}
    _, first = asyncio.run(Sharing(runner, Settings(), Recordings()).head(scope))
    inside = first.split(f'id="{wire.NOW}">')[1].split("</script>")[0]
    assert json.loads(inside) == {"why": "</script><b>"}
