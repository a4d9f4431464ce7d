"""The page's script shows a growing story as every other reader shows the whole one."""

import random
import threading
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Page

from polaris_demo.engine.local import LocalEngine
from polaris_demo.page.assets import FILES
from polaris_demo.story import markup
from polaris_demo.story.events import Resume
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import StoryRequest

from ..reading import as_html, read
from ..test_grammar import ROWS, book_of, markdown_of, random_texts, stories, without_levels

KINDS = {True: "text/javascript", False: "text/html"}
# Each text comes in pieces; some of it is taken back and comes again. What is shown, and whether that is the same after all.
SHOWN = """async texts => { const { modules: { paper: { Paper } } } = await import("/page.js"); return texts.map(([text, cuts]) => {
    const article = document.createElement('article'), paper = new Paper(article);
    const html = () => [...article.children].map(node => {
        const shown = node.cloneNode(true);
        shown.querySelectorAll('.marks').forEach(marks => marks.remove());
        if (shown.className === 'break') return '<hr>';
        const tag = shown.tagName === 'PRE' ? 'pre' : shown.getAttribute('role') === 'heading' ? 'h1' : 'p';
        return `<${tag}>${tag === 'pre' ? shown.innerHTML : shown.innerHTML.replaceAll('\\n', '<br>')}</${tag}>`;
    }).join('');
    let at = 0;
    for (const cut of [...cuts, text.length]) { paper.append(text.slice(at, cut)); at = cut; }
    paper.finish();
    const whole = html(), characters = [...text], kept = [...text.slice(0, cuts[0] ?? 0)].length;
    paper.cut(kept);
    paper.append(characters.slice(kept).join(''));
    paper.finish();
    return [whole, paper.plain(), paper.text === text && html() === whole];
}); }"""


@pytest.fixture
def bare(new_page) -> Page:
    """A page with nothing but the scripts."""
    page = new_page()
    page.route(
        "**/*",
        lambda route: route.fulfill(
            body=FILES.get(urlparse(route.request.url).path[1:], b""), content_type=KINDS[route.request.url.endswith(".js")]
        ),
    )
    page.goto("http://localhost/")
    return page


def pieces(rng: random.Random, text: str) -> list[int]:
    """Where a text is cut: nowhere, here and there, or after every code unit."""
    length = len(text.encode("utf-16-le")) // 2
    return sorted(rng.sample(range(length + 1), rng.choice([0, min(1, length), min(5, length), length if length < 100 else 20])))


def test_it_shows_every_case_story_and_random_text_as_the_others_do(bare: Page) -> None:
    rng = random.Random(1)
    texts = [*(row["text"] for row in ROWS), *stories(), *random_texts()]
    shown = bare.evaluate(SHOWN, [[text, pieces(rng, text)] for text in texts])
    for text, (html, plain, same_again) in zip(texts, shown, strict=True):
        assert read(html, levels=False) == without_levels(read(as_html(text))), text
        assert plain == markup.as_text(text) and same_again, text
    wanted = [without_levels(read(row["shown"])) for row in ROWS]
    assert [read(html, levels=False) for html, _, _ in shown[: len(ROWS)]] == wanted
    print(f"\n{len(ROWS)} cases, {len(stories())} stories, {len(random_texts())} random texts")


@pytest.mark.slow
def test_fifty_stories_of_the_miniature_are_the_same_to_all_four(bare: Page, miniature: LocalEngine) -> None:
    written = []
    for seed in range(50):
        record = StoryRecord(
            "id", StoryRequest(f"a {('robot', 'fox', 'baker', 'bell', 'river')[seed % 5]}", 100 + 5 * seed).with_seed(seed)
        )
        for event in miniature.write(record.request, Resume(), threading.Event()):
            record.apply(event, 0.0)
        written.append(str(record.story))
    shown = bare.evaluate(SHOWN, [[text, pieces(random.Random(len(text)), text)] for text in written])
    for text, (html, plain, same_again) in zip(written, shown, strict=True):
        wanted = read(as_html(text))
        assert markdown_of(text) == wanted and book_of(text) == without_levels(wanted) == read(html, levels=False)
        assert plain == markup.as_text(text) and same_again
    print(f"\n{len(written)} stories, {sum(len(markup.blocks(text)) for text in written):,} blocks")
