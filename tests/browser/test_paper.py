"""What arrives comes where it belongs in a story's text: added, taken back, or taken up from further back."""

import threading

from polaris_demo.page import reading
from polaris_demo.story.events import Delta
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import StoryRequest

from ..doubles import POLARIS
from . import steps
from .test_place import begun

# Cuts a text everywhere, goes on with the rest, and compares with what was never cut; blocks before the cut have to stay.
CUTS = """({ Paper }, text) => {
    const drawn = paper => paper.article.innerHTML, made = () => new Paper(document.createElement('article'));
    const letters = [...text], whole = made(), wrong = [];
    for (const letter of letters) whole.append(letter);
    for (let at = 0; at <= letters.length; at++) {
        const paper = made(), kept = made();
        for (const letter of letters) paper.append(letter);
        for (const letter of letters.slice(0, at)) kept.append(letter);
        const first = paper.article.firstChild;
        paper.cut(at);
        const same = paper.text === kept.text && paper.article.textContent === kept.article.textContent;
        const stays = kept.article.children.length < 2 || paper.article.firstChild === first;
        for (const letter of letters.slice(at)) paper.append(letter);
        if (!same || !stays || paper.text !== text || drawn(paper) !== drawn(whole)) wrong.push(at);
    }
    return wrong;
}"""


def test_text_that_is_taken_back_leaves_what_stands_before_it_as_it_is(serve, same_page) -> None:
    page = begun(serve, same_page(), threading.Event())
    text = "# A *bell* 🌟\n\nIt *rang* **twice**.\nThen no more.\n\n* * *\n\n## Part\nThe _end_ of it."
    assert steps.module(page, "paper", CUTS, text) == []


def test_messages_put_text_where_it_belongs(serve, same_page) -> None:
    page = begun(serve, same_page(), threading.Event())
    record = StoryRecord("id", StoryRequest("p", 100).with_seed(3), writer=POLARIS)
    record.apply(Delta.of("story", "One", (1,)), 0.0)
    first: dict[str, object] = {**reading.going(record), "off": 0}
    page.evaluate("reader.clear()")
    tell = "update => { reader.show(update); return reader.paper.text; }"
    assert page.evaluate(tell, first | {"t": "One 🌟 two"}) == "One 🌟 two"
    assert page.evaluate(tell, {"t": " three."}) == "One 🌟 two three."
    page.evaluate("document.querySelector('#pane .story p').stays = true")
    assert page.evaluate(tell, first | {"off": 4, "t": "🌟 two three. Four."}) == "One 🌟 two three. Four.", "taken up from further back"
    assert page.evaluate("document.querySelector('#pane .story p').stays"), "what is there already is not drawn again"
    assert page.evaluate(tell, {"off": 5, "cuts": 1, "t": "!"}) == "One 🌟!", "taken back and grown again"
    assert page.evaluate(tell, {"off": 4, "t": ""}) == "One ", "shorter than what is shown"
    assert page.evaluate("reader.update.cuts") == 1
