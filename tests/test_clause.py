"""A sentence is told from a phrase by its verb, wherever that stands."""

import pytest

from polaris_demo.story.clause import is_clause

CLAUSES = """
A retired cartographer discovers that her maps change overnight
a dog finds a bone and runs away
Three friends open a bakery in an old submarine
someone keeps leaving bread on the doorstep
a hermit receives a birthday card
The tailor of a small mountain town sews a coat for the wind
A man who hates dogs adopts one
A man who hates cats and dogs inherits a pet shop
two sisters who run a ferry discover a secret
The king walks in the garden
The Titanic sinks again
my dog ate my homework
dog finds bone
girl meets boy
a boy who can fly wants to land
a king who is afraid loses his crown
a woman who steals time sells it
A detective in Paris investigates a murder
A man with two wives hides a secret
Maria, a retired spy, finds a letter
the sea gives back what it took
When a girl finds a key, the town wakes
a girl with green eyes sings
an apprentice and her master find a door
two strangers meet on a train
the stars align
a man walked into a bar
a woman wakes up with no memory
the last man on earth hears a knock at the door
A detective loses his memory
nobody is home
no one knows where the river goes
a golem befriends a moth
Aliens invade Earth
A teenage girl is forced to fight in an arena
Robots have taken over the world
a dog named Max saves Christmas
the dragon was lonely
Humanity has been extinct for 1000 years
the moon fell into the sea
A young woman inherits her grandmother's house and learns the truth
dragons exist and they are bored
a cat walks into a library
mom forgets me at the mall
Two rival chefs fall in love
a thief steals the wrong painting
an old woman remembers the war
The wife of a fisherman sees a light on the water and thinks it is her husband
A scientist accidentally creates a black hole
the village elders decide to hide the child
the river remembers everything
my grandmother and I bake bread
the king's daughter runs away
the ghosts of the hotel throw a party
the last two people on earth hate each other
no one believes the boy who saw the whale
everyone on the train falls asleep
Maria, who hates cats, adopts one
a burned-out chef and the food critic who ruined him get snowed in together
one night a fox knocks at the door
the rangers protested against his going alone
both died in the war
nobody told me the house was haunted
"""
PHRASES = """
a robot who learns to paint
a girl who can only tell lies on Sundays
the day the river ran out of fish
what a lighthouse keeper hears on the radio
a dog who thinks he is a cat
a woman who discovers her husband is a spy
the woman who collected other people's apologies
a violin made from a shipwreck
a doll left behind on a train
a map that changes every time it rains
a beekeeper whose bees refuse to leave the hive
a gardener growing stars in a greenhouse
a taxi driver and the passenger who will not say where he is going
the songs the sea sings
the songs my grandmother sang
a city of glass towers
the war orphans of Leningrad
a man of iron will
the last will of the king
a soldier wounded at Verdun
a girl named Max
an arms dealer
a retired sports reporter
a wedding interrupted by a goat
a thousand paper cranes
the book my father never wrote
everything I never told you
my grandmother's kitchen
two rival fishermen and one enormous fish
a pair of boots
the city lights of Paris
a poet who sells rhymes at the market
two sisters
a knight with no sword
a man whose wife dies
a man whose retired dog dies
a robot who learns that people lie
the house that Jack built
three generations of women
an archivist who discovers that missing library books are returning with handwritten notes from the future
a village where it has not stopped raining for a year
a lighthouse keeper who finds a bottle, opens it and reads the letter
a kingdom divided
a telephone that rings only for the dead
an astronaut writing letters to her father
space pirates
haunted house
enemies to lovers in a bakery
a fox and a hen who become friends
a family forced to flee its home
an island where clocks run backwards and nobody ages
a boy raised by wolves
a priest accused of murder
the man my mother married
a child soldier returning home
a wolf, a goat and a cabbage
the smell of rain
a lonely vending machine that falls in love with a commuter
the summer we stopped speaking
a chess player who has never lost
a city that sleeps by day and wakes by night
a fight between two brothers over their father's watch
the last speaker of a language
a librarian who steals books and a thief who returns them
a train conductor who realizes the passengers are all dead
how the sparrow lost its song
a detective with a secret
an AI that refuses to lie
the winter that never ended
a love letter to the sea
bees
a dance teacher with two left feet
a queen in exile
a brother and sister who find a map
three witches at a bus stop
a world where people can only say 100 words a day
the secret lives of librarians
why I left
a lighthouse where the clocks stop and the mirrors speak
a genie who grants only bad wishes
"""


@pytest.mark.parametrize("text", CLAUSES.strip().splitlines())
def test_a_clause_has_a_verb_of_its_own(text: str) -> None:
    assert is_clause(text)


@pytest.mark.parametrize("text", PHRASES.strip().splitlines())
def test_a_phrase_keeps_its_verbs_behind_a_who_or_a_that(text: str) -> None:
    assert not is_clause(text)


@pytest.mark.parametrize("text", ["", " ", "...", "-", "'s", "’", "a", "1", "who", "that that that", "狐"])
def test_what_is_no_sentence_at_all_is_no_clause(text: str) -> None:
    assert not is_clause(text)
