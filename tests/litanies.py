"""Two hundred texts that repeat because somebody would have asked for it or written it so: none of them is a loop. Only for tests."""

import random
from collections.abc import Callable
from itertools import pairwise

NAMES = (
    "Ann Bert Cora Dan Edith Frank Greta Hugo Ida Jonas Karin Leo Mona Nils Olga Peter Quentin Rosa Sven Tilda Ulf Vera Walter Xenia "
    "Yusuf Zoe Alma Boris Clara Dario Elsa Finn Gudrun Hanna Ivan Julia Knut Lotte Marta Noah Oskar Paula Rune Sara Theo Ursula Vito "
    "Wanda Agnes Basil Celia Duncan Esther Felix Gwen Henrik Irma Jasper Kirsten Lorenz"
).split()
NUMBERS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen "
    "twenty twenty-one twenty-two twenty-three twenty-four twenty-five twenty-six twenty-seven twenty-eight twenty-nine thirty "
    "thirty-one thirty-two thirty-three thirty-four thirty-five thirty-six thirty-seven thirty-eight thirty-nine forty"
).split()
THINGS = (
    "lamp kettle rope ladder bucket mirror drum saddle barrel whistle lantern needle candle anchor basket compass hammer violin carpet "
    "teapot shovel blanket trumpet bottle feather ribbon thimble spoon button clock"
).split()
BEASTS = "goose otter badger heron hedgehog mule raven squirrel stork weasel toad ferret magpie lynx".split()
DEEDS = "chased teased woke warned followed fooled carried startled bribed outran befriended forgave".split()
PLACES = "harbour orchard chapel bridge mill station market garden tower cellar bakery ferry".split()
SKIES = "clear haze rain squalls fog snow drizzle thunder calm gale".split()
LINES = (
    "I must not tell lies.",
    "I will not run in the corridor again.",
    "I shall be kind to my sister.",
    "Chalk is not food.",
    "I must hand in my work on time.",
)
SAYINGS = (
    "All work and no play makes Jack a dull boy.",
    "A watched pot never boils, said the watcher of the pot.",
    "Nothing ventured, nothing gained, and nothing lost.",
    "The tide comes in and the tide goes out.",
)
SENTENCES = (
    "The rain had stopped before the bells began.",
    "Nobody in the street looked up at the window.",
    "She counted the coins twice and put them back.",
    "A dog barked somewhere behind the brewery.",
    "He had forgotten what the letter was about.",
    "The stairs smelled of wax and of wet wool.",
    "It was too early for the ferry and too late for bed.",
    "They spoke about the harvest and about nothing else.",
    "Her brother had promised to write from the coast.",
    "The lamp on the landing had been lit all night.",
    "Someone had left a basket of plums at the gate.",
    "He laughed, but only with one side of his face.",
    "In the kitchen the old clock had stopped at four.",
    "The teacher closed the atlas and sighed.",
    "Far out a ship was burning its last coal.",
    "What she wanted most was a door that shut.",
    "The baker's boy had never seen the sea before.",
    "Under the floor the mice were holding a council.",
    "Autumn came late that year and stayed too long.",
    "His hands remembered the tune better than he did.",
    "The mayor wore the same coat to every funeral.",
    "Two nuns were eating cherries on the wall.",
    "A letter without a stamp lay under the mat.",
    "The well had been dry since the wedding.",
)
Shape = Callable[[random.Random], str]


def prose(rng: random.Random, sentences: int) -> str:
    return " ".join(rng.sample(SENTENCES, sentences))


def around(rng: random.Random, text: str) -> str:
    """The litany inside a tale."""
    return f"# A tale\n\n{prose(rng, rng.randint(3, 9))}\n\n{text}\n\n{prose(rng, rng.randint(2, 6))}"


def roll_call(rng: random.Random) -> str:
    here = rng.choice(["“Present.”", "“Here.”", "“Yes, sir.”", "“Present, miss.”"])
    names = rng.sample(NAMES, rng.randint(30, 60))
    return rng.choice(["\n", " ", "\n\n"]).join(f"“{name}?” {here}" for name in names)


def bottles(rng: random.Random) -> str:
    count, thing, place = rng.randint(10, 20), rng.choice(["jars of jam", "bottles of milk", "crocks of honey"]), rng.choice(PLACES)
    first = 99 if rng.random() < 0.5 else len(NUMBERS)
    say = (lambda n: str(n)) if first == 99 else (lambda n: NUMBERS[n - 1])
    return "\n\n".join(
        f"{say(n)} {thing} on the shelf, {say(n)} {thing}. If one of them falls from the {place} wall, {say(n - 1)} {thing} on the shelf."
        for n in range(first, first - count, -1)
    )


def sheep(rng: random.Random) -> str:
    last, fence = rng.randint(20, 30), rng.choice(["the fence", "the stile", "the brook"])
    counted = [f"{n.capitalize()} sheep jumped over {fence}." for n in NUMBERS[:last]]
    if rng.random() < 0.4:
        counted = [f"{n.capitalize()} sheep, said the boy, and one more jumped over {fence}, white as milk." for n in NUMBERS[:last]]
    return rng.choice([" ", "\n"]).join(counted)


def countdown(rng: random.Random) -> str:
    said = rng.choice(
        ["{}, said the voice.", "{} seconds to go.", "T minus {} and counting.", "“{},” whispered the crowd, and nobody breathed."]
    )
    return "\n".join(said.format(n.capitalize()) for n in reversed(NUMBERS[: rng.randint(10, 40)]))


def time_loop(rng: random.Random) -> str:
    day = f"At seven the alarm rang. {prose(rng, rng.randint(4, 9))} Then the clock struck, and it was seven again."
    return "\n\n".join([day] * 3)


def time_loop_with_a_difference(rng: random.Random) -> str:
    day = prose(rng, rng.randint(5, 9))
    return "\n\n".join(f"At seven the alarm rang. {day} {extra}" for extra in rng.sample(SENTENCES, rng.randint(3, 6)))


def punishment(rng: random.Random) -> str:
    line = rng.choice(LINES)
    return rng.choice(["\n", " "]).join([line] * (rng.randint(40, 50) if len(line.split()) < 6 else rng.randint(25, 35)))


def dull_boy(rng: random.Random) -> str:
    return rng.choice(["\n", " ", "\n\n"]).join([rng.choice(SAYINGS)] * rng.randint(15, 22))


def log_table(rng: random.Random) -> str:
    rows = (
        f"{hour // 2 % 24:02d}:{30 * (hour % 2):02d} | wind {rng.choice(['N', 'NE', 'E', 'SW', 'W'])} {rng.randint(1, 9)} | sea "
        f"{rng.choice(SKIES)} | barometer {rng.randint(985, 1030)} | all well"
        for hour in range(rng.randint(36, 48))
    )
    return "time | wind | sea | barometer | remarks\n" + "\n".join(rows)


def ships_log(rng: random.Random) -> str:
    return "\n\n".join(
        f"Day {day}. Wind {rng.choice(['north', 'east', 'south-west'])}, {rng.choice(SKIES)}. Sailed {rng.randint(20, 140)} miles. "
        f"{'The crew is well.' if rng.random() < 0.7 else 'The cook is ill.'} No land in sight."
        for day in range(1, rng.randint(25, 45))
    )


def cumulative(rng: random.Random) -> str:
    """Each verse takes up all those before it, newest first, and is printed in full."""
    beasts, deeds, things = (rng.sample(words, 11) for words in (BEASTS, DEEDS, THINGS))
    verses, tail = [], f"the {things[0]} that stood in the house that Tilda built"
    for beast, deed in zip(beasts, deeds, strict=True):
        verses.append(f"This is {tail}.")
        tail = f"the {beast} that {deed} {tail}"
    return "\n\n".join(verses)


def gifts(rng: random.Random) -> str:
    days = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()
    what = [
        f"{number} {thing}s {rng.choice(['shining', 'ringing', 'rolling', 'humming'])}"
        for number, thing in zip(NUMBERS[1:12], rng.sample(THINGS, 11), strict=True)
    ]
    given = ["a goose in a cherry tree", *what]
    return "\n\n".join(
        f"On the {day} day of winter my neighbour brought to me\n" + ",\n".join(reversed(given[: n + 1])) + "."
        for n, day in enumerate(days)
    )


def green_things(rng: random.Random) -> str:
    """A cumulative song of the other kind: what comes next stands last."""
    parts = rng.sample(THINGS, 9)
    verses = []
    for n in range(1, 10):
        chain = ", ".join(f"and on the {a} there was a {b}" for a, b in pairwise(parts[:n]))
        verses.append(
            f"In the wood there was a {parts[0]}, the prettiest {parts[0]} you ever did see, {chain}{', ' if chain else ''}and the grass grew all around."
        )
    return "\n\n".join(verses)


def chorus(rng: random.Random) -> str:
    refrain = f"Row, brothers, row, for the {rng.choice(PLACES)} is near,\nrow, brothers, row, and be of good cheer."
    return "\n\n".join(f"{prose(rng, rng.randint(2, 4))}\n\n{refrain}" for _ in range(rng.randint(5, 9)))


def call_and_response(rng: random.Random) -> str:
    answer = rng.choice(["And we said: Not yet.", "“We remember,” they answered.", "Lord, let the river rise."])
    return "\n".join(f"Who will bring the {thing}?\n{answer}" for thing in rng.sample(THINGS, rng.randint(14, 30)))


def multiplication(rng: random.Random) -> str:
    factor, times = rng.randint(2, 12), rng.choice(["{a} times {b} is {c}.", "{a} × {b} = {c}", "{a} multiplied by {b} makes {c}."])
    rows = [times.format(a=a, b=b, c=a * b) for b in range(factor, factor + rng.randint(1, 4)) for a in range(1, 13)]
    return "\n".join(rows)


def saints(rng: random.Random) -> str:
    plea = rng.choice(["pray for us", "have mercy on the sailors", "keep the roof above our heads"])
    return "\n".join(f"Saint {name}, {plea}." for name in rng.sample(NAMES, rng.randint(30, 60)))


def chant(rng: random.Random) -> str:
    word = rng.choice(["home", "freedom", "goal", "heave", "never", "row"])
    return (
        f"“{' '.join([f'{word.capitalize()}!'] * rng.randint(30, 60))}” they cried, and again: “{', '.join([word] * rng.randint(20, 40))}!”"
    )


def recipe(rng: random.Random) -> str:
    return "\n".join(
        f"{n}. Take {rng.randint(1, 9)} {rng.choice(['spoons', 'cups', 'ounces'])} of {thing} dust, stir it in, and wait for {rng.randint(2, 30)} minutes."
        for n, thing in enumerate(rng.sample(THINGS, rng.randint(12, 28)), 1)
    )


def sestina(rng: random.Random) -> str:
    ends, starts = (
        rng.sample(THINGS, 6),
        "At night she saw,Nobody knew,And then the,It was a,Under the,Remember that,He sold his,We hid one".split(","),
    )
    stanzas = []
    for _ in range(6):
        stanzas.append(
            "\n".join(
                f"{rng.choice(starts)} {rng.choice(BEASTS)} {rng.choice(DEEDS)} the {rng.choice(['old', 'last', 'blue'])} {end}"
                for end in ends
            )
        )
        ends = [ends[i] for i in (5, 0, 4, 1, 3, 2)]
    return "\n\n".join(stanzas)


def villanelle(rng: random.Random) -> str:
    first, last = rng.sample(SENTENCES, 2)
    others = rng.sample([s for s in SENTENCES if s not in (first, last)], 13)
    tercets = [f"{first}\n{others[0]}\n{last}"]
    tercets += [f"{others[2 * n - 1]}\n{others[2 * n]}\n{last if n % 2 == 0 else first}" for n in range(1, 5)]
    return "\n\n".join([*tercets, f"{others[9]}\n{others[10]}\n{first}\n{last}"])


def pantoum(rng: random.Random) -> str:
    lines = rng.sample(SENTENCES, 16)
    stanzas = [lines[:4]]
    for n in range(4, 16, 2):
        stanzas.append([stanzas[-1][1], lines[n], stanzas[-1][3], lines[n + 1]])
    return "\n\n".join("\n".join(stanza) for stanza in [*stanzas, [stanzas[-1][1], lines[2], stanzas[-1][3], lines[0]]])


def catechism(rng: random.Random) -> str:
    return "\n".join(
        f"— What is the {thing} for?\n— The {thing} is for the {place}, as you well know."
        for thing, place in zip(rng.sample(THINGS, 24), rng.choices(PLACES, k=24), strict=True)
    )


def inventory(rng: random.Random) -> str:
    return "\n".join(
        f"Item: one {thing}, {rng.choice(['worn', 'whole', 'mended', 'rusted'])}, found in the {rng.choice(PLACES)}, to be sold."
        for thing in rng.sample(THINGS, 28)
    )


def begats(rng: random.Random) -> str:
    line = rng.sample(NAMES, rng.randint(30, 55))
    return " ".join(f"And {father} lived {rng.randint(60, 130)} years, and begat {child}." for father, child in pairwise(line))


def stations(rng: random.Random) -> str:
    names = rng.sample(NAMES, rng.randint(20, 32))
    return "\n".join(
        f"The train now arriving at platform {rng.randint(1, 9)} is the slow train to {name}ville. Mind the gap." for name in names
    )


def telegrams(rng: random.Random) -> str:
    return "\n".join(
        f"TO {name.upper()} STOP {rng.choice(SENTENCES).rstrip('.').upper()} STOP MORE FOLLOWS STOP"
        for name in rng.sample(NAMES, rng.randint(12, 22))
    )


def dialogue(rng: random.Random) -> str:
    said = [
        f"“{rng.choice(['Why', 'When', 'How', 'Where'])}?” said the {rng.choice(BEASTS)}.\n\n“{rng.choice(SENTENCES)}” said the {rng.choice(BEASTS)}."
        for _ in range(rng.randint(20, 40))
    ]
    return "\n\n".join(said)


def alphabet(rng: random.Random) -> str:
    return "\n".join(f"{chr(65 + n)} is for {word}, and {word} is for you and for me." for n, word in enumerate(rng.sample(THINGS, 26)))


def calendar(rng: random.Random) -> str:
    return "\n".join(
        f"On the {n}. of {rng.choice(['March', 'May'])} it was {rng.choice(SKIES)}, and the postman brought nothing for the widow."
        for n in range(1, rng.randint(28, 31))
    )


def lullaby(rng: random.Random) -> str:
    verse = "Sleep, my little one, sleep, the {} is in the {}, the moon is over the hill, and nobody, nobody calls."
    return "\n\n".join(verse.format(beast, rng.choice(PLACES)) for beast in rng.sample(BEASTS, rng.randint(7, 12)))


def told_again(rng: random.Random) -> str:
    told = rng.sample(SENTENCES, len(SENTENCES))
    letter, *between = (" ".join(told[first:last]) for first, last in ((0, 9), (9, 14), (14, 19), (19, 24)))
    return "\n\n".join(f"{passage}\n\n{letter}" for passage in between)


SHAPES: tuple[Shape, ...] = (
    roll_call, bottles, sheep, countdown, time_loop, time_loop_with_a_difference, punishment, dull_boy, log_table, ships_log,
    cumulative, gifts, green_things, chorus, call_and_response, multiplication, saints, chant, recipe, sestina, villanelle, pantoum,
    catechism, inventory, begats, stations, telegrams, dialogue, alphabet, calendar, lullaby, told_again,
)  # fmt: skip
COUNT = 200


def wanted() -> list[tuple[str, str]]:
    """Name and text of each; every other one stands inside a tale."""
    found = []
    for number in range(COUNT):
        shape, rng = SHAPES[number % len(SHAPES)], random.Random(f"wanted {number}")
        text = shape(rng)
        found.append((f"{shape.__name__} {number // len(SHAPES)}", around(rng, text) if number % 2 else text))
    return found
