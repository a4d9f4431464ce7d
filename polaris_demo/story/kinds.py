"""Kinds of writing that a premise may ask for by name, and what the closing sentence calls them. Data."""

import re

# How a story may be called that is of no kind in particular: the chosen form says it better.
SOMETHING = ("something", "somthing", "smth", "sth")
PLAIN = (
    "story",
    "short story",
    "piece",
    "piece of fiction",
    "piece of writing",
    "text",
    "narrative",
    "something",
    "somthing",
    "smth",
    "sth",
    "plot",
    "fiction",
)
# Kinds of story: the closing sentence calls each a story.
STORIES = (
    "tale", "fable", "fairy tale", "fairytale", "folk tale", "folktale", "tall tale", "myth", "legend", "parable", "allegory", "adventure",
    "mystery", "whodunit", "thriller", "romance", "rom-com", "romcom", "comedy", "tragedy", "drama", "saga", "epic", "satire", "western",
    "vignette", "novella", "novelette", "novel", "creepypasta", "fanfic", "fic", "flash fiction piece", "fan fiction story",
    "fanfiction story", "piece of flash fiction", "piece of fan fiction", "piece of fanfiction",
)  # fmt: skip
# Everything else, and its noun.
OTHERS = {
    "poem": "poem", "haiku": "haiku", "sonnet": "sonnet", "ballad": "ballad", "limerick": "limerick", "ode": "ode", "elegy": "elegy",
    "hymn": "hymn", "lullaby": "lullaby", "song": "song", "rap": "rap", "prose poem": "poem", "piece of poetry": "piece",
    "letter": "letter", "love letter": "letter", "email": "email", "essay": "essay", "article": "article", "news article": "article",
    "blog post": "post", "blogpost": "post", "report": "report", "speech": "speech", "sermon": "sermon", "eulogy": "eulogy",
    "obituary": "obituary", "manifesto": "manifesto", "monologue": "monologue", "dialogue": "dialogue", "conversation": "conversation",
    "interview": "interview", "play": "play", "skit": "skit", "sketch": "sketch", "script": "script", "screenplay": "screenplay",
    "film script": "script", "movie script": "script", "podcast script": "script", "podcast episode": "episode", "podcast": "podcast",
    "scene": "scene", "chapter": "chapter", "novel chapter": "chapter", "book chapter": "chapter", "prologue": "prologue",
    "epilogue": "epilogue", "diary entry": "entry", "journal entry": "entry", "diary": "diary", "memoir": "memoir",
    "biography": "biography", "autobiography": "autobiography", "review": "review", "book review": "review", "film review": "review",
    "movie review": "review", "portrait": "portrait", "character portrait": "portrait", "character study": "study",
    "character sketch": "sketch", "description": "description", "summary": "summary", "synopsis": "synopsis", "outline": "outline",
}  # fmt: skip
# What cannot stand behind "a 500-word", and what is said instead.
UNCOUNTED = {
    "flash fiction": "piece of flash fiction", "fan fiction": "fan fiction story", "fanfiction": "fan fiction story",
    "poetry": "piece of poetry", "lyrics": "song", "song lyrics": "song",
}  # fmt: skip
# Names of the card's forms, by the name of the form.
OF_THE_CARD = {
    "flash fiction": ("piece of flash fiction", "flash fiction piece"),
    "scene": ("scene",),
    "novel chapter": ("novel chapter", "chapter", "book chapter"),
    "fan fiction": ("fan fiction story", "fanfic", "fic", "fanfiction story", "piece of fan fiction", "piece of fanfiction"),
    "character portrait": ("character portrait", "portrait"),
    "podcast script": ("podcast script", "podcast", "podcast episode"),
    "essay": ("essay",),
    "book review": ("book review", "review"),
    "biography": ("biography",),
}
# Without a verb that asks ("a letter from the sea"), these are what is written about, unless they are about something.
THINGS = frozenset(OTHERS) | {
    "novel",
    "plot",
    "something",
    "text",
    "piece",
    "legend",
    "myth",
    "mystery",
    "adventure",
    "western",
    "epic",
    "drama",
}

# What may be said of any kind of writing, and makes none of its own, as "bedtime" does.
MOODS = frozenset(
    "a absurd and beautiful bittersweet but comic cosy cozy creepy dark dramatic emotional epic exciting funny gentle good great "
    "happy heartbreaking heartwarming hilarious hopeful humorous interesting lyrical melancholic melancholy moving nice original "
    "poetic quiet really romantic sad scary sexy silly spooky strange super surreal suspenseful sweet tender tense tragic uplifting "
    "very weird whimsical wholesome".split()
)


def _any_of(names: list[str]) -> str:
    return "|".join(re.escape(name).replace(r"\ ", r"\s+") for name in sorted(names, key=len, reverse=True))


KIND = rf"(?:{_any_of([*PLAIN, *STORIES, *OTHERS, *UNCOUNTED])})(?![\w'’-])"
