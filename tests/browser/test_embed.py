"""The page inside another one: the picture first, then a small form that opens the full page; nothing is taken from the page around it."""

import functools
import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from polaris_demo.jobs.runner import Runner
from polaris_demo.page import about
from polaris_demo.settings import Settings
from polaris_demo.story.events import Delta, Finish, Progress

from ..conftest import needs, serving
from ..doubles import ScriptedEngine, asked, story_events, tells, until
from . import steps
from .test_everyone import violations

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "tools"))

import project_page

NO_STORAGE = "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('none'); } })"
PREMISE = "a bell & a “key” = 100 % + שלום 🌟"


@pytest.fixture
def url(serve) -> str:
    return serve(ScriptedEngine(tells("# The bell\n\nIt rang.")))


def open_embed(page: Page, address: str) -> Page:
    page.goto(address)
    expect(page.locator("#result-together svg").filter(visible=True)).to_be_visible()
    return page


def ask(frame, premise: str, words: int) -> None:
    frame.get_by_label("A story about").fill(premise)
    frame.locator("#embed input[type=number]").fill(str(words))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [800, 360])
def test_an_embed_is_a_picture_and_a_form_in_600_pixels(url: str, new_page, width: int, theme: str) -> None:
    page = new_page(width, 600, reduced_motion="reduce")
    page.add_init_script(NO_STORAGE)
    open_embed(page, f"{url}?view=embed&__theme={theme}")
    seen = "(e) => { const r = e.getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight; }"
    assert page.locator("#embed form").evaluate(seen)
    picture, form = page.locator("#result-together svg").filter(visible=True).bounding_box(), page.locator("#embed").bounding_box()
    assert picture["y"] < form["y"] - 200
    size = page.locator("#result-together svg text").filter(visible=True).first
    assert size.evaluate("e => parseFloat(getComputedStyle(e).fontSize) * e.ownerSVGElement.getScreenCTM().a") >= 11
    for hidden in (page.get_by_role("tab").first, page.get_by_role("button", name="Write the story"), page.locator("#foot")):
        expect(hidden).to_be_hidden()
    tall = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": width, "height": 1400})
    page.set_viewport_size({"width": width, "height": 600})
    assert page.evaluate("document.documentElement.scrollHeight") == tall
    assert page.evaluate("[document.documentElement.scrollWidth, scrollY, document.activeElement.tagName]") == [width, 0, "BODY"]
    assert page.evaluate("document.body.classList.contains('dark')") == (theme == "dark")
    assert not violations(page)


def test_its_form_opens_the_full_page_with_everything_filled_in(url: str, new_page) -> None:
    page = open_embed(new_page(800, 600), f"{url}?view=embed")
    ask(page, PREMISE, 450)
    page.keyboard.press("Control+Enter")
    assert page.context.pages == [page]
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Open the full page").click()
    full = opened.value
    expect(full.locator("#premise textarea")).to_have_value(PREMISE)
    expect(full.locator("#words input[type=number]")).to_have_value("450")
    expect(full.get_by_role("button", name="Write the story")).to_be_visible()
    assert full.evaluate("document.documentElement.dataset.view") is None
    assert page.locator("#pane .notice").text_content() == ""  # the keys that write a story asked for none here


def test_on_a_space_its_form_leads_to_the_page_on_the_hub(serve, new_page) -> None:
    home = "https://huggingface.co/spaces/owner/name"
    page = open_embed(new_page(800, 600), f"{serve(ScriptedEngine(tells('x')), Settings(home=home))}?view=embed")
    form = page.locator("#embed form")
    assert (form.get_attribute("action"), form.get_attribute("target"), form.get_attribute("method")) == (home, "_blank", "get")


def test_one_story_can_be_embedded(url: str, new_page) -> None:
    page = steps.open_page(new_page(), url)
    steps.ask(page, "a bell", 200)
    steps.write(page)
    steps.wait_until_over(page)
    reader = new_page(360, 600)
    reader.goto(f"{page.url}&view=embed")
    expect(reader.locator("#pane .story")).to_contain_text("It rang.")
    expect(reader.get_by_role("button", name="Open the full page")).to_be_in_viewport()
    assert reader.evaluate("[scrollY, document.documentElement.scrollWidth]") == [0, 360]
    expect(reader.locator("#header .badge")).to_be_in_viewport()
    for begins in ("Write it again", "Change one thing"):
        expect(reader.get_by_role("button", name=begins)).to_be_hidden()
    assert not violations(reader)
    reader.goto(f"{url}?story=nobody-wrote-this&view=embed")
    expect(reader.locator("#pane .notice")).to_contain_text("it has expired or was deleted")
    expect(reader.locator("#pane .notice")).to_be_in_viewport()
    page.get_by_role("tab", name="About").click()
    expect(page.locator("#copied-embed-results")).to_contain_text(f'<iframe src="{url}?view=embed"')


# The paper's page, from another origin, with the embed in it.


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def elsewhere(folder: Path) -> Iterator[str]:
    """A folder served as localhost, which is another site than the app's 127.0.0.1."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """paper(address of the demo) -> the address of the paper's page around it."""
    with ExitStack() as stack:

        def make(demo: str) -> str:
            project_page.write(tmp_path / "page", project_page.addresses(demo, "http://localhost"))
            return stack.enter_context(elsewhere(tmp_path / "page"))

        yield make


@pytest.fixture
def blocking(chromium: Browser, tmp_path: Path) -> Iterator[Page]:
    """A page of a browser that gives no storage and no cookies to frames of other sites."""
    folder = tmp_path / "profile" / "Default"
    folder.mkdir(parents=True)
    (folder / "Preferences").write_text(json.dumps({"profile": {"cookie_controls_mode": 1}}))
    context = chromium.browser_type.launch_persistent_context(folder.parent, viewport={"width": 1000, "height": 800}, **needs("chromium"))
    yield context.pages[0]
    context.close()


def counting_scrolls(page: Page) -> Page:
    page.add_init_script("window.scrolls = 0; addEventListener('scroll', () => { scrolls += 1; });")
    return page


def test_the_papers_page_works_where_frames_have_no_storage_and_is_never_moved(url: str, paper, blocking: Page) -> None:
    page = counting_scrolls(blocking)
    page.goto(paper(url))
    embed = page.frame_locator("iframe")
    expect(embed.locator("#result-together svg").filter(visible=True)).to_be_attached()
    refused = page.frames[1].evaluate("() => { try { return localStorage.length; } catch (error) { return error.name; } }")
    assert refused == "SecurityError"
    assert page.evaluate("[scrollY, scrolls, document.activeElement.tagName]") == [0, 0, "BODY"]
    page.locator("iframe").evaluate("e => e.scrollIntoView({ block: 'center' })")
    before = page.evaluate("scrollY")
    ask(embed, PREMISE, 450)
    with page.expect_popup() as opened:
        embed.get_by_role("button", name="Open the full page").click()
    full = opened.value
    expect(full.locator("#premise textarea")).to_have_value(PREMISE)
    expect(full.locator("#words input[type=number]")).to_have_value("450")
    assert page.evaluate("scrollY") == before > 0


def test_a_story_being_written_in_a_frame_moves_nothing_around_it(new_page, tmp_path: Path) -> None:
    gate = threading.Event()

    def paragraphs(request, stop):
        yield from story_events("a plan", "It rang.\n\n")[:-1]
        while not stop.wait(0.05):
            yield Delta.of("story", "It rang and rang.\n\n", (1,)) if gate.is_set() else Progress("reading", 60, 60)
        yield Finish("cancelled")

    runner = Runner(ScriptedEngine(paragraphs))
    with serving(runner) as url, elsewhere(tmp_path) as here:
        job = runner.submit(asked())
        frame = about.frame(f"{url}{about.EMBED}&story={job.record.id}", "A story").replace('loading="lazy"', "")
        above, below = ("<p style='height: 250px'>.</p>", "<p style='height: 3000px'>.</p>")
        (tmp_path / "story.html").write_text(f"<!doctype html><link rel=icon href='data:,'>{above}{frame}{below}")
        page = counting_scrolls(new_page(1000, 800))
        page.goto(f"{here.replace('localhost', '127.0.0.1')}/story.html")  # the same site: nothing but we ourselves keeps it still
        expect(page.frame_locator("iframe").locator("#pane .story")).to_contain_text("It rang.")
        gate.set()
        page.frames[1].wait_for_function("scrollY > 200")  # inside the frame the reader follows the text
        assert page.evaluate("[scrollY, scrolls, document.activeElement.tagName]") == [0, 0, "BODY"]
        runner.stop(job.record.id, job.key)


def test_the_papers_page_is_complete_before_a_demo_that_does_not_answer(new_page, paper) -> None:
    stalled = socket.create_server(("127.0.0.1", 0))
    connected = []
    threading.Thread(target=lambda: connected.append(stalled.accept()), daemon=True).start()
    page = new_page(1000, 800)
    page.goto(paper(f"http://127.0.0.1:{stalled.getsockname()[1]}"), wait_until="load")
    until(lambda: bool(connected), what="the frame has asked for the demo")
    assert page.evaluate("document.readyState") == "complete"
    for part in ("h1", "#result-together svg.wide", "#bibtex", "nav a >> nth=0", "text=The demo has not answered yet"):
        expect(page.locator(part)).to_be_visible()
    connected[0][0].close()
    stalled.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_papers_page_is_for_everyone(new_page, paper, width: int, theme: str) -> None:
    page = new_page(width, 844, offline_is_fine=True, color_scheme=theme, permissions=["clipboard-read", "clipboard-write"])
    page.goto(paper("http://127.0.0.1:9"))
    assert page.evaluate("document.documentElement.scrollWidth") == width
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(246, 241, 231)"
    assert dark == (theme == "dark") and not violations(page)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == project_page.card.CITATION
