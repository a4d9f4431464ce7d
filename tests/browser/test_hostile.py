"""A hundred hostile texts as premise, in a link, as title and as model output: shown as they are, and nothing of them runs.

What each of the four places is put through, with every one of the texts unless said otherwise:
- model output and title: stories of the server, shown by the reading pane's own code a character at a time, and all of
  them as one story written in front of a visitor; the titles once more in the list of stories;
- premise: of those stories, where the pane names it and the prompt; typed into the form, one text of each family;
- link: what the server makes of it, and of a family at once the page it sends; opened in the browser, one text of each family.
"""

import json
import threading
from collections.abc import Iterator
from html import escape
from urllib.parse import parse_qsl, urlencode

import httpx
from playwright.sync_api import Page, expect

from polaris_demo.jobs.runner import Runner
from polaris_demo.page import asking, links
from polaris_demo.story.events import Delta, Event, Finish, Started
from polaris_demo.story.prompt import heading
from polaris_demo.story.request import StoryRequest, read

from ..conftest import serving
from ..doubles import POLARIS, ScriptedEngine, asked, until
from . import steps

RUN = "window.pwned=1"
AWAY = "https://elsewhere.example/x"
HANDLERS = [
    ("img src=x", "onerror"), ("svg", "onload"), ("video src=x", "onerror"), ("body", "onload"), ("input autofocus", "onfocus"),
    ("details open", "ontoggle"), ("p", "onmouseover"), ("audio src=x", "onerror"), ("marquee", "onstart"), ("div tabindex=0", "onfocusin"),
]  # fmt: skip
PLAIN = [f"<{tag} {on}={RUN}>" for tag, on in HANDLERS]
FETCHING = ("img src", "script src", "iframe src", "embed src", "object data", "link rel=stylesheet href", "video poster", "source srcset")
FAMILIES: dict[str, list[str]] = {
    "scripts": [
        f"<script>{RUN}</script>", f"<SCRIPT>{RUN}</SCRIPT>", f"<scr<script>ipt>{RUN}</script>", f"<script type=module>{RUN}</script>",
        f"</p><script>{RUN}</script>", f"</textarea><script>{RUN}</script>", f"</script><script>{RUN}</script>",
        f'"><script>{RUN}</script>', f"--><script>{RUN}</script>", f"]]><script>{RUN}</script>", f"</title><script>{RUN}</script>",
        f"</style><script>{RUN}</script>",
    ],
    "handlers": [*PLAIN, *(f"'\" {text}" for text in PLAIN[:4]), "<svg><animate onbegin=window.pwned=1 attributeName=x dur=1s>"],
    "half open": [
        f"<img src=x onerror={RUN} ", f"<script>{RUN}", "<script", f"<a href=javascript:{RUN}", "<!--", "<p title='", "<textarea>", "</p",
        "<", "&", "<style>*{display:none}", "<plaintext>",
    ],
    "frames": [
        f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>", f"<iframe src='javascript:parent.{RUN}'></iframe>",
        f"<object data='data:text/html,<script>{RUN}</script>'></object>", f"<embed src='javascript:{RUN}'>",
        f"<svg><script>{RUN}</script></svg>", f"<math><mtext><script>{RUN}</script></mtext></math>",
        f"<svg><use href='data:image/svg+xml,<svg onload={RUN}>'/></svg>", "<template><script>window.pwned=1</script></template>",
    ],
    "fetching": [
        *(f"<{what}={AWAY}>" for what in FETCHING), f"<meta http-equiv=refresh content='0;url={AWAY}'>", f"<base href={AWAY}>",
        f"<style>@import '{AWAY}'</style>", f"<p style=background:url({AWAY})>", f"<form action={AWAY}><button autofocus>",
    ],
    "links": [
        f"[x](javascript:{RUN})", f"<a href='javascript:{RUN}'>x</a>", f"![x]({AWAY})", f"[x]: {AWAY}", f"<javascript:{RUN}>",
        f"javascript:{RUN}", f"data:text/html,<script>{RUN}</script>", f"![x](x'onerror='{RUN})", f"**<b onclick={RUN}>bold</b>**",
    ],
    "templates": [
        f"${{{RUN}}}", f"{{{{{RUN}}}}}", f"{{{RUN}}}", f"{{@html '<img src=x onerror={RUN}>'}}", f"{{{{#with this}}}}{{{{{RUN}}}}}{{{{/with}}}}",
        f"`${{{RUN}}}`", f"<%= {RUN} %>", f"#{{{RUN}}}", f"[[{RUN}]]", f"{{% {RUN} %}}", f"{{{{constructor.constructor('{RUN}')()}}}}",
        f"');{RUN};('", f"\\';{RUN}//", f"</script>${{{RUN}}}", "{{value}} ${value} ${props.value}",
    ],
    "entities": [
        f"&lt;script&gt;{RUN}&lt;/script&gt;", f"&#60;img src=x onerror={RUN}&#62;", "&#x3c;b&#x3e;&amp;lt;&nbsp;&shy;", f"\\u003cscript\\u003e{RUN}",
        f"%3Cscript%3E{RUN}%3C/script%3E", f"+ADw-script+AD4-{RUN}",
    ],
    "unicode": [
        "\u202egnp.\u202c<b>", "\u2066\u2067isolated", "\u200bzero\u200d\u200cwidth\ufeff", "e\u0301\u0316\u0317\u0318\u0319" * 20,
        "\u2028line\u2029paragraph", "x" * 500, "\U0001f468\u200d\U0001f469\u200d\U0001f467 family", "שלום <b>עולם</b> مرحبا",
        "＜script＞window.pwned=1＜/script＞", "\u0085next \u00a0 \u3000",
    ],
}  # the texts, by what they try  # fmt: skip
TEXTS = [text for family in FAMILIES.values() for text in family]
# What is no text at all: never in a premise, and in a model's output only shown.
CONTROLS = ["\x00<b>nul</b>", "bell\x07 escape\x1b[31m", "half a pair \ud800 alone"]
# Replays a story's one answer a character at a time, as the slowest of models would send it.
DRIPS = """
    const Real = window.EventSource;
    window.EventSource = class extends Real {
        set onmessage(show) {
            super.onmessage = event => {
                const update = JSON.parse(event.data);
                let at = update.off;
                for (const t of update.t) show({ data: JSON.stringify({ ...update, rests: false, off: at++, t }) });
                show({ data: JSON.stringify({ ...update, off: at, t: '' }) });
                window.dripped?.();
            };
        }
    };
"""
# One story after another in the reading pane; what it then holds.
SHOWS = """async (reader, ids) => {
    const shown = [], text = selector => reader.element.querySelector(selector).textContent;
    for (const id of ids) {
        const done = new Promise(resolve => { window.dripped = resolve; });
        reader.open(id);
        await done;
        shown.push({
            story: reader.paper.text, article: text('.story'), details: text('.details'), prompt: text('.all .prompt'), cite: text('.cite'),
            title: text('.story .title') || text('.story p'), wish: text('.title-page .wish').slice(text('.title-page .kind').length + 1), by: reader.element.querySelector('.story .title').dataset.by,
            tags: [...new Set([...reader.element.querySelectorAll('.pane *')].map(node => node.tagName))],
        });
    }
    return shown;
}"""


def echo(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
    """The premise as a title, and once more as a paragraph."""
    yield Started(f"<prompt>{request.premise}</prompt>", 60, POLARIS)
    for at, character in enumerate(f"# On {request.premise}\n\nSo it began: {request.premise}"):
        yield Delta.of("story", character, (at,))
    yield Finish("stop")


def nothing_ran(page: Page) -> None:
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("window.pwned") is None


def test_there_are_a_hundred_of_them() -> None:
    assert len(TEXTS) >= 100 and len(set(TEXTS)) == len(TEXTS)


def test_as_premise_title_and_model_output_they_are_text(new_page) -> None:
    runner = Runner(ScriptedEngine(echo, capacity=4), queue_size=200)
    with serving(runner) as url:
        jobs = [runner.submit(asked(text)) for text in TEXTS]
        until(lambda: all(job.record.rests for job in jobs), what="all stories written")
        page = new_page()
        page.add_init_script(DRIPS)
        steps.open_page(page, url)
        usual = set(page.evaluate("[...document.querySelectorAll('#pane .pane, #pane .pane *')].map(node => node.tagName)"))
        shown = steps.reader(page, SHOWS, [job.record.id for job in jobs])
        for text, job, pane in zip(TEXTS, jobs, shown, strict=True):
            premise = job.record.request.premise
            assert pane["story"] == f"# On {premise}\n\nSo it began: {premise}"
            assert pane["article"] == f"# On {premise}So it began: {premise}", text
            assert pane["title"] == f"# On {premise}"
            assert pane["wish"] == heading(job.record.request)[1] and pane["by"].startswith("Written by POLARIS-9B")
            assert f"Premise{premise}" in pane["details"] and pane["prompt"] == f"<prompt>{premise}</prompt>"
            assert set(pane["tags"]) <= usual | {"P", "PRE", "SPAN", "EM", "STRONG", "CODE", "DT", "DD", "I", "LI", "BUTTON"}, text
        nothing_ran(page)
        keys = json.dumps([[job.record.id, job.key] for job in jobs])
        page.evaluate("keys => localStorage.setItem('polaris-stories', keys)", keys)
        page.get_by_role("tab", name="My stories").click()
        expect(page.locator("#shelf li")).to_have_count(len(jobs))
        titles = [summary.title for summary in runner.summaries([job.record.id for job in jobs])]
        shown = page.locator("#shelf li .title").evaluate_all("links => links.map(a => a.textContent)")
        assert sorted(shown) == sorted(titles)
        row = "[...document.querySelector('#shelf template').content.querySelectorAll('*')].map(node => node.tagName)"
        assert set(page.locator("#shelf li *").evaluate_all("all => all.map(node => node.tagName)")) <= set(page.evaluate(row))
        nothing_ran(page)


def test_arriving_in_one_story_they_are_text(serve, same_page) -> None:
    story = "\n\n".join([*TEXTS, *CONTROLS])

    def slowly(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
        yield Started("<prompt>", 60, POLARIS)
        for at, character in enumerate(story):
            yield Delta.of("story", character, (at,))
            if at % 40 == 0:
                stop.wait(0.004)
        yield Finish("stop")

    page = steps.open_page(same_page(), serve(ScriptedEngine(slowly)))
    steps.ask(page, "everything at once", 300)
    steps.write(page)
    steps.wait_until_over(page)
    expected = story.replace("\ud800", "?")  # half a character is none, and UTF-8 has no bytes for it
    assert steps.story(page) == expected
    shown = page.locator("#pane .story > *").evaluate_all("all => all.map(node => node.textContent)")
    assert shown == expected.split("\n\n")
    assert set(page.locator("#pane .story *").evaluate_all("all => all.map(node => node.tagName)")) <= {
        "P",
        "PRE",
        "SPAN",
        "EM",
        "STRONG",
        "CODE",
    }
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    nothing_ran(page)


def test_in_a_link_they_are_text(serve, same_page) -> None:
    url = serve(ScriptedEngine(echo))
    bare = httpx.get(url).text
    for text in TEXTS:
        values, findings = links.arrival(dict(parse_qsl(urlencode({"premise": text}))), 2000)
        assert values["premise"] == text and not findings
        assert parse_qsl(links.query(values, 2000)) == [("premise", text)]
    for texts in FAMILIES.values():
        sent = httpx.get(f"{url}?{urlencode({'premise': ' '.join(texts)})}").text
        raw = [text for text in texts if escape(text) != text and len(text) > 1]  # in the head it stands escaped
        assert all(sent.count(text) == bare.count(text) for text in raw), "the page the server sends holds what its address says"
    page, families = same_page(), list(FAMILIES.values())
    for three in (families[0::3], families[1::3], families[2::3]):
        first, last = ([texts[at] for texts in three] for at in (0, -1))
        wrong = dict(zip(("words", "form", "temperature"), last, strict=True))
        page.goto(f"{url}?{urlencode({'premise': ' '.join(first), **wrong})}")
        expect(page.locator("#premise textarea")).to_have_value(" ".join(first))
        notes = page.locator("#arrived .note")
        expect(notes).to_have_count(3)
        assert not notes.locator("*").count(), three
        page.locator("#premise textarea").fill(" ".join(last))
        expect(page.locator("#link .copy-link")).to_be_visible()
        nothing_ran(page)


def test_what_is_no_text_is_refused_as_a_premise() -> None:
    for text in CONTROLS:
        request, findings = read({"premise": text})
        assert request is None and "control characters" in findings[0].message
        assert all(asking.note(f, {}, 12_000)["message"].isprintable() for f in findings)
