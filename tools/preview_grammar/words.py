"""The word lists of the story grammar, all written for it. Knows nothing of how they are put together."""

WOMEN = (
    "Mara Ilse Nadia Ruth Greta Ines Leila Nora Petra Sana Una Wren Zora Anya Clara Elsa Gemma Hana Joan Kaya Mina "
    "Olga Tilda Vera Agnes Berta Carla Delia Edith Flora Hilda Ida Jana Lena Marta Nell Paula Rosa Selma Thea Yara "
    "Ada Bess Cora Dora Emma Iris June Kit Lucy Maud Opal Pearl Sofia"
).split()
MEN = (
    "Tomas Oskar Felix Pavel Hugo Jonas Marek Otto Rafi Theo Viktor Yusuf Bruno Dario Finn Ivo Lars Nils Anton Basil "
    "Carl Emil Franz Georg Henrik Ivan Jakob Karl Leo Milo Noah Omar Peter Rolf Stefan Tom Ulf Walter Abel Ben Colin "
    "Daniel Edgar Frank Gus Harold Isak Joel Ned Paul Ralph Sam Tobias Will"
).split()

# Trades and creatures that can lead a story; the second and third lists fix the lead's pronoun.
ROLES = """baker|clockmaker|lighthouse keeper|ferryman|cartographer|gardener|robot|librarian|fox|violinist|beekeeper|
blacksmith|astronaut|sailor|detective|painter|shepherd|wizard|tailor|teacher|nurse|farmer|dragon|ghost|cat|potter|
glassblower|miner|diver|pilot|cook|carpenter|weaver|knight|thief|inventor|mechanic|student|child|soldier|spy|chemist|
poet|journalist|judge|mayor|bus driver|train conductor|night watchman|locksmith|puppet maker|archivist|translator|
photographer|surgeon|barber|cobbler|candle maker|bell ringer|piano tuner|map seller|owl|crow|badger|hedgehog|mouse|
wolf|bear|rabbit|turtle|whale|giant|goblin|vampire|alien|android|scarecrow|orphan|hermit|pirate|captain|ranger|
firefighter|plumber|janitor|singer|dancer|acrobat|juggler|magician|clown|programmer|scientist|geologist|astronomer|
engineer|tourist|stranger|merchant|innkeeper|brewer|miller|hunter|guard|servant|messenger|scribe|neighbour|traveller|
musician|drummer|postal worker|chess player|swimmer|runner|gravedigger|elephant|penguin|dog|horse|spider|snail|bee|
octopus|moth|parrot|writer|actor|lawyer|doctor|vet|dentist|taxi driver|truck driver|window cleaner|cleaner|clerk|
accountant|secretary|curator|collector|historian|professor|explorer|climber|skater|sculptor|composer|conductor|
apprentice|assistant|volunteer|refugee|prisoner|fortune teller|rain maker|time traveller|ship builder|clock""".replace("\n", "").split("|")
WOMENS_ROLES = """grandmother|girl|widow|princess|queen|witch|mermaid|nun|sister|mother|daughter|aunt|waitress|bride|
old woman|milkmaid|goddess|actress""".replace("\n", "").split("|")
MENS_ROLES = """grandfather|boy|postman|fisherman|monk|king|prince|brother|father|son|uncle|waiter|snowman|old man|
fireman|duke|lamplighter|widower""".replace("\n", "").split("|")

OBJECTS = """trombone|lantern|compass|umbrella|teapot|violin|key|map|letter|clock|mirror|suitcase|telescope|bell|
music box|kite|boat|lamp|coin|ring|book|diary|photograph|camera|radio|typewriter|bicycle|ladder|wheel|anchor|crown|
sword|shield|feather|egg|seed|tree|apple|pumpkin|cake|loaf|recipe|spoon|kettle|blanket|quilt|coat|hat|glove|scarf|
shoe|button|needle|thread|basket|bucket|broom|chair|table|door|window|box|chest|bottle|jar|candle|match|stone|shell|
pearl|gem|statue|painting|puppet|doll|drum|flute|harp|piano|song|bird cage|fishing net|rope|sail|engine|machine|
satellite|signal|star|comet|shadow|cloud|snowflake|storm|bridge|tunnel|well|fountain|gate|fence|wall|secret|promise|
dream|memory|name|wish|debt|bargain|riddle|portrait|locket|medal|ticket|stamp|parcel|newspaper|notebook|pencil|brush|
chisel|hammer|saw|plough|lemon|orchid|rose|fern|mushroom|acorn|beehive|honeycomb|wagon|sledge|balloon|airship|rocket|
battery|antenna|hourglass|calendar|sundial|barometer|thermometer|magnet|marble|chessboard|card|mask|costume|wig|
carpet|curtain|chandelier|stove|oven|bathtub|sink|pipe|wire|cable|keyboard|screen|password|code|formula|potion|
spell|wand|cauldron|amulet|scroll|manuscript|poem|story|message|postcard|dictionary|library card|last page|
last word|silence|echo|smell|fever|grief|hunger|luck|courage|time|thunder|lightning|rain|snow|moonlight|fire|bread|
salt|honey|tea|soup|language|war|wedding|funeral|birthday|race|election|trial|journey|holiday|voyage|contest|tournament|
competition|dance|play|film|concert|exam|job|house|garden|river|road|train|bus|ship|elevator|bench|statue|moon|sun|
ocean|island|mountain|footprint|voice|face|hand|heart|tooth|bone|eye|wing|tail|egg|nest|bird|fish|goose|pig|cow|goat|
hen|mouse|wolf|bear|ghost|monster|angel|stranger|visitor|guest|neighbour|child|baby|twin|crow|bees|cats|stars|keys|
letters|books|notes|birds|bones|shoes|clocks|maps|apples|songs|dreams|secrets|shadows|voices|photographs|bells|
wolves|lanterns|stories|tears|memories|names|pages|debts|promises|messages""".replace("\n", "").split("|")
MATERIALS = """brass|silver|golden|wooden|paper|glass|copper|ivory|tin|iron|stone|velvet|clay|clockwork|electric|magic|
old|lost|broken|stolen|hidden|missing|haunted|forgotten|crooked|painted|frozen|burning|singing|talking|empty|locked|
last|first|strange|tiny|giant|ancient|rusty|secret|invisible|unfinished|red|blue|green|white|black|yellow|purple|
borrowed|cursed|enchanted|family|handwritten|unread|overdue|second|perfect|impossible|ordinary|stray|wild""".replace("\n", "").split("|")
PEOPLE_ADJECTIVES = """old|young|lonely|quiet|stubborn|forgetful|curious|clumsy|brave|tired|retired|honest|gentle|
restless|careful|cheerful|grumpy|shy|proud|blind|nameless|patient|reluctant|ordinary|strange|famous|homesick|sleepy|
nervous|elderly|disgraced|unlucky|small|tall|one-eyed|deaf|wandering|runaway|jealous|kind""".replace("\n", "").split("|")

PLACES = """marsh|harbour|forest|village|desert|island|mountain|valley|city|library|museum|station|market|castle|cave|
beach|farm|orchard|garden|school|hospital|theatre|cathedral|monastery|mill|quarry|mine|swamp|meadow|canyon|glacier|
volcano|reef|lagoon|river|lake|canal|dock|warehouse|factory|workshop|attic|cellar|kitchen|greenhouse|observatory|
lighthouse|ruin|graveyard|crossroads|border|tundra|prairie|jungle|savanna|moon|space station|colony|spaceship|
submarine|subway|rooftop|alley|plaza|palace|fortress|dungeon|labyrinth|tower|inn|tavern|bakery|bookshop|post office|
laundry|circus|fairground|zoo|aquarium|airport|railway|vineyard|pasture|barn|stable|cottage|mansion|apartment|hotel|
elevator|office|courtroom|prison|camp|salt flats|high street|old town|night market|small town|mountain village|
fishing village|town|north|south|suburbs|underworld|sky|sea|ocean|street|bridge|tunnel|basement|classroom|orphanage|
coast|hills|woods|empire|kingdom|country|planet|asteroid|ice|dunes|delta|fjord|archive|gallery|opera house|cinema|
supermarket|parking lot|launderette|diner|cafe|bus station|ferry|night train|caravan|treehouse|future|past""".replace("\n", "").split("|")

# Where scenes happen, what turns up in them, and who. Never the premise's own nouns.
SPOTS = """the stone bridge|the old mill|the long stairs|the chapel|the fish market|the bell tower|the north gate|
the ferry landing|the well|the burned house|the narrow lane|the schoolroom|the water tank|the orchard wall|
the back kitchen|the records room|the rope yard|the hill above the road|the dry fountain|the covered bridge|
the coal shed|the empty stable|the crossroads|the lower field|the glass house|the boat shed|the tram stop|
the stone circle|the signal hut|the reading room|the cold spring|the grain store|the garden gate|the loft|
the wine cellar|the tailor's shop|the clock shop|the iron stairs|the quarry pool|the pine wood|the pump house|
the town hall|the toll house|the watchtower|the lock gates|the brick yard|the bath house|the old theatre|the weir|
the customs house|the winter garden|the east wall|the goose pond|the lime kiln|the viaduct|the print shop|
the hospital yard|the chestnut tree|the last station|the sundial|the granary|the smithy|the frozen pond""".replace("\n", "").split("|")
THINGS = """brass key|torn map|tin whistle|red ribbon|jar of honey|folded letter|blue bottle|wooden spoon|
coil of rope|stub of chalk|silver thimble|cracked cup|bag of salt|green candle|broken watch|heel of bread|
wool blanket|small bell|glass bead|rusty nail|pocket knife|bundle of reeds|paper bird|black feather|copper coin|
box of matches|sack of apples|long ladder|pair of boots|tin of paint|spool of thread|picture postcard|clay pipe|
white stone|pot of soup|lump of coal|train ticket|sheet of music|handful of seeds|bent fork|bone comb|leather purse|
goose egg|string of beads|tin soldier|straw hat|yellow scarf|cork float|horseshoe|candle end|walnut shell|
birdcage|garden spade|paper lantern|wax seal|bicycle bell|toy boat|darning needle|brick|magnifying glass|
playing card|wooden leg|cheese grater|weather vane|music stand|mousetrap|sugar bowl""".replace("\n", "").split("|")
MINOR_ROLES = """tinker|carter|schoolboy|sexton|peddler|fiddler|washerwoman|constable|herring seller|country doctor|
mason|toll keeper|goose girl|old soldier|stable girl|chimney sweep|town clerk|goatherd|seamstress|night porter|
ferry girl|bookbinder|cooper|stove fitter|cousin|schoolteacher|bargeman|herbalist|landlady|sign painter|thatcher|
tax collector|choir master|candle seller|watch mender|ragman|oyster woman|piano mover|lock keeper|bell founder|
umbrella mender|signalman|midwife|knife grinder|egg seller|tram driver|retired general|game warden|road mender""".replace("\n", "").split(
    "|"
)
FRIEND_ROLES = """baker|ferryman|gardener|locksmith|cook|nurse|carpenter|tailor|bus driver|cobbler|schoolteacher|
barber|fiddler|map seller|beekeeper|potter|night watchman|mechanic|miller|weaver|clerk|shepherd|plumber|glazier|
bookseller|sailor|bell ringer|pharmacist|stonemason|postal worker|painter|gravedigger""".replace("\n", "").split("|")
WEATHER = "rain|fog|frost|wind|snow|mist|drizzle|heat|sleet|sunshine|hail|a warm breeze|a grey light|low cloud|dust|moonlight".split("|")
TIMES = """In the morning|At noon|Before dawn|Late in the day|That evening|By nightfall|After supper|The next day|
On the third day|An hour later|Toward midnight|When the bells rang|At first light|A little later|Soon afterwards|
When the light failed|Long after dark|By the end of the week|Some days later|On the Sunday|Early in the spring|
That same week|As the clocks struck four|One bright afternoon""".replace("\n", "").split("|")
FEELINGS = "afraid|hopeful|tired|angry|calm|ashamed|curious|proud|lonely|glad|uneasy|certain|foolish|patient|stubborn|cheerful|small|wide awake".split(
    "|"
)
SMELLS = "wet wool|smoke|bread|salt|cut grass|old paper|oranges|iron|lamp oil|damp earth|pine resin|soap|cinnamon|rust|apples|coffee|paint|hay".split(
    "|"
)
AGAIN = "Tomorrow|In the spring|Any day|Tonight, if you like|Without thinking".split("|")

# What the lead may want when the premise does not say.
WISHES = """to see the sea|to go home|to be forgiven|to keep a promise|to sleep through the night|to find a friend|
to learn to sing|to be left in peace|to know the truth|to say goodbye properly|to make something that would last|
to be of use|to hear one kind word|to cross the mountains|to put things right|to begin again|to be brave once|
to remember {h} mother's voice|to finish what {s} had begun|to be listened to|to grow a garden|to stop running|
to win, just once|to be told the whole story""".replace("\n", "").split("|")
# What a premise may say its lead does, and the wish that follows from it.
DEEDS = {
    "learns to {verb}": "to {verb}",
    "wants to {verb}": "to {verb}",
    "tries to {verb}": "to {verb}",
    "longs to {verb}": "to {verb}",
    "is learning to {verb}": "to {verb}",
    "has forgotten how to {verb}": "to {verb}",
    "must {verb} before dawn": "to {verb}",
    "cannot {verb}": "to {verb}",
    "decides to {verb}": "to {verb}",
    "is afraid to {verb}": "to {verb}",
    "refuses to {verb}": "to be left in peace",
    "dreams of {gerund}": "to {verb}",
    "cannot stop {gerund}": "to rest",
    "is afraid of {gerund}": "to be brave once",
    "has lost {h} shadow": "to be whole again",
    "forgets everything at midnight": "to remember one whole day",
    "talks to the moon": "to be answered",
    "must choose between two lives": "to choose well",
    "has one day left": "to use the day well",
    "can hear the dead": "to be left in peace",
    "never tells the truth": "to be believed",
    "waits for a letter": "to be remembered",
    "is running out of time": "to be in time",
    "has to say goodbye": "to say goodbye properly",
    "keeps a secret": "to tell somebody",
    "makes a mistake": "to put things right",
    "falls in love": "to be loved",
    "breaks a promise": "to put things right",
    "has never seen the sea": "to see the sea",
    "is afraid of the dark": "to be brave once",
    "goes back in time": "to put things right",
    "grows old in a single night": "to be young again",
    "comes home after twenty years": "to be forgiven",
}
VERBS = """paint|fly|sing|swim|dance|read|write|cook|forgive|forget|remember|dream|laugh|cry|sleep|whistle|garden|
sail|climb|listen|lie|pray|knit|bake|fight|hide|dig|run|love|play the piano|tell stories|tell the truth|save the town|
find a home|build a boat|cross the sea|escape|come home|speak|draw maps|count the stars|catch the wind|hunt|teach|
mend clocks|make friends|say no|grow up|stay|leave|choose|win|lose|drive|breathe underwater""".replace("\n", "").split("|")
# What a lead may do to the thing, as a premise says it.
FINDS = """finds|steals|loses|repairs|inherits|builds|hides|guards|sells|breaks|discovers|searches for|returns|borrows|
protects|buries|invents|follows|receives|collects|accidentally destroys|falls in love with|makes friends with|delivers|
wants|is haunted by|lives in|investigates|opens|wakes|adopts|runs|owns|keeps|studies|paints|makes|writes|saves|sells|
cannot forget|is trapped in|meets|trains|trades|counts|hears|dreams of|waits for|escapes from|chases""".replace("\n", "").split("|")
FACTS = """grants wishes|will not stop singing|appears every winter|can speak|nobody can open|changes colour|
is older than the world|vanishes at dawn|brings bad luck|points the wrong way|remembers everyone|glows in the dark|
stops working|comes back every year|tells the future|steals thunder|eats time|never dies|knows too much|
leads nowhere|only opens at night|belongs to nobody|was never sent|is not what it seems|has begun to grow""".replace("\n", "").split("|")
ASIDES = """Make it funny.|It should end well.|Use short sentences.|With a sad ending.|In the style of a fairy tale.|
Set it in winter.|For children.|No magic, please.|Let it begin at night.|Please make it gentle.|End with a surprise.|
Nobody believes it at first.|It is almost Christmas.|Nothing is what it seems.|Only one of them will come back.|
They have until morning.|The year is 1912.|There is no way home.""".replace("\n", "").split("|")

# How a premise may decide itself: the plan names it, the turning scene tells it.
TURNS = {
    "a door opens": [
        "There was a door where there had been a wall. {N} laid {h} hand on it, said {h} own name, and it opened without a sound, and behind it [was morning|was the {p}, as it had been once].",
        "{N} had brought no key. {S} knocked. And the door, which had never been locked, [swung open|let {b} in].",
    ],
    "a song": [
        "{N} began to sing, not well, the old song of the {p}. One voice joined in, and then another, and the {o} [rang like a bell|seemed to listen], and the dark went out of the room.",
        "There was no sound, and then there was: a thin, high note, and {s} knew it. It came from the {o}. {N} answered it, and [something in the walls|the whole {p}] answered {b}.",
    ],
    "a gift": [
        '{N} held out the {o} in both hands. "Take it," {s} said. "It was never mine." And nobody took it, because giving was all that had been asked.',
        '"I have nothing left," said {N}, and gave away the last thing {s} had, which was {the_k}. At once the {o} [was safe|lost all its power].',
    ],
    "the truth": [
        '"I was wrong," said {N}, and {h} voice did not shake. "I was wrong about the {o} from the first day." It was very quiet. Then [somebody began to clap|somebody said, "So were we."]',
        "{N} told the truth then, all of it, and it took a long time. When {s} had finished, there was nothing left for the {o} to hide.",
    ],
    "a name": [
        '"Do you not know me?" {s} asked, and spoke the one name that nobody in the {p} had said for years. The {o} [stirred|grew warm], like something that has been called home.',
        "On the underside of the {o}, where no one had ever looked, a name was written. It was {h} own. {N} read it aloud.",
    ],
    "a choice": [
        '"The {o}, or {C}," said a voice. "You may keep one." {N} did not need to think. {S} let go of the {o}, and [found that it stayed|it did not fall].',
        "There were two roads, and only time for one. {N} looked at the {o}, and at {C}, and chose [the road home|with {h} heart], and the ground stopped shaking.",
    ],
    "a light": [
        "Then the light came, first as a thread and then as a river, out of the {o} and over {h} hands, and for a moment [every stone cast a shadow|the whole {p} could be seen, as if from the air].",
        "{N} lit the last match. It should have gone out. It burned and burned, and by its light {s} saw what the {o} was for.",
    ],
    "an old friend": [
        'And there, in the middle of it, stood {X}, the {x}, whom everyone had thought lost. "You took your time," said {X}, and put the {o} into {h} hands.',
        'Somebody came out of the shadow then, slowly, and it was {X}, the {x}. "I have kept it for you," said {X}. "I have kept the {o} safe all these years."',
    ],
}
# The mood of a story and the sentence it closes with.
MOODS = {
    "hopeful": [
        "It was not the end of anything. It was a beginning, and {N} knew it.",
        "The road ahead was long, and for once that was good news.",
        "Whatever came next, there would be light enough to meet it.",
    ],
    "quiet": [
        "Nothing more was said, and nothing more was needed.",
        "After that the days were ordinary again, and {N} was grateful for every one.",
        "The snow, or the dust, or the evening settled, and it was enough.",
    ],
    "eerie": [
        "But sometimes, when the wind drops, {s} can still hear something calling.",
        "{N} never told anyone what had looked back out of the dark.",
        "The door stayed shut after that. Mostly.",
    ],
    "funny": [
        "Nobody ever explained the goat.",
        "{N} laughed until the soup boiled over, and then {s} laughed at the soup.",
        "It made an excellent story, and {C} told it far too often.",
    ],
    "tender": [
        "{C} took {h} hand, and that was the whole of the answer.",
        "Some things are kept by being shared, and this was one of them.",
        "They sat together until the fire burned low, and neither wanted to be anywhere else.",
    ],
    "bold": [
        "{N} did not look back. There was too much ahead.",
        "They would sing about it one day, and for once the song would be true.",
        "The world was still dangerous, and {N} was still ready.",
    ],
}
