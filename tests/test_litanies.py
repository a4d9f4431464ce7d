"""Wanted repetition is left alone and endless one ends: both rates, on two hundred texts each."""

import threading
from collections.abc import Sequence

import pytest

from polaris_demo.engine.deltas import DOUBT, Deltas
from polaris_demo.engine.drawn import Drawn
from polaris_demo.engine.local import LocalEngine
from polaris_demo.engine.run import Run
from polaris_demo.story.loops import LITANY, SPAN, Loop, LoopGuard
from polaris_demo.story.measures import count_words
from polaris_demo.story.prompt import user_message
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import StoryRequest

from .doubles import POLARIS
from .endless import Endless, endless, of_the_miniature
from .litanies import COUNT, NAMES, wanted

IN_TIME = 400  # words from where the first round ends


def verdict(text: str) -> Loop | None:
    return LoopGuard().feed(text)


def test_nothing_that_was_wanted_is_stopped() -> None:
    texts = wanted()
    stopped = [name for name, text in texts if verdict(text)]
    print(f"\n{len(stopped)} of {len(texts)} wanted repetitions stopped")
    assert len(texts) == len(dict(texts)) == COUNT and not stopped


def late(one: Endless) -> bool:
    """Whether it is not noticed in time, or before it begins."""
    loop = verdict(one.text)
    return loop is None or loop.end <= one.begun or count_words(one.text[one.begun : loop.end]) > IN_TIME


def test_everything_endless_is_stopped_within_400_words_of_its_beginning() -> None:
    texts = list(endless())
    missed = [one.name for one in texts if late(one)]
    print(f"\n{len(texts) - len(missed)} of {len(texts)} loops stopped within {IN_TIME} words")
    assert not missed


WITHOUT_END = {
    "a roll call": "\n".join(f"“{first}{second}?” “Present.”" for first in NAMES for second in ("", "son", "sen", "dottir", "ova", "escu")),
    "a punishment": "I must not tell lies. " * 100,
    "a count": " ".join(f"On day {n} he went down to the harbour and counted the boats." for n in range(200)),
    "bottles": " ".join(
        f"{n} jars of jam on the shelf, {n} jars of jam; one of them falls, {n - 1} jars of jam." for n in range(300, 0, -1)
    ),
}


@pytest.mark.parametrize("name", WITHOUT_END)
def test_a_litany_that_never_ends_is_ended_too(name: str) -> None:
    text = WITHOUT_END[name]
    loop = verdict(text)
    assert loop
    print(f"\n{name}: after {count_words(text[: loop.end]):,} words")


def test_a_litany_that_comes_to_a_standstill_is_a_loop() -> None:
    counted = " ".join(f"{n} sheep jumped over the fence." for n in range(1, 31))
    stuck = " 30 sheep jumped over the fence." * 120
    loop = verdict(counted + stuck)
    assert loop and 0 < count_words((counted + stuck)[len(counted) : loop.end]) <= IN_TIME


# --- the model's own tendency ----------------------------------------------------------------------------------------


def told(miniature: LocalEngine, tokens: Sequence[int], cut: int | None = None) -> tuple[int | None, Deltas]:
    """How many tokens were told until a loop was noticed, None where none was; with `cut` in two parts, the second from a record."""
    chat, record = miniature._chat, StoryRecord("id", StoryRequest("p"), writer=POLARIS)
    output = [*chat._plain("A plan.\n"), chat.think_end, *chat._plain("\n\n")]
    deltas = Deltas(chat)
    for number, token in enumerate([*output, *tokens]):
        if number == cut:
            for event in deltas.flush():
                record.apply(event, 0.0)
            resume = StoryRecord.restore("id", record.state, record.about(), str(record.story), record.token_ids).resume_point()
            deltas = Deltas(chat, resume.token_ids, doubts=resume.doubts)
        for event in deltas.add(token):
            record.apply(event, 0.0)
        if deltas.loop:
            return number - len(output) + 1, deltas
    return None, deltas


def words_of(miniature: LocalEngine, tokens: Sequence[int]) -> int:
    return count_words(miniature._chat._backend.decode(list(tokens), skip_special_tokens=True))


def test_every_loop_of_the_miniatures_own_is_stopped_in_time(miniature: LocalEngine) -> None:
    late, sure = [], []
    for one in of_the_miniature():
        end, _ = told(miniature, one.tokens)
        sure += [token.sureness for token in one.tokens[one.begun :]]
        if end is None or words_of(miniature, one.tokens[one.begun : end]) > IN_TIME:
            late.append(one.name)
    certain = sum(s > 0.9 for s in sure) / len(sure)
    print(f"\n{len(of_the_miniature()) - len(late)} of {len(of_the_miniature())} in time; it is sure of {certain:.1%} of their tokens")
    assert len(of_the_miniature()) == 40 and not late and certain > 0.97


def doubted(tokens: Sequence[int], every: int) -> list[Drawn]:
    """These tokens, every so many of them drawn in doubt."""
    return [Drawn(token, 0.3 if number % every == 0 else 0.99) for number, token in enumerate(tokens)]


PUNISHMENT = "I must not tell lies. " * 400


def test_a_copy_in_which_the_model_weighs_another_way_is_left_alone_for_longer(miniature: LocalEngine) -> None:
    tokens = miniature._chat._plain(PUNISHMENT)
    after = {}
    for name, drawn in {
        "unknown": tokens,
        "sure": doubted(tokens, 10**6),
        "now and then": doubted(tokens, 60),
        "often": doubted(tokens, 6),
    }.items():
        end, _ = told(miniature, drawn)
        assert end
        after[name] = words_of(miniature, tokens[:end])
    print(f"\nstopped after {after} words")
    assert after["unknown"] == after["sure"] == after["now and then"] <= IN_TIME
    assert 2 * after["sure"] <= after["often"] <= LITANY * SPAN + 10


def test_a_story_cut_anywhere_is_stopped_at_the_same_token(miniature: LocalEngine) -> None:
    tokens = doubted(miniature._chat._plain(PUNISHMENT), 9)
    whole, _ = told(miniature, tokens)
    assert whole
    cuts = range(4, whole + 10, whole // 12)
    assert [told(miniature, tokens, cut)[0] for cut in cuts] == [whole] * len(cuts)


def test_the_miniature_is_less_sure_of_its_stories_than_of_its_loops(miniature: LocalEngine) -> None:
    request = StoryRequest("a lighthouse keeper and a stolen bell", 200).with_seed(1)
    prompt = miniature._chat.encode(user_message(request))
    drawn = [t for t in miniature._decoder.tokens(Run(prompt, (), request.sampling, 1, 250), threading.Event()) if isinstance(t, Drawn)]
    doubts = sum(t.sureness < DOUBT for t in drawn) / len(drawn)
    looping = [t for one in of_the_miniature() for t in one.tokens[one.begun :]]
    in_loops = sum(t.sureness < DOUBT for t in looping) / len(looping)
    print(f"\ndrawn in doubt: {doubts:.1%} of a story's tokens, {in_loops:.2%} of its loops'")
    assert len(drawn) == 250 and doubts > 0 and in_loops < doubts / 3
