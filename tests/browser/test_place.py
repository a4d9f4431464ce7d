"""The page moves only when its reader does: whatever arrives, whatever ends, and also for whoever is taken along with the end."""

import threading
from collections.abc import Callable, Iterator, Sequence

import pytest
from playwright.sync_api import CDPSession, Page, expect

from polaris_demo.story.events import Delta, Event, Finish, Started
from polaris_demo.story.request import StoryRequest

from ..doubles import POLARIS, Script, ScriptedEngine
from . import steps

SIZES = [(1440, 900), (390, 844)]
WIDTHS = pytest.mark.parametrize(("width", "height"), SIZES)
PARAGRAPH = "The rain had stopped by then, and nobody in the house could say when it had begun or who had let it in. " * 3
BEGUN = "# Rain\n\nIt rained.\n\n"
# What the page is asked in these tests.
ASKS = """async argument => {
    const frame = () => new Promise(requestAnimationFrame), words = count => Array.from({ length: count }, (_, i) => (window.said = (window.said ?? 0) + 1) % 40 ? 'word ' : 'word.\\n\\n').join('');
    Object.assign(window, {
        more: count => reader.show({ t: words(count) }),
        at: tokens => { clearInterval(window.ticks); if (tokens) window.ticks = setInterval(() => more(tokens / 10), 100); },
        watch: () => {
            Object.assign(window, { began: scrollY, moved: false, used: false });
            const began = () => { if (!used && reader.place.following) window.began = reader.place.reached; window.used = true; };
            for (const kind of ['wheel', 'touchstart', 'keydown']) addEventListener(kind, began, { capture: true, once: true, passive: true });
            addEventListener('scroll', () => { window.moved ||= used; });
        },
        settled: async (most = 0) => {
            for (; most && !window.moved; most--) await frame();
            for (let same = 0, last = scrollY; same < 6; last = scrollY) { await frame(); same = scrollY === last ? same + 1 : 0; }
            return scrollY;
        },
        below: () => [...document.querySelectorAll('#pane .story > p:not(.heading, .break)')].filter(p => p.getBoundingClientRect().top >= innerHeight - 88).length,
        pill: () => { const pill = document.querySelector('#pane .below [data-do=end]'); return pill.hidden ? 0 : parseInt(pill.textContent.replace(/\\D/g, '')); },
        marked: () => { const middle = reader.paper.blocks[reader.place.at()].node; getSelection().selectAllChildren(middle); return getSelection().toString(); },
    });
}"""
# Once the page has come to rest somewhere: a passage is marked there, and a thousand words arrive.
STAYS = """async there => {
    at(0);
    const selected = marked();
    for (let i = 0; i < 4; i++) more(250);
    const stayed = await settled() === there, kept = getSelection().toString() === selected;
    getSelection().removeAllRanges();
    return [stayed, kept, pill(), below()];
}"""
UP = ("one notch", "a trackpad", "arrow keys", "Page Up", "a drag", "a fling")
RATES = (20, 60, 200)  # tokens a second
TRIES = 3


def in_bursts(gate: threading.Event) -> Script:
    """A line, then after the gate a great deal at once, then a line at a time until stopped."""

    def script(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
        yield Started("<prompt>", 60, POLARIS)
        yield Delta.of("story", BEGUN, (1,))
        while not gate.wait(0.05) and not stop.is_set():
            yield Delta.of("story", "", (1,))
        yield Delta.of("story", f"{PARAGRAPH}\n\n" * 150, (2,))
        while not stop.wait(0.1):
            yield Delta.of("story", f"{PARAGRAPH}\n\n", (3,))

    return script


def begun(serve, page: Page, gate: threading.Event) -> Page:
    """A story of one's own of which the first line is there."""
    steps.open_page(page, serve(ScriptedEngine(in_bursts(gate))))
    steps.ask(page, "rain", 12_000)
    steps.write(page)
    expect(page.locator("#pane .story")).to_contain_text("It rained.")
    steps.reader(page, "reader => { window.reader = reader; }")
    page.evaluate(ASKS)
    return page


def flooded(page: Page) -> None:
    page.wait_for_function("document.querySelectorAll('#pane .story p').length > 160")


def moves_up(page: Page, cdp: CDPSession, how: str) -> None:
    """One of the ways in which people go up."""
    if how == "one notch":
        page.mouse.wheel(0, -120)
    elif how == "a trackpad":
        cdp.send(
            "Input.synthesizeScrollGesture", {"x": 150, "y": 400, "yDistance": 480, "speed": 960, "gestureSourceType": "mouse"}
        )  # 16 pixels a frame
    elif how == "arrow keys":
        for _ in range(5):
            page.keyboard.press("ArrowUp")
    elif how == "Page Up":
        page.keyboard.press("PageUp")
    else:
        touches(page, cdp, 30 if how == "a drag" else 200, rests=how == "a drag")


def touches(page: Page, cdp: CDPSession, far: int, rests: bool) -> None:
    """A finger goes down the page, and rests before it leaves; or it throws the page."""
    for step in range(0, far + 1, 10):
        cdp.send("Input.dispatchTouchEvent", {"type": "touchMove" if step else "touchStart", "touchPoints": [{"x": 150, "y": 300 + step}]})
    if rests:
        page.evaluate("settled(50)")
    cdp.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def gone_up(page: Page, cdp: CDPSession, how: str, place: str, tokens: int) -> tuple[float, float]:
    """From a place, while `tokens` a second arrive: how far the page went, and where it is then."""
    share = {"the beginning": 0, "the middle": 0.4}.get(place)
    goes = "reader.toEnd()" if share is None else f"reader.place.rest() ?? scrollTo(0, {share} * document.documentElement.scrollHeight)"
    page.evaluate(f"{goes}; at({tokens}); new Promise(requestAnimationFrame).then(watch)")
    moves_up(page, cdp, how)
    there = page.evaluate(f"settled({5 if share == 0 else 100})")
    return there - page.evaluate("began"), there


def ways(page: Page, cdp: CDPSession, how: str, place: str, tokens: int, alone: float) -> tuple[bool, tuple[object, ...]]:
    """Whether whoever goes up from a place while text arrives comes where they went, and stays; and what was seen."""
    net, there = gone_up(page, cdp, how, place, tokens)
    asked = 0 if place == "the beginning" else alone
    right = net < -150 if how == "a fling" and asked else abs(net - asked) <= 2  # no fling flies as far as another
    stayed, kept, said, below = page.evaluate(STAYS, there)
    return right and stayed and kept and said == below > 0, (how, place, tokens, net, asked, stayed, kept, said, below)


def pulled(page: Page, speeds: Callable[[int, int], Sequence[int]]) -> list[list[object]]:
    """What pulls whoever goes up by any way, from the beginning, the middle and the followed end, on a desk and a phone.

    `speeds` are the tokens a second that arrive meanwhile, for the number of a way and of a place.
    """
    page.evaluate("more(4000)")
    cdp, wrong = page.context.new_cdp_session(page), []
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.mouse.move(width / 2, 400)
        for number, how in enumerate(UP):
            alone, _ = gone_up(page, cdp, how, "the middle", 0)
            assert alone < -10, how
            for turn, place in enumerate(("the beginning", "the middle", "the end")):
                for tokens in speeds(number, turn):
                    seen: list[object] = [width]
                    for _ in range(TRIES):  # a gesture that the machine broke in two is made again; a page that pulls, pulls each time
                        right, what = ways(page, cdp, how, place, tokens, alone)
                        if right:
                            break
                        seen.append(what)
                        alone, _ = gone_up(page, cdp, how, "the middle", 0)
                    else:
                        wrong.append(seen)
    return wrong


def test_who_goes_up_comes_where_they_went_and_stays_there(serve, same_page) -> None:
    """Each way and place at one of the speeds, each speed as often."""
    page = begun(serve, same_page(has_touch=True), threading.Event())
    assert pulled(page, lambda way, place: [RATES[(way + place) % len(RATES)]]) == []


@pytest.mark.slow
def test_and_so_they_do_at_every_speed(serve, same_page) -> None:
    page = begun(serve, same_page(has_touch=True), threading.Event())
    assert pulled(page, lambda way, place: RATES) == []
    print(f"{len(UP)} ways, 3 places, {len(RATES)} speeds, {len(SIZES)} widths: nobody is pulled")


def test_over_the_real_line_one_notch_leaves_the_end_that_is_followed(serve, same_page) -> None:
    gate = threading.Event()
    gate.set()
    page = begun(serve, same_page(), gate)
    flooded(page)
    page.locator("#pane .below [data-do=end]").click()
    expect(page.locator("#pane .below [data-do=end]")).to_be_hidden()
    paragraphs = page.locator("#pane .story p").count()
    page.wait_for_function(f"document.querySelectorAll('#pane .story p').length > {paragraphs + 5}")
    expect(page.locator("#pane .story p").last).to_be_in_viewport()
    page.evaluate("watch()")
    page.mouse.move(700, 500)
    page.mouse.wheel(0, -120)
    there = page.evaluate("settled(100)")
    assert abs(there - page.evaluate("began") + 120) <= 2
    page.wait_for_function(f"document.querySelectorAll('#pane .story p').length > {paragraphs + 15}")
    assert page.evaluate("scrollY") == there
    expect(page.locator("#pane .below [data-do=end]")).to_be_visible()


def test_text_grows_into_room_that_was_there_until_its_reader_asks_for_the_end(serve, same_page) -> None:
    page = begun(serve, same_page(), threading.Event())
    first = page.evaluate("document.documentElement.scrollHeight")
    page.evaluate("for (let i = 0; i < 10; i++) more(10)")
    assert page.evaluate("[scrollY, document.documentElement.scrollHeight]") == [0, first], "a hundred words have room on the first page"
    page.evaluate("more(2000)")
    assert page.evaluate("settled()") == 0
    page.locator("#pane .below [data-do=end]").click()
    for _ in range(3):
        page.evaluate("more(300)")
        expect(page.locator("#pane .story p").last).to_be_in_viewport()
    expect(page.locator("#pane .below [data-do=end]")).to_be_hidden()


def test_a_reader_who_has_just_scrolled_away_is_not_fetched_back_by_what_arrives_in_that_moment(serve, same_page) -> None:
    """Before the browser has told the page of it."""
    page = begun(serve, same_page(), threading.Event())
    page.evaluate("more(8000) ?? reader.toEnd()")
    there, then = page.evaluate("(() => { scrollBy(0, -3000); const there = scrollY; more(10); return [there, scrollY]; })()")
    assert then == there > 0
    expect(page.locator("#pane .below [data-do=end]")).to_be_visible()


def test_nothing_scrolls_under_a_finger_that_lies_on_the_page(serve, same_page) -> None:
    page = begun(serve, same_page(390, 844, has_touch=True), threading.Event())
    page.evaluate("more(3000) ?? reader.toEnd()")
    cdp = page.context.new_cdp_session(page)
    cdp.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": 200, "y": 400}]})
    there = page.evaluate("scrollY")
    assert page.evaluate("more(500) ?? scrollY") == there
    cdp.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert page.evaluate("more(500) ?? scrollY") > there


SHIFTS = """
    window.shifts = [];
    new PerformanceObserver(list => { for (const one of list.getEntries()) if (!one.hadRecentInput) shifts.push([one.value, one.sources.map(s => `${s.node?.className?.baseVal ?? s.node?.className} ${s.node?.textContent?.slice(0, 20)} ${s.previousRect.y} ${s.currentRect.y}`)]); })
        .observe({ type: 'layout-shift' });
"""
NOISE = 0.005  # what a paragraph that grows within its lines comes to in Chromium


@WIDTHS
def test_nothing_on_the_page_shifts_from_the_click_to_the_last_word(serve, same_page, width: int, height: int) -> None:
    """From night to paper, through title and chapters, to what stands after the end."""
    planned = threading.Event()

    def script(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
        yield Started("<prompt>", 60, POLARIS)
        for number in range(1000):
            yield Delta.of("thinking", "plan ", (number,))
        planned.wait(20)
        told = [" ".join(PARAGRAPH.split()[: 20 + n]) for n in range(24)]  # their last lines hold one word, two, three …
        parts = [f"## {n + 1}. A part\n\n" + "".join(f"{paragraph}\n\n" for paragraph in told[n::3]) for n in range(3)]
        text = "# The long way home to the lamp at Saltholm, and back\n\n" + "".join(parts)
        for at in range(0, len(text), 40):
            yield Delta.of("story", text[at : at + 40], (at,))
            stop.wait(0.01)
        yield Finish("stop")

    page = steps.open_page(same_page(width, height), serve(ScriptedEngine(script)))
    steps.ask(page, "rain", 900)
    page.evaluate(SHIFTS)
    steps.write(page)
    expect(page.locator("#pane .night")).to_be_visible()
    planned.set()
    expect(page.locator("#pane .story")).to_contain_text("3. A part")
    page.mouse.wheel(0, 400)
    steps.wait_until_over(page)
    shifts = page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(shifts))))")
    print(f"\nlayout shift at {width}: {sum(value for value, _ in shifts):.4f}")
    assert sum(value for value, _ in shifts) <= NOISE, sorted(shifts, key=lambda one: -one[0])[:6]


# How far words that stood are moved by those that come after them, and by the end: a paragraph a word at a time.
JUMPS = """async words => {
    let before = [], most = 0;
    const places = () => {
        const paragraph = [...document.querySelectorAll('#pane .story p')].find(p => p.textContent.startsWith('The')), at = paragraph.getBoundingClientRect().top, range = document.createRange();
        return [...paragraph.firstChild.data.matchAll(/\\S+/g)].flatMap(({ index, 0: word }) => {
            range.setStart(paragraph.firstChild, index);
            range.setEnd(paragraph.firstChild, index + word.length);
            const box = range.getBoundingClientRect();
            return [box.left, box.top - at];
        });
    };
    const compare = () => { const now = places(); before.forEach((place, i) => { most = Math.max(most, Math.abs(place - now[i])); }); before = now; };
    for (const word of words) { reader.show({ t: `${word} ` }); compare(); }
    reader.show({ t: '\\n\\nIt rained again.' });
    compare();
    await reader.stop();
    while (!reader.update.rests) await new Promise(requestAnimationFrame);
    compare();
    return most;
}"""


def test_no_word_that_stands_jumps_to_another_line_when_more_come_or_the_story_ends(serve, same_page) -> None:
    page = begun(serve, same_page(390, 844), threading.Event())
    assert page.evaluate(JUMPS, PARAGRAPH.split()) == 0


@WIDTHS
def test_the_end_moves_nothing_also_where_less_stands_below_it_then(serve, same_page, width: int, height: int) -> None:
    """A thousand words are taken back under whoever has read them, and then it ends."""
    page = begun(serve, same_page(width, height), threading.Event())
    page.evaluate("more(1500) ?? scrollTo(0, document.documentElement.scrollHeight)")
    there = page.evaluate("settled()")
    page.evaluate("reader.show({ off: 30, cuts: 1, t: 'Nothing more.' })")
    assert page.evaluate("settled()") == there
    page.evaluate("reader.stop()")  # Playwright's click scrolls to what stands at the window's edge
    expect(page.locator("#pane .stage")).to_contain_text("Stopped")
    assert page.evaluate("settled()") == there
    expect(page.locator("#pane .stage")).to_be_in_viewport()
    page.mouse.move(width / 2, 400)
    page.mouse.wheel(0, -there)
    page.wait_for_function("scrollY === 0")
    expect(page.locator("#pane .room")).to_have_css("height", "0px")


def test_the_end_of_a_story_that_does_not_fill_its_page_moves_nothing(serve, same_page) -> None:
    page = begun(serve, same_page(1440, 700), threading.Event())
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    there = page.evaluate("settled()")
    page.evaluate("reader.stop()")  # Playwright's click scrolls to what stands at the window's edge
    expect(page.locator("#pane .stage")).to_contain_text("Stopped")
    assert page.evaluate("settled()") == there > 0


@WIDTHS
def test_what_happens_now_and_a_stop_stay_in_view_however_long_the_story_is(serve, same_page, width: int, height: int) -> None:
    gate = threading.Event()
    gate.set()
    page = begun(serve, same_page(width, height), gate)
    flooded(page)
    heights = {page.evaluate("document.querySelector('#pane .status').offsetHeight")}
    page.locator("#pane .below [data-do=end]").click()
    expect(page.locator("#pane .stage")).to_be_in_viewport()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(1)
    steps.stop(page)
    steps.wait_until_over(page)
    expect(page.locator("#pane .stage")).to_contain_text("Stopped")
    expect(page.locator("#pane .stage")).to_be_in_viewport()
    assert heights == {page.evaluate("document.querySelector('#pane .status').offsetHeight")}
