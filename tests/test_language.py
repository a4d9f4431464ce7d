"""A book names its language: readers hyphenate and read aloud by it, and some refuse a book that names none."""

import pytest

from polaris_demo.story.epub import epub
from polaris_demo.story.language import USUAL, language

from .test_epub import files
from .test_exports import told

ENGLISH = {
    "prose": "The keeper went down to the harbour with his lamp, and the bell that nobody rang was ringing.",
    "dialogue": '"Ready?"\n\n"Not yet."\n\n"Why not?"\n\n"Shoes."\n\n"Always shoes, Ma. Always."\n\n"Hurry up, then. Bus leaves soon."',
    "poem": "Snow on slate,\nsmoke at dawn,\none late star\nand then it's gone.\n\nBread still warm,\nboots by door:\nwinter asks\nfor nothing more.",
    "three lines": "Rain.\nA crow.\nGrey roofs below.",
    "telegram": "ARRIVING MONDAY STOP SEND CARRIAGE STOP BRING UMBRELLA STOP AUNT MARGARET FURIOUS STOP",
    "messages": "u there??\n\nyeah whats up\n\nlocked out again lol\n\nomg. keys?\n\nprob at work\n\nok coming, 10 min",
    "letter": "Dear Ruth,\n\nNo news from Albany. Crops failed; Tom sold both mules. Send word before Christmas if possible.\n\nYours,\nEliza",
    "log": "Day 12. Wind NE 6. Sea rough. No sail seen. Water low.",
    "roll call": "Present. Present. Present. Ann? Present. Bob? Present.",
    "names": "Akiko Tanaka met Jean-Pierre Dubois in Rio de Janeiro. Guillermo and Svetlana came later, with sake, baguettes and caipirinhas.",
    "one word": "Once.",
    "a heading": "# The Lamp\n\nOnce",
    "nothing": "",
    "marks": "* * *",
    "numbers": "1. 2. 3.",
}
OTHERS = {
    "de": ("Der Wächter ging mit seiner Lampe zum Hafen, und die Glocke läutete. Was nun?", "„Fertig?“\n\n„Noch nicht.“\n\n„Die Schuhe.“"),
    "fr": ("Le gardien descendit au port avec sa lampe.", "— Prête ?\n\n— Pas encore.\n\n— Pourquoi ?\n\n— Mes chaussures."),
    "es": ("El farero bajó al puerto con su lámpara.", "—¿Lista?\n\n—Todavía no.\n\n—¿Por qué?\n\n—Los zapatos."),
    "zh": ("守灯人提着灯走下港口，没有人敲的钟响了起来。", "守燈人提著燈走下港口，沒有人敲的鐘響了起來。"),
    "ja": ("灯台守はランプを持って港へ下りていった。", "雨。カラス。"),
    "ar": ("نزل الحارس إلى الميناء ومعه مصباحه.", "كان يا ما كان."),
    "ru": ("Смотритель спустился в гавань с лампой.", "— Нет.\n— Да."),
    "he": ("שומר המגדלור ירד אל הנמל עם המנורה שלו.", "היה היה פעם"),
    "ko": ("등대지기는 등불을 들고 항구로 내려갔다.",),
    "it": ("Il guardiano scese al porto con la sua lampada.",),
    "pt": ("O faroleiro desceu ao porto com a sua lâmpada.",),
    "nl": ("De wachter ging met zijn lamp naar de haven.",),
    "pl": ("Latarnik zszedł do portu ze swoją lampą.",),
}


@pytest.mark.parametrize("text", ENGLISH.values(), ids=ENGLISH)
def test_english_is_told_in_every_shape_and_where_nothing_tells(text: str) -> None:
    assert language(text) == USUAL == "en"


@pytest.mark.parametrize(("tag", "text"), [(tag, text) for tag, texts in OTHERS.items() for text in texts])
def test_other_languages_are_told(tag: str, text: str) -> None:
    assert language(text) == tag


def test_the_book_says_it_and_is_the_same_each_time() -> None:
    book = epub(told(OTHERS["de"][0]))
    assert "<dc:language>de</dc:language>" in files(book)["EPUB/package.opf"] and 'lang="de"' in files(book)["EPUB/part-1.xhtml"]
    assert book == epub(told(OTHERS["de"][0]))
