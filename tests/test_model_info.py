"""Who writes: what decides a model's name, what is one model, and what the first records are read as."""

from dataclasses import asdict, replace

import pytest

from polaris_demo import card
from polaris_demo.story.model_info import LOCAL, ModelInfo, folder_name, hub_name

from .doubles import IMPOSTORS, POLARIS


@pytest.mark.parametrize(
    ("hub_id", "name"),
    [
        (card.MODEL.hub_id, "POLARIS-9B"),
        (card.MODEL.ablation, "POLARIS-no-HRI-9B"),
        (card.MODEL.base, "Qwen3.5-9B"),
        ("someone/POLARIS-9B", "someone/POLARIS-9B"),
        ("RishanthRajendhran/polaris-9b", "RishanthRajendhran/polaris-9b"),
    ],
)
def test_only_the_cards_own_models_have_short_names(hub_id: str, name: str) -> None:
    assert hub_name(hub_id) == name


@pytest.mark.parametrize(
    "path", ["/srv/POLARIS-9B", "/srv/POLARIS-9B/", "rishanthrajendhran/POLARIS-9B", "C:\\models\\POLARIS-9B", "POLARIS-9B"]
)
def test_a_folder_is_named_as_one_without_its_place(path: str) -> None:
    assert folder_name(path) == "local folder POLARIS-9B"


def test_every_figure_of_the_card_belongs_to_a_model_of_the_hub() -> None:
    """The names that the card's tables use are those that `on_the_card` gives."""
    models = [replace(POLARIS, name=hub_name(i), model=i) for i in (card.MODEL.hub_id, card.MODEL.ablation, card.MODEL.base)]
    assert {one.on_the_card for one in models} == set(card.LENGTH_BUCKETS[0].ratios)
    assert not any(one.on_the_card for one in (*IMPOSTORS, replace(POLARIS, is_preview=True)))


def test_the_same_model_is_the_same_however_it_is_held_and_run() -> None:
    other = replace(POLARIS, precision="4bit", device="CPU", engine="another", why="", versions={"torch": "1"}, context=1)
    assert POLARIS.same_model(other) and other.same_model(POLARIS)
    assert not POLARIS.same_model(replace(POLARIS, revision="def"))
    assert not POLARIS.same_model(replace(POLARIS, model="someone/POLARIS-9B"))
    folder = IMPOSTORS[0]
    assert folder.same_model(replace(folder, name="local folder elsewhere"))
    assert not folder.same_model(replace(folder, revision="ba9876543210"))


def test_folders_that_nobody_fingerprinted_are_never_known_to_be_the_same() -> None:
    old = ModelInfo.restore(asdict(POLARIS) | {"model": "/srv/POLARIS-9B", "revision": LOCAL})
    assert not old.same_model(old) and not old.same_model(IMPOSTORS[0])


@pytest.mark.parametrize("writer", [POLARIS, *IMPOSTORS, replace(POLARIS, name="preview model", is_preview=True)])
def test_what_was_kept_reads_back(writer: ModelInfo) -> None:
    assert ModelInfo.restore(asdict(writer) | {"of a later version": 1}) == writer
    assert ModelInfo.restore({k: v for k, v in asdict(writer).items() if k not in ("why", "versions")}) == replace(writer, why="")


def test_the_first_records_are_read_under_todays_names() -> None:
    folder = ModelInfo.restore(asdict(POLARIS) | {"model": "/srv/a/POLARIS-9B", "revision": LOCAL})
    assert (folder.name, folder.model, folder.revision) == ("local folder POLARIS-9B", LOCAL, LOCAL)
    assert ModelInfo.restore(asdict(folder)) == folder
    spelt = ModelInfo.restore(asdict(POLARIS) | {"revision": LOCAL})  # a folder whose path spells the hub's id
    assert (spelt.name, spelt.model) == ("local folder POLARIS-9B", LOCAL)
    assert ModelInfo.restore(asdict(POLARIS) | {"model": "someone/POLARIS-9B"}).name == "someone/POLARIS-9B"


@pytest.mark.parametrize("spoilt", [{"model": 3}, {"versions": []}, {"is_preview": "no"}, {"name": None}])
def test_what_is_no_models_is_refused(spoilt: dict[str, object]) -> None:
    with pytest.raises(TypeError, match=next(iter(spoilt))):
        ModelInfo.restore(asdict(POLARIS) | spoilt)
    with pytest.raises(TypeError):
        ModelInfo.restore({"name": "POLARIS-9B"})
