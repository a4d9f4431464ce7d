"""Whether English text is a clause with a verb of its own ("a dog finds a bone") or a phrase ("a dog who finds a bone").

No grammar of English: a reading from left to right, with word lists. Where it cannot tell it leans towards a clause, since
a phrase may stand anywhere a clause may, and not the other way round.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from . import english as en

WORD = re.compile(r"[^\W_]+(?:['’\-‑][^\W_]+)*|[,;:()–—]")
_NO_VERB_IN_S = re.compile(r"(?:ss|us|is|as|os|'s)$")
_NO_ONE = re.compile(r"\bno one\b", re.IGNORECASE)
_GERUND = re.compile(r"\w{2,}ing$")
_AFTER_A_PHRASE = en.DETERMINERS | en.OBJECTS | en.NUMBERS
_WITH_ITS_OWN_SUBJECT = frozenset("where when if because how why until while after before contact".split())
_MOMENTS = frozenset("today tonight yesterday tomorrow then now".split())
_NOT_FINITE_AFTER = en.FINITE | en.HELPING | {"to"}
_BEFORE_A_MODAL = en.SUBJECTS | en.OPENERS
_BEFORE_A_PARTICIPLE = en.BE | {"has", "have", "being", "been"}
_MANY = en.NUMBERS | frozenset("few many several couple".split())


@dataclass
class _Reading:
    """What was read so far: `waiting` clauses have no verb yet, `nouns` words stand since the last determiner or verb."""

    waiting: int = 0
    nouns: int = 0
    determiner: str = ""
    verbs: int = 0  # of subordinate clauses
    opener: str = ""
    apart: bool = False  # the last clause stands between commas: "Maria, who hates cats, …"
    helped: bool = False  # "helps him find": a verb without an ending may come
    supposing: bool = False  # "thinks her husband is": another verb may come

    def begin(self, determiner: str = "") -> None:
        self.nouns, self.determiner = 0, determiner

    def open(self, opener: str, apart: bool = False) -> None:
        self.waiting, self.opener, self.apart = self.waiting + 1, opener, apart
        self.begin()

    @property
    def one(self) -> bool:
        """The determiner was singular: what ends in s behind its noun is a verb."""
        return self.determiner in en.ONE


def words_of(text: str) -> list[str]:
    """Words and the punctuation between them."""
    return WORD.findall(_NO_ONE.sub("nobody", text.replace("’", "'")))


def is_clause(text: str) -> bool:
    """Whether a verb stands in `text` that belongs to no clause of its own behind a "who", "that", "when" …"""
    tokens = words_of(text)
    titled = _titled(tokens)
    words = [token.lower() for token in tokens]
    reading = _Reading()
    for at in range(len(words)):
        name = at > 0 and tokens[at][0].isupper() and not titled
        if not name and _finite(words, at, reading):
            if _of_the_main_clause(words, at, reading):
                return True
            reading.begin()
        else:
            _go_on(words, at, reading)
    return False


def _titled(tokens: list[str]) -> bool:
    long = [token for token in tokens if len(token) > 3]
    return len(long) > 1 and all(token[0].isupper() for token in long)


def _of_the_main_clause(words: list[str], at: int, reading: _Reading) -> bool:
    """Whether the verb at `at` belongs to no subordinate clause; one that does is counted off."""
    before = list(_before(words, at))
    if len(before) > 1 and before[0] in en.SUBJECTS and not _begins_anew(before[1], reading):
        reading.waiting, reading.supposing = max(0, reading.waiting - 1), False
    elif reading.waiting:
        reading.waiting -= 1
        reading.supposing = _base(words[at]) in en.SUPPOSING
    elif reading.verbs and before and _goes_on(before[0], words[at:], reading):
        pass
    elif reading.supposing and words[at] in en.FINITE:
        reading.supposing = False
    else:
        return True
    reading.verbs += 1
    reading.helped = reading.helped or _base(words[at]) in en.HELPING
    return False


def _begins_anew(before: str, reading: _Reading) -> bool:
    """Whether a "she" behind `before` begins a main clause: "my mother and I bake", "when it rains, she sings"."""
    return before in _MOMENTS or not before[0].isalnum() or (before in en.CONJUNCTIONS and not reading.verbs)


def _goes_on(before: str, rest: list[str], reading: _Reading) -> bool:
    """Whether a verb behind `before` is a second one of a clause: "finds a bottle, opens it and reads"."""
    return before in en.CONJUNCTIONS or (before == "," and not reading.apart and not en.CONJUNCTIONS.isdisjoint(rest))


def _go_on(words: list[str], at: int, reading: _Reading) -> None:
    """Take in a word that is no finite verb."""
    word, before = words[at], words[at - 1] if at else ""
    if word in en.OPENERS and not (word == "that" and at == 0):
        reading.open(word, before == ",")
    elif before in en.CONJUNCTIONS and reading.verbs and reading.opener in _WITH_ITS_OWN_SUBJECT and _begins_a_noun(word):
        reading.open(reading.opener)  # "where clocks run backwards and nobody ages"
        reading.begin(word)
    elif word in _MANY or word.isdigit():
        reading.begin(word)
    elif _begins_a_noun(word):
        if reading.nouns and before not in en.PREPOSITIONS and not before.endswith("ing") and not _often(words, at):
            reading.open("contact")  # "the day the river ran dry"
        reading.begin(word)
        reading.nouns = int(word in en.SOMEBODY)
    elif word in en.PREPOSITIONS or word in en.CONJUNCTIONS or not word[0].isalnum():
        reading.begin()
    elif (_GERUND.match(word) and reading.nouns) or (_plainly_a_verb(word) and next(_before(words, at), "") in _NOT_FINITE_AFTER):
        reading.begin()  # "a gardener growing stars", "to see stars"
    elif word not in en.ADVERBS and not word.endswith("ly"):
        reading.nouns += 1


def _begins_a_noun(word: str) -> bool:
    return word in en.DETERMINERS or word in en.SOMEBODY or word.endswith(("'s", "s'"))


def _often(words: list[str], at: int) -> bool:
    """ "every night the phone rings", "one day a fox knocks": no clause that belongs to the day."""
    return at == 2 and words[0] in ("one", "every", "each") and words[1] in en.TIMES


def _before(words: list[str], at: int) -> Iterator[str]:
    """The words before `at`, nearest first, without adverbs."""
    return (word for word in reversed(words[:at]) if word not in en.ADVERBS and not (word.endswith("ly") and len(word) > 4))


# --- is it a finite verb? ---------------------------------------------------------------------------------------------


def _finite(words: list[str], at: int, reading: _Reading) -> bool:
    word, before = words[at], next(_before(words, at), "")
    after = words[at + 1] if at + 1 < len(words) else ""
    if not word[0].isalpha() or "-" in word:
        return False
    if word in en.FINITE:
        return word not in en.NOUNS_TOO or (bool(reading.nouns or before in _BEFORE_A_MODAL) and _may_follow_a_modal(after))
    if before in en.SUBJECTS:
        return _verbal(word)
    if word.endswith("'s"):
        return after in ("been", "got", "gone", "not", "a", "an", "the") and not word.startswith(tuple(en.POSSESSIVES))
    if (
        before in en.ALONE
        and at == 1
        and (word in en.IRREGULAR or word in en.PAST or (word.endswith("s") and _plainly_a_verb(_base(word))))
    ):
        return True
    if before in en.DETERMINERS or before in en.PREPOSITIONS or before.endswith("'s"):
        return False
    if word in en.IRREGULAR:
        return bool(before)
    if word in en.PARTICIPLES or word in en.PAST or word.endswith("ed"):
        return _past(words, at, before, after, reading)
    if word.endswith("s"):
        return _third_person(words, at, before, after, reading)
    return _base_form(word, before, after, reading)


def _may_follow_a_modal(after: str) -> bool:
    return bool(after) and after[0].isalpha() and after not in en.PREPOSITIONS and after not in en.CONJUNCTIONS


def _verbal(word: str) -> bool:
    """What can be a verb right behind "he" or "they"."""
    return (
        _base(word) in en.VERBS
        or word in en.IRREGULAR
        or word in en.PARTICIPLES
        or (word.endswith(("s", "ed")) and word not in en.NOUNS_IN_S)
    )


def _past(words: list[str], at: int, before: str, after: str, reading: _Reading) -> bool:
    """A past that is no participle: "opened the door", and not "opened by", "an opened door"."""
    word, to = words[at], words[at + 2] if at + 2 < len(words) else ""
    if word in en.NAMED or not before or before in _BEFORE_A_PARTICIPLE:
        return False
    behind_an_opener = before in en.OPENERS
    if not (reading.nouns or behind_an_opener or before in en.CONJUNCTIONS or before == ","):
        return False
    if word in en.PAST or behind_an_opener or after in _AFTER_A_PHRASE or after == "that":
        return True
    if after == "to" and word.endswith("ed") and word not in en.MADE_TO and (to in en.VERBS or to == "be"):
        return True
    return bool(reading.waiting) and word not in en.PARTICIPLES and after not in ("by", "in")


def _third_person(words: list[str], at: int, before: str, after: str, reading: _Reading) -> bool:
    """Something in s that is a verb and no plural."""
    word, base = words[at], _base(words[at])
    if word in en.NOUNS_IN_S or _NO_VERB_IN_S.search(word):
        return False
    if before in ("who", "which", "what") or (before in ("that", "and", "or", "but") and base in en.VERBS):
        return True
    if not before or before in en.OPENERS or before in en.NUMBERS:
        return False
    if _plainly_a_verb(base):
        return True
    if before in en.SOMEBODY:
        return True
    if not reading.nouns:
        return False
    if reading.one:
        return True
    if base in en.NOUNY:
        if words[0] in en.SOMEBODY and not reading.opener:
            return True  # "everyone on the train falls asleep"
        alone = reading.nouns == 1 and reading.determiner and after in en.PREPOSITIONS and after != "of"
        return alone or after in _AFTER_A_PHRASE or after in en.TOWARDS or after.endswith("ly")
    rest = takewhile(lambda word: word not in en.CONJUNCTIONS and word not in en.OPENERS and word[0].isalnum(), words[at + 1 :])
    return after in _AFTER_A_PHRASE and not any(_base(word) in en.VERBS or word in en.FINITE for word in rest)


def _base_form(word: str, before: str, after: str, reading: _Reading) -> bool:
    """A verb without an ending, behind a plural."""
    if word not in en.VERBS or before in ("to", ""):
        return False
    if not (reading.nouns or before in en.OPENERS or before in en.CONJUNCTIONS or before in en.OBJECTS):
        return False
    plural = before in en.PLURALS or (before.endswith("s") and not _NO_VERB_IN_S.search(before))
    if plural or before in ("who", "that", "which") or (before in en.CONJUNCTIONS and reading.waiting):
        return True
    if not _plainly_a_verb(word) or before in en.FINITE or not (reading.nouns or before in en.OBJECTS):
        return False
    return after in _AFTER_A_PHRASE or after == "that" or bool(reading.verbs and not reading.waiting and not reading.helped)


def _plainly_a_verb(word: str) -> bool:
    return word in en.VERBS and word not in en.NOUNY


def _base(word: str) -> str:
    """ "finds" -> "find", "carries" -> "carry", "watches" -> "watch"; the word itself where it is no such form."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("es") and word[:-2] in en.VERBS:
        return word[:-2]
    return word[:-1] if word.endswith("s") else word
