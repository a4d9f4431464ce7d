"""Word lists of English: the closed classes, and the verbs that tell a sentence from a phrase. Data, all in lower case."""

# --- closed classes ---------------------------------------------------------------------------------------------------

ONE = frozenset("a an another each every one that this".split())  # what follows is singular
POSSESSIVES = frozenset("her his its my our their whose your".split())
NUMBERS = frozenset(
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty "
    "thirty forty fifty sixty seventy eighty ninety hundred thousand million dozen".split()
)
DETERMINERS = ONE | POSSESSIVES | frozenset("all any both few many most no several some the these those".split())
SUBJECTS = frozenset("he i it she there they we you".split())
OBJECTS = frozenset("everyone everything her herself him himself it itself me myself ourselves someone them themselves us you".split())
SOMEBODY = frozenset("anybody anyone anything everybody everyone everything nobody nothing somebody someone something".split())
QUESTIONS = frozenset("how what when where which who whom whose why".split())
OPENERS = frozenset(
    "after although as because before how if since than that though unless until what when where whether which while who whom whose "
    "why".split()
)  # a clause of its own may begin here
CONJUNCTIONS = frozenset("and but nor or so then yet".split())
PREPOSITIONS = frozenset(
    "about above across against along amid among around at behind below beneath beside between beyond by despite down during for from "
    "in inside into like near of off on onto out outside over past through to toward towards under up upon via with within without".split()
)
TOWARDS = frozenset(
    "about across after alone along apart around asleep away back down here home ill into off onto out over silent that there through "
    "to together toward towards up upon".split()
)
BE = frozenset("am are aren't is isn't was wasn't were weren't".split())
FINITE = BE | frozenset(
    "can can't cannot could couldn't did didn't do does doesn't don't had hadn't has hasn't have haven't he'd he'll he's i'd i'll i'm "
    "i've it'll it's may might must mustn't shall she'd she'll she's should shouldn't that's there's they'd they'll they're they've "
    "we'd we'll we're we've what's who's will won't would wouldn't you'll you're you've".split()
)
NOUNS_TOO = frozenset("can may might must will".split())  # "the last will", "a tin can"
ADVERBS = frozenset(
    "accidentally again almost already also always even ever finally just never not now often once only quietly really secretly "
    "simply slowly sometimes soon still suddenly then too".split()
)
NO_BEGINNING = frozenset(
    "above across after against alone along although always am amid among and are aren't around as at because before behind below "
    "beneath beside between beyond but by can can't could dear despite did didn't do does don't down during for from had has have he "
    "here i if in inside into is isn't it let let's like may maybe might must near never nor not now of off on once onto or out "
    "outside over perhaps please shall she should since so sometimes stranded stuck suddenly that's then there they this's though "
    "through to toward towards under unless until up upon was we were whereas while will with within without won't would yesterday "
    "you".split()
)  # no phrase that could follow "about" begins so
LOWERED = DETERMINERS | NUMBERS | SOMEBODY | QUESTIONS  # with a capital only because it comes first
COMMON_NOUNS = frozenset(
    "adventure afternoon age airship alien android angel animal apple arrow art ash astronaut aunt autumn baby baker bakery ball bear "
    "beauty bed bee bell betrayal bird birthday blind blood blue boat body bone book bookshop bottle box boy bread bridge brother "
    "building bus butterfly candle castle cat cave chance chaos child childhood christmas church circus city climate clock cloud "
    "coffee coffin cold color colour computer corner country courage courtroom cousin cowboy crime crow cup dance darkness daughter "
    "dawn day death demon desert desire detective devil dinner dinosaur doctor dog doll door dragon dream dust duty earth elephant "
    "elf emperor empire enemy engine envy evening evil exile eye eyes fairy faith fame family farm farmer fashion fate father fear "
    "fire fish flower fog food football forest forgiveness fox freedom friend friendship frog future game garden ghost giant gift "
    "girl glass gloom goblin god gold goodbye grandfather grandma grandmother grandpa greed green grief guilt hair hand hands "
    "happiness heart heartbreak heaven hell hero history home homesickness honor honour hope horror horse hospital hotel house hunger "
    "hunter husband ice innocence island jealousy journey joy justice key kid king kingdom kitchen knife knight lady lake language "
    "laughter legend letter library lies life light lighthouse lightning lion loneliness loss love luck machine madness magic man map "
    "market marriage memory men mermaid midnight milk mind mirror money monster moon moonlight morning mother mountain murder music "
    "mystery nature neighbor neighbour night nightmare nurse ocean office old orphan owl pain painter paper parent party past "
    "patience peace penguin people person pet phone piano picture pirate plan planet poet poison police power prayer pride priest "
    "prince princess prison prisoner promise queen rain rainbow reality rebellion red redemption regret reunion revenge revolution "
    "river road robot romance roommate rose ruin sadness sailor salt sand school scientist sea season secret shadow ship shipwreck "
    "silence silver sin sister sky sleep small smoke snake snow soldier solitude son song sorrow soul space spaceship spider spirit "
    "spring spy star stone storm story stranger street student summer sun sunlight sunset survival sword tea teacher teenager temple "
    "thief thunder tiger time tomorrow toy train traitor travel treasure tree trees truth tunnel twin umbrella uncle unicorn vacation "
    "vampire village violence virus voice voyage war water wedding whale wife wind window winter wisdom wish witch wizard wolf woman "
    "women wonder wood woods words work world writer yesterday young youth zombie".split()
)
CAPITALISED = frozenset(
    "african american april arab asian august australian brazilian british buddhist canadian chinese christian christmas danish "
    "december dutch easter edwardian egyptian english englishman englishwoman european february french frenchman friday german greek "
    "halloween indian internet irish irishman italian january japanese jewish july june korean martian mexican monday mongol muslim "
    "nigerian norwegian november october persian polish roman russian saturday scottish september spanish sunday swedish thursday "
    "tuesday turkish victorian viking wednesday welsh".split()
)  # has a capital wherever it stands
FOREIGN = frozenset(
    "ang av bir con dan dans das dem den der des det du een ein eine einen einer el en ett gli het il im ja joka las le les lo los "
    "med mit na ng o och para por på que qui sa si sobre sur til um uma un una und une van ve von w y yang yg z über".split()
)
OF_NAMES = frozenset("da das de der di du el il la las le les los na o un una van von".split())  # "El Dorado", "Das Boot"
ABBREVIATIONS = frozenset("capt col dr etc gen jr lt mr mrs ms mt no prof rev sgt sr st u.s vs".split())

# --- verbs ------------------------------------------------------------------------------------------------------------

NOUNY = frozenset(
    "age answer arm attack bet blow burn control count crash cross cry cut deal demand desert design dive doubt dream drift drop duel "
    "end escape exile face fall fear fight fire float fly form guard guide hand hatch head hope host hunt judge kiss land laugh leave "
    "lie lift light line live look love lure march mark master mistake move murder name notice offer order pack paint plan plant play "
    "plot poison promise protest quarrel race rain read recruit regret report rescue rest return ride ring rise rule run sail scream "
    "search shadow share show sign smell smile sound spread star storm strike struggle study surprise suspect swing switch talk taste "
    "tear test tie touch trace track trade train trap travel treat trick trust turn visit vote vow walk watch wave whisper wish "
    "witness work".split()
)  # as a plural, a noun as often as a verb
VERBS = NOUNY | frozenset(
    "accept accompany achieve acquire adapt add admire admit adopt adore afford agree align allow announce appear apply approach "
    "argue arise arrange arrest arrive ask assume attach attend avoid awaken bake bark become befriend beg begin behave believe "
    "belong betray blame bleed bless bloom blossom bore borrow breathe bring broadcast build bully bury buy call capture carry carve "
    "celebrate chant chase chat chatter cheer chew choose claim clash climb cling coincide collapse collect collide come commit "
    "compare compete complain complete compose conceal confess confront confuse connect conquer consider construct contain continue "
    "convert convince cooperate cope crawl create creep crumble crush curl dare deceive decide declare decode decorate defeat defend "
    "defy deliver deny depart depend descend describe deserve destroy develop devour die dig dine disappear discover discuss disguise "
    "dismiss dissolve divorce do drag draw drive drown dwell earn eat echo elope embark embrace emerge encounter encourage endure "
    "enjoy enlist enslave enter entertain erase erupt evade evaporate evolve examine exist expand expect explain explode explore "
    "expose express fade fail fake feed feel fill find finish fix flee flicker fling flourish flow follow forbid forfeit forge forget "
    "forgive freeze frighten gather gaze get giggle give glitter glow go grant grieve grin grow guess hack happen hate haunt heal "
    "hear heed help hesitate hide hire hold howl hum ignore imagine impersonate imprison infiltrate inherit insist inspire intend "
    "interrupt invade invent invert investigate invite involve itch join keep kick kidnap kill kneel knit know lack lean learn lend "
    "let limp linger listen lose lurk make manage marry meet melt mend mention moan mourn multiply murmur nap navigate need negotiate "
    "obey observe obtain occur open outlive outwit overcome overhear owe own participate pass pay perform perish persuade pick plead "
    "please plummet plunge ponder possess pour practice practise praise pray predict prefer prepare pretend prevent protect prove "
    "provide prowl pull punish purr pursue push put quit raise rattle reach realise realize rebel rebuild recall receive recognise "
    "recognize recover rediscover refuse reject rejoice relive rely remain remember remind remove rent repair repeat replace resist "
    "resolve respond restore retire reunite reveal revive rewrite roam rob rumble rush sabotage save say scare scatter scramble "
    "secretly seduce see seek seem sell send separate serve set settle sew shake shatter shine shiver shoot shout shrink shrug shut "
    "sigh sing sink sit sleep slide slip smuggle sneak snore soar sob solve sparkle speak spend spill spin split sprout squeak stalk "
    "stand stare start starve stay steal stop stumble stutter succeed suffer summon surrender survive swallow swap sway swear swim "
    "swirl take tame teach tell tend think threaten thrive throw transform translate tremble try tumble twinkle uncover understand "
    "undertake unearth unfold unite unleash unlock unmask unravel unveil use vanish venture wage wait wake wander want warn wash "
    "waste wear weave wed weep weigh welcome win wither wonder worry worship wrestle write yawn yearn yell".split()
)

IRREGULAR = frozenset(
    "arose ate awoke bade became began blew broke came chose drank drew drove fell felt fled flew foresaw forgave forgot froze gave "
    "grew hid knew lent met mistook overcame ran rode said sang sank sat saw shook shrank slept smote spoke sprang stole stood strode "
    "swam swore swung thought threw took undertook went wept withdrew woke wore wrote".split()
)  # pasts that are no participles, or seldom
PARTICIPLES = frozenset(
    "bought bound brought built cast caught cut dug fed flung fought found got had heard held hit hung hurt kept laid led left lost "
    "made meant paid put read sent set shut sold sought spent spun struck stuck swept swung taught told won".split()
)  # pasts that are participles too: "a dog found in the snow"
MADE_TO = frozenset(
    "allowed asked assigned compelled condemned cursed designed destined determined doomed encouraged expected forced hired invited "
    "obliged ordered permitted prepared raised required scheduled sentenced supposed tasked tempted trained used".split()
)  # "a boy destined to rule"
ALONE = frozenset("all both few many most some that these this those".split())  # may be who does it, without a noun
PAST = frozenset(
    "ached agreed apologised apologized appeared argued arrived barked believed belonged blinked bowed burned "
    "camped chatted chuckled climbed collapsed complained continued crawled cried danced decided died dined disappeared discovered "
    "dreamed dreamt drifted dwelt emerged ensued escaped exclaimed existed expired failed fainted feasted floated flopped fluttered "
    "frowned galloped gasped gazed glanced glimmered gossiped grinned happened hated hesitated hoped howled hurried insisted "
    "jumped knelt laughed leaned leant learned learnt liked limped lingered listened lived longed looked loved lunged managed marched "
    "needed nodded noticed occurred opened passed paused peered perished pretended protested quarreled "
    "quarrelled realised realized rebelled refused reigned remained remembered replied resided resigned responded retired returned "
    "revolted roared rushed sailed sank screamed seemed shivered shouted shrugged sighed smiled snored staggered stared "
    "started stayed stopped strolled stumbled succeeded surrendered talked tiptoed traveled travelled trembled tried triumphed "
    "trotted vanished vowed waited walked wandered wanted wept whispered wished wondered worked yearned yelled".split()
)  # regular pasts that are seldom participles
NAMED = frozenset("born called entitled given known made named said titled".split())
NOUNS_IN_S = frozenset(
    "across always arms arts besides clothes crossroads customs downstairs economics games glasses goods headquarters his human its "
    "less letters mathematics means men's news nowadays overseas perhaps physics politics rights sales savings series sometimes "
    "species sports systems this thus towards unless upstairs us women's yes".split()
)
PLURALS = frozenset("children folk geese kids men mice people police thieves wolves women".split())
TIMES = frozenset(
    "afternoon autumn century day evening month morning night now spring summer then today tomorrow tonight week winter year "
    "yesterday".split()
)
HELPING = frozenset("feel had have hear heard help helped let made make saw see watch".split())
SUPPOSING = frozenset(
    "believe claim discover dream fear find hope insist know learn pretend realise realize say suspect swear think wish".split()
)
COMMANDS = frozenset(
    "add change compose consider continue create describe explain finish generate give go ignore imagine include introduce list make "
    "picture pretend repeat retell rewrite summarise summarize suppose tell translate write".split()
)
PARTICIPIAL = frozenset(
    "abandoned born buried caught forgotten gone haunted hidden left locked lost raised stranded stuck torn trapped".split()
)
