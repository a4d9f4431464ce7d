"""The page inside another one: a story that scrolls, a small form that opens the full page; nothing is taken from the page around it."""

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
from ..doubles import ScriptedEngine, asked, recording_of, rests, story_events, tells, until, waits_for
from .test_everyone import violations

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "tools"))

import project_page

NO_STORAGE = "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('none'); } })"
PREMISE = "a bell & a “key” = 100 % + שלום 🌟"


MEASURED, FORM, WRITE = "#taste .measured", "#embed form", "Write it ↗"
TEXT = "# The clock\n\n" + "\n\n".join(f"Paragraph {i} of this story says a little." for i in range(40))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(Runner(ScriptedEngine(tells("# The bell\n\nIt rang.")))) as url:
        yield url


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("recordings")
    (folder / "clock.json").write_text(recording_of(TEXT, "two sisters"))
    with serving(Runner(ScriptedEngine(tells("x"))), Settings(recordings_dir=folder)) as url:
        yield url


def open_embed(page: Page, address: str) -> Page:
    page.goto(address)
    expect(page.locator(MEASURED)).to_be_visible()
    return page


def ask(frame, premise: str, words: int) -> None:
    frame.locator("#embed").get_by_label("A story about").fill(premise)
    frame.locator("#embed input[type=number]").fill(str(words))


def box(page: Page, selector: str) -> dict[str, float]:
    found = page.locator(selector).bounding_box()
    assert found
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_a_story_scrolls_between_the_header_and_the_form_in_600_pixels(new_page, recorded: str, width: int, theme: str) -> None:
    page = new_page(width, 600, reduced_motion="reduce")
    page.add_init_script(NO_STORAGE)
    page.goto(f"{recorded}?view=embed&__theme={theme}")
    expect(page.locator("#pane .story")).to_contain_text("Paragraph 39")
    expect(page.locator("#pane .title")).to_have_attribute(
        "data-by", "Written by POLARIS-9B in one go · 322 of 1,000 words · 1 min to read"
    )
    header, form = box(page, "#header"), box(page, "#embed")
    assert (header["y"], header["height"], form["y"] + form["height"]) == (0, 48, 600)
    assert header["height"] < box(page, "#pane .title-page .wish")["y"] < form["y"] - 100 and box(page, FORM)["y"] > form["y"]
    for hidden in ("#tabs [role=tab]", "#write", "#foot", "#pane .status .row", "#pane .ladder", "#pane .invite", "#taste", "svg.wide"):
        expect(page.locator(hidden).first).to_be_hidden()
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    last = box(page, "#pane .story > :last-child")
    assert last["y"] > 48 and last["y"] + last["height"] < form["y"] and (box(page, "#header"), box(page, "#embed")) == (header, form)
    tall = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": width, "height": 1400})
    page.set_viewport_size({"width": width, "height": 600})
    assert page.evaluate("[document.documentElement.scrollHeight, document.documentElement.scrollWidth]") == [tall, width]
    assert page.evaluate("[document.activeElement.tagName, document.body.classList.contains('dark')]") == ["BODY", theme == "dark"]


@pytest.mark.parametrize("width", [1440, 390])
def test_without_recordings_it_has_what_the_paper_measured(url: str, new_page, width: int) -> None:
    page = open_embed(new_page(width, 600), f"{url}?view=embed")
    assert page.locator(f"{MEASURED} .m").count() == 4 and page.evaluate("document.documentElement.scrollWidth") == width
    for seen in (page.locator(f"{MEASURED} h2"), page.locator(f"{MEASURED} .m").first, page.get_by_role("button", name=WRITE)):
        expect(seen).to_be_in_viewport()
    expect(page.get_by_role("link", name="Read in full")).to_be_hidden()
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    results = page.get_by_role("button", name="All results")
    assert box(page, f"{MEASURED} .more")["y"] + box(page, f"{MEASURED} .more")["height"] <= box(page, "#embed")["y"]
    assert not violations(page)
    with page.expect_popup() as opened:
        results.click()
    expect(opened.value.locator("#result-elo")).to_be_visible()


def test_its_form_opens_the_full_page_with_everything_filled_in(url: str, new_page) -> None:
    page = open_embed(new_page(800, 600), f"{url}?view=embed")
    ask(page, PREMISE, 450)
    page.keyboard.press("Control+Enter")
    assert page.context.pages == [page]
    with page.expect_popup() as opened:
        page.get_by_role("button", name=WRITE).click()
    full = opened.value
    expect(full.locator("#premise textarea")).to_have_value(PREMISE)
    expect(full.locator("#words input[type=number]")).to_have_value("450")
    expect(full.get_by_role("button", name="Write the story")).to_be_visible()
    assert full.evaluate("document.documentElement.dataset.view") == "ask"
    assert page.locator("#pane .notice").text_content() == ""  # the keys that write a story asked for none here


def test_on_a_space_it_leads_to_the_page_on_the_hub(serve, same_page) -> None:
    home = "https://huggingface.co/spaces/owner/name"
    page = same_page(800, 600)
    page.goto(f"{serve(ScriptedEngine(tells('x')), Settings(home=home))}?view=embed&story=gone")
    form = page.locator(FORM)
    assert (form.get_attribute("action"), form.get_attribute("target"), form.get_attribute("method")) == (home, "_blank", "get")
    expect(page.get_by_role("link", name="Read in full")).to_have_attribute("href", f"{home}?story=gone")


def test_one_story_can_be_embedded_and_is_read_in_full_on_the_full_page(new_page) -> None:
    runner = Runner(ScriptedEngine(tells("# The bell\n\nIt rang.")))
    with serving(runner) as url:
        job = runner.submit(asked("a bell"))
        until(lambda: rests(job))
        page = new_page(390, 600)
        page.goto(f"{url}?story={job.record.id}&view=embed")
        expect(page.locator("#pane .story")).to_contain_text("It rang.")
        for seen in (page.get_by_role("button", name=WRITE), page.locator("#header .name"), page.get_by_text("A story about a bell")):
            expect(seen).to_be_in_viewport()
        assert page.evaluate("[scrollY, document.documentElement.scrollWidth]") == [0, 390]
        for begins in ("Another version", "Change one thing", "Write the story", "Write your own"):
            expect(page.get_by_role("button", name=begins)).to_be_hidden()
        with page.expect_popup() as opened:
            page.get_by_role("link", name="Read in full").click()
        expect(opened.value.get_by_role("button", name="Write your own")).to_be_visible()
        expect(opened.value.locator("#pane .story")).to_contain_text("It rang.")
        page.goto(f"{url}?story=nobody-wrote-this&view=embed")
        expect(page.locator("#pane .notice")).to_contain_text("it has expired or was deleted")
        expect(page.locator("#pane .notice")).to_be_in_viewport()
        full = opened.value
        full.get_by_role("tab", name="About").click()
        expect(full.locator("#copied-embed-results")).to_contain_text(f'<iframe src="{url}?view=embed"')


def test_a_story_that_is_planned_is_waited_for_in_the_frame(new_page) -> None:
    gate = threading.Event()
    runner = Runner(ScriptedEngine(waits_for(gate, "It rang.")))
    with serving(runner) as url:
        job = runner.submit(asked("a bell under water"))
        page = new_page(390, 600)
        page.goto(f"{url}?story={job.record.id}&view=embed")
        expect(page.locator("#pane .night .wish")).to_have_text("a bell under water")
        assert box(page, "#pane .night .dipper")["y"] + box(page, "#pane .night .dipper")["height"] < box(page, "#embed")["y"]
        assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [390, 600]
        gate.set()
        expect(page.locator("#pane .story")).to_contain_text("It rang.")


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
    expect(embed.locator(MEASURED)).to_be_attached()
    refused = page.frames[1].evaluate("() => { try { return localStorage.length; } catch (error) { return error.name; } }")
    assert refused == "SecurityError"
    assert page.evaluate("[scrollY, scrolls, document.activeElement.tagName]") == [0, 0, "BODY"]
    page.locator("iframe").evaluate("e => e.scrollIntoView({ block: 'center' })")
    before = page.evaluate("scrollY")
    ask(embed, PREMISE, 450)
    with page.expect_popup() as opened:
        embed.get_by_role("button", name=WRITE).click()
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
        page.frames[1].wait_for_function("document.documentElement.scrollHeight > 900")
        assert page.frames[1].evaluate("scrollY") == 0  # nor does the text move for whoever reads in the frame
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


def test_the_papers_page_is_for_everyone(new_page, paper) -> None:
    page = new_page(offline_is_fine=True, permissions=["clipboard-read", "clipboard-write"])
    page.goto(paper("http://127.0.0.1:9"))
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 844})
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            assert page.evaluate("document.documentElement.scrollWidth") == width
            dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(246, 241, 231)"
            assert dark == (theme == "dark") and not violations(page)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == project_page.card.CITATION
