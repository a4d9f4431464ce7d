"""From token ids to thinking and story: where a story begins, and what of it is taken back."""

import itertools
import json
import threading
from collections.abc import Sequence

import pytest

from polaris_demo.engine.deltas import A_STORY, Deltas
from polaris_demo.engine.local import LocalEngine
from polaris_demo.engine.tokens import ChatTokens
from polaris_demo.story import exports
from polaris_demo.story.events import Delta, Resume, TakenBack, ThinkingClosed
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import StoryRequest

from .checkpoints import of_bytes
from .doubles import POLARIS

CANARY = "CANARY, she plans the second part"
STORY = "Once there was a robot.\n\nIt painted."
LONG = "A word or two more of it. " * (A_STORY // 6)


@pytest.fixture(scope="module")
def chat(miniature: LocalEngine) -> ChatTokens:
    return miniature._chat


def spelt(chat: ChatTokens, *parts: str) -> list[int]:
    """The token ids of texts, between them the tokens that open (<) and close (>) thinking."""
    marks = {"<": [chat.think_start], ">": [chat.think_end]}
    return [token for part in parts for token in marks.get(part) or chat._plain(part)]


def told(chat: ChatTokens, ids: Sequence[int], close_at: int, cut: int = 0, end: int | None = None) -> StoryRecord:
    """The record of these tokens, and the one that ends it; with `cut` told in two parts, the second from a saved record."""
    record = StoryRecord("id", StoryRequest("p", 100), writer=POLARIS)
    parts = (ids[:cut], ids[cut:]) if cut else (ids,)
    for part in parts:
        deltas = Deltas(chat, record.resume_point().token_ids, close_at)
        for token in part:
            for event in deltas.add(token):
                record.apply(event, 0.0)
        for event in deltas.flush(end if part is parts[-1] else None):
            record.apply(event, 0.0)
        about = json.loads(json.dumps(record.about()))
        record = StoryRecord.restore("id", record.state, about, str(record.story), record.token_ids)
    return record


NEVER = 10**9
TAKEN_UP = {
    f"{'forced' if forced else 'own'} end, {times} more{', opened' if opened else ''}": (forced, times, opened)
    for forced, times, opened in itertools.product((True, False), (1, 3), (True, False))
}


@pytest.mark.parametrize("case", TAKEN_UP)
def test_thinking_taken_up_again_is_no_story(chat: ChatTokens, case: str) -> None:
    """Cut at every token and gone on with from what was saved: the same story, and the canary in nothing that leaves the server."""
    forced, times, opened = TAKEN_UP[case]
    again = ["<" if opened else "", f"{CANARY} \n", ">", "\n\n"] * times
    ids = spelt(chat, "A plan.", "\n" if forced else "", ">", *again, STORY)
    close_at = len(chat._plain("A plan.")) if forced else NEVER
    whole = told(chat, ids, close_at)
    assert str(whole.story).strip() == STORY and whole.thinking_closed == forced
    assert whole.token_ids == ids and whole.tokens == len(ids)
    made = [file.make(whole, "") for file in exports.FILES.values()]
    assert not [text for text in made if "CANARY" in (text if isinstance(text, str) else text.decode("latin-1"))]
    for cut in range(1, len(ids)):
        parts = told(chat, ids, close_at, cut)
        assert (str(parts.story), parts.thinking_tokens) == (str(whole.story), whole.thinking_tokens), f"cut after {cut} tokens"


def test_what_stands_since_a_forced_end_is_taken_back_however_long_it_is(chat: ChatTokens) -> None:
    plan = chat._plain("A plan.")
    record = told(chat, [*plan, *spelt(chat, "\n", ">", "\n\n", LONG * 3, ">", "\n\n", STORY)], len(plan))
    assert str(record.story) == STORY and record.cuts == 1


def test_a_stray_close_in_a_story_is_left_out(chat: ChatTokens) -> None:
    record = told(chat, spelt(chat, "A plan.\n", ">", "\n\n", LONG, ">", " And so on."), NEVER)
    assert str(record.story) == f"{LONG} And so on." and record.cuts == 0
    assert (
        "CANARY" not in (short := str(told(chat, spelt(chat, "A plan.\n", ">", "\n\nCANARY", ">", "\n\nOnce."), NEVER).story))
        and short == "Once."
    )


def test_an_aside_in_a_story_is_thinking_and_what_stood_before_it_stays(chat: ChatTokens) -> None:
    record = told(chat, spelt(chat, "A plan.\n", ">", "\n\nOnce there was ", "<", CANARY, ">", "a robot."), NEVER)
    assert str(record.story) == "Once there was a robot." and record.cuts == 0


def test_a_character_that_is_never_finished_shows_where_the_story_ends_and_nowhere_else(chat: ChatTokens) -> None:
    """Cut at every token, also within a character, and gone on with from what was saved: as the whole decode of an uncut one."""
    star, begun, end = of_bytes(chat, "🌟".encode()), of_bytes(chat, b"\xe4\xbd"), min(chat.ends)
    ids = [*spelt(chat, "A plan.\n", ">", "\n\nOnce "), *star, *begun, *chat._plain("upon a time"), *begun]
    whole = told(chat, ids, NEVER, end=end)
    assert str(whole.story) == "Once 🌟\ufffdupon a time\ufffd" and whole.token_ids == [*ids, end]
    assert whole.story_tokens == len(ids) + 1 - whole.thinking_tokens
    for cut in range(1, len(ids)):
        parts = told(chat, ids, NEVER, cut, end)
        assert (str(parts.story), parts.token_ids, parts.story_tokens) == (str(whole.story), whole.token_ids, whole.story_tokens), cut
    assert str(told(chat, ids, NEVER).story) == "Once 🌟\ufffdupon a time", "it may go on"


def test_only_an_end_of_the_models_own_finishes_a_character(
    miniature: LocalEngine, chat: ChatTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, (first, second, third) = spelt(chat, "A plan.\n", ">", "\n\nOnce "), of_bytes(chat, "你".encode())

    def story(*ids: int, before: Sequence[int] = ()) -> tuple[str, str]:
        monkeypatch.setattr(miniature._decoder, "tokens", lambda *_: iter(ids))
        record = StoryRecord("id", StoryRequest("p", 100).with_seed(1), writer=miniature.status().writer)
        for event in miniature.write(record.request, Resume(tuple(before)), threading.Event()):
            record.apply(event, 0.0)
        assert record.finish
        return record.finish.reason, str(record.story)

    assert story(*head, first, second, min(chat.ends)) == ("stop", "Once \ufffd")
    assert story(*head, first, second) == ("length", "Once ")
    assert story(third, min(chat.ends), before=[*head, first, second]) == ("stop", "你")


def test_an_aside_within_a_character_does_not_break_it(chat: ChatTokens) -> None:
    first, *rest = of_bytes(chat, "你".encode())
    ids = [*spelt(chat, "A plan.\n", ">", "\n\nOnce "), first, *spelt(chat, "<", CANARY, ">"), *rest]
    assert str(told(chat, ids, NEVER).story) == "Once 你"


def test_no_control_token_becomes_text(chat: ChatTokens) -> None:
    control = [token for token in sorted(chat.control) if token not in (chat.think_start, chat.think_end)]
    assert len(control) == 31
    record = told(chat, [*spelt(chat, ">", "Once "), *control, *chat._plain("upon a time 🌟.")], NEVER)
    assert str(record.story) == "Once upon a time 🌟."


def test_a_visitors_tags_as_letters_are_letters(chat: ChatTokens) -> None:
    assert (
        str(told(chat, spelt(chat, ">", "He wrote </think> and <think> on the wall."), NEVER).story)
        == "He wrote </think> and <think> on the wall."
    )


def test_what_is_taken_back_is_said_with_both_measures(chat: ChatTokens) -> None:
    deltas, events = Deltas(chat), []
    for token in spelt(chat, "plan", ">", "not yet", ">", "Once."):
        events += deltas.add(token)
    events += deltas.flush()
    (back,) = [event for event in events if isinstance(event, TakenBack)]
    before = [event for event in events[: events.index(back)] if isinstance(event, Delta) and event.kind == "story"]
    assert back == TakenBack(sum(event.tokens for event in before), 0) and not any(isinstance(e, ThinkingClosed) for e in events)
    assert Resume() == StoryRecord("id", StoryRequest("p")).resume_point()
