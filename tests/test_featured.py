"""What is featured: the file is read, and whatever is wrong in it is left out and named."""

import logging
from pathlib import Path

import pytest

from polaris_demo.jobs.featured import FEATURED, featured

from .doubles import tells
from .filling import PREMISES, featuring
from .test_gallery import ROOT, TWO


def test_a_bad_entry_is_left_out_and_named(run, tmp_path: Path, caplog) -> None:
    bad = [{"premise": "", "words": 200}, {"premise": "a fox", "words": 49}, "a fox", {"premise": "a fox", "tempo": 1}]
    source = featuring(tmp_path, TWO[0], *bad, {"premise": "a fox", "words": [100, 13_000]}, TWO[1])
    with caplog.at_level(logging.WARNING):
        found = featured(source, run(tells("x")).check)
    assert [(request.premise, request.words) for request in found] == [(PREMISES[0], 200), ("a fox", 100), (PREMISES[1], 200)]
    named = ("story 2 (200 words)", "story 3 (49 words)", "story 4", "story 5 (None words)", "story 6 (13000 words)")
    assert len(caplog.messages) == 5 and all(name in line for name, line in zip(named, caplog.messages, strict=True))


@pytest.mark.parametrize("content", [None, "no json", "[]", '{"stories": 5}'])
def test_a_file_that_is_none_features_nothing(run, tmp_path: Path, content: str | None) -> None:
    if content:
        (tmp_path / "x.json").write_text(content)
    assert featured(tmp_path / "x.json", run(tells("x")).check) == []


def test_the_file_of_this_repository_is_sound_has_a_ladder_and_repeats_no_idea(run, caplog) -> None:
    found = featured(FEATURED, run(tells("x")).check)
    ideas = (ROOT / "examples" / "premises.json").read_text()
    ladder = [request.words for request in found if request.premise == found[0].premise]
    assert not caplog.messages and len(found) > 8 and ladder == [1000, 2000, 4000, 8000, 12_000]
    assert not [request for request in found if request.premise in ideas]
