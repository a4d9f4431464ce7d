"""Two stories as a visitor sees them, side by side and blind, and all that is heard of them meanwhile."""

import json
import re
import threading

from playwright.sync_api import Locator, Page, expect

from polaris_demo.jobs.job import Job
from polaris_demo.jobs.runner import Runner
from polaris_demo.story.events import Started

from ..doubles import POLARIS, TextEngine, asked, rests, until

PREMISE = "a ferry pilot"
HOSTILE = '<img src=x onerror=window.pwned=1> "${window.pwned=1}"'


def text(seed: int) -> str:
    """Sixty paragraphs, each of which says whose it is."""
    if seed == 1:
        return "It was out."
    title = HOSTILE if seed == 13 else f"The lamp of {seed}"
    return f"# {title}\n\n" + "\n\n".join(
        f"In {n:02} she wrote {seed:03} on the wall. " + "Nobody came by. " * (n % 5 + 1) for n in range(60)
    )


class BySeed(TextEngine):
    """Tells another text for every seed; of the last one only the beginning, until it `may_end`."""

    def __init__(self) -> None:
        super().__init__("")
        self.may_end = threading.Event()

    def write(self, request, resume, stop):
        seed = request.sampling.seed
        if seed != 99:
            yield from TextEngine(text(seed)).write(request, resume, stop)
            return
        for number, event in enumerate(TextEngine(text(seed)).write(request, resume, stop)):
            while number == 300 and not stop.is_set() and not self.may_end.wait(0.02):
                yield Started("<prompt>", 60, POLARIS)
            yield event


def written(runner: Runner, seed: int, **fields: object) -> Job:
    job = runner.submit(asked(**{"premise": PREMISE, "words": 1000, "seed": seed, **fields}))
    until(lambda: rests(job))
    return job


def side_by_side(page: Page, url: str, first: Job, second: Job, query: str = "") -> Page:
    page.goto(f"{url}?story={first.record.id}&beside={second.record.id}{query}")
    expect(page.locator("#beside .figures.second h2")).not_to_be_empty()
    expect(page.locator("#beside .figures.first h2")).not_to_be_empty()
    return page


def own(page: Page, url: str, *jobs: Job) -> Page:
    """A browser that began these."""
    page.goto(f"{url}stories/status")
    page.evaluate("all => localStorage.setItem('polaris-stories', all)", json.dumps([[job.record.id, job.key] for job in jobs]))
    return page


def top(part: Locator) -> float:
    return float(part.evaluate("node => node.getBoundingClientRect().top"))


def paragraph(page: Page, number: int, seed: int) -> Locator:
    return page.locator("p", has_text=f"In {number:02} she wrote {seed:03}").filter(visible=True)


class Heard:
    """Everything that goes between a page and the server from now on, and everything that the page holds."""

    def __init__(self, page: Page) -> None:
        self._page, self._said = page, []  # type: Page, list[tuple[str, str]]
        page.on("request", lambda request: self._said.append((request.url, request.post_data or "")))
        page.on("response", lambda response: self._answers.append(response))
        self._answers: list = []

    def all(self) -> str:
        self._page.wait_for_load_state("networkidle")
        page = self._page
        bodies = [answer.text() for answer in self._answers if re.search(r"/stories/|\?blind=", answer.url)]
        asked = [f"{url} {body}" for url, body in self._said]
        entries = page.evaluate("JSON.stringify([history.state, { ...sessionStorage }])")
        return "\n".join([page.url, page.title(), page.content(), entries, *asked, *bodies])


def masked(said: str, name: str, left: str, right: str) -> set[str]:
    """Lines of all that was heard, without what is drawn anew each time, where the two texts are LEFT and RIGHT, in blocks or whole."""
    for mark, story in (("LEFT", left), ("RIGHT", right)):
        said = said.replace(json.dumps(story, ensure_ascii=False)[1:-1], mark)
        for block in story.split("\n\n"):
            said = said.replace(block.removeprefix("# "), mark)
    said = re.sub(r"reader=[\d-]+", "reader=R", said.replace(name, "PAIR"))
    said = re.sub(
        r'"entry":"[^"]*"|html-\w+|session_hash\W+\w+|event_id\W+\w+|duration\W+[\d.e-]+|blob:\S+', "", said
    )  # Gradio's, and drawn
    return set(said.splitlines())


def blind_page(page: Page, url: str, name: str, reader: str) -> Heard:
    """Read as `reader`, whose name decides where each text stands."""
    page.goto(f"{url}stories/status")
    page.evaluate("([name, reader]) => localStorage.setItem('polaris-choices', JSON.stringify({ [name]: { reader } }))", [name, reader])
    heard = Heard(page)
    page.goto(f"{url}?blind={name}")
    expect(page.locator("#blind .column.second .story p").last).to_be_attached()
    return heard


def made_pair(page: Page, url: str, first: Job, second: Job) -> str:
    body = {"first": first.record.id, "second": second.record.id}
    return str(page.request.post(f"{url}stories/blind", data=body).json()["name"])


def shown(page: Page) -> tuple[int, int]:
    """The seeds of the texts on the left and on the right."""
    found = [int(re.findall(r"she wrote (\d+)", page.locator(f"#blind .column.{place}").text_content() or "")[0]) for place in ("first", "second")]  # fmt: skip
    return found[0], found[1]


def readers(page: Page, url: str, name: str) -> list[str]:
    """Two who have the texts the other way round."""
    by_left: dict[str, str] = {}
    for number in range(64):
        by_left.setdefault(page.request.get(f"{url}stories/{name}/sides?reader={number}").json()["left"], str(number))
    assert len(by_left) == 2
    return list(by_left.values())
