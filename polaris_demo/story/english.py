"""Word lists of English: the closed classes, and the verbs that tell a sentence from a phrase. Data, all in lower case."""

# --- closed classes ---------------------------------------------------------------------------------------------------

ONE = frozenset("a an one every each another this that".split())  # what follows is singular
POSSESSIVES = frozenset("my your his her its our their whose".split())
NUMBERS = frozenset("two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred thousand million dozen".split())
DETERMINERS = ONE | POSSESSIVES | frozenset("the these those some any no all both several many few most".split()) - frozenset(["whose"])
SUBJECTS = frozenset("i he she it we they you there".split())
OBJECTS = frozenset("me him her it us them you himself herself itself themselves myself ourselves everyone everything someone".split())
SOMEBODY = frozenset("someone somebody something everyone everybody everything nobody nothing anyone anybody anything".split())
QUESTIONS = frozenset("what how why when where who whom which whose".split())
OPENERS = frozenset(
    "who which that whose whom where when why how what because if whether unless although though while until after before since than as".split()
)  # a clause of its own may begin here
CONJUNCTIONS = frozenset("and or but then nor yet so".split())
PREPOSITIONS = frozenset(
    "of in on at to from with without by for into onto through across over under beneath below above between among against around "
    "behind beside beyond near inside outside during towards toward upon within along about off despite via amid like past down up out".split()
)
TOWARDS = frozenset("to into onto through across over away out up down back off home around along toward towards upon about after that".split())
BE = frozenset("is are was were am isn't aren't wasn't weren't".split())
FINITE = BE | frozenset(
    "has have had do does did can could will would shall should may might must cannot can't won't don't doesn't didn't couldn't "
    "wouldn't shouldn't hasn't haven't hadn't mustn't i'm i've i'll i'd you're you've you'll we're we've we'll they're they've they'll "
    "he's she's it's there's that's who's what's he'd she'd he'll she'll it'll they'd we'd".split()
)
NOUNS_TOO = frozenset("will can might may must".split())  # "the last will", "a tin can"
ADVERBS = frozenset(
    "not never always often sometimes only just even still also soon once again almost already ever now really too then simply "
    "finally suddenly slowly secretly accidentally quietly".split()
)
NO_BEGINNING = frozenset(
    "i he she it we they you there this's that's here once suddenly maybe perhaps never always sometimes then now yesterday and or but "
    "so nor because if although though while until unless since as whereas is are was were am do does did can could will would shall "
    "should may might must has have had let let's please not don't am isn't aren't don't didn't can't won't after before to of in on at "
    "from with without by for into onto through across over under beneath below above between among against around behind beside beyond "
    "near inside outside during towards toward upon within along off despite amid like down up out alone stuck stranded".split()
)  # no phrase that could follow "about" begins so
LOWERED = (
    DETERMINERS | NUMBERS | SOMEBODY | QUESTIONS | frozenset("life love grief death time war loss friendship loneliness memory revenge hope "
    "fear home music dreams people children strangers".split())
)  # begins with a capital only because it comes first
CAPITALISED = frozenset(
    "english englishman englishwoman american french frenchman german italian spanish russian chinese japanese korean indian african "
    "asian european british scottish irish irishman welsh dutch greek roman egyptian turkish arab jewish christian muslim buddhist viking "
    "victorian edwardian martian mexican canadian australian polish swedish norwegian danish brazilian nigerian persian mongol christmas "
    "easter halloween monday tuesday wednesday thursday friday saturday sunday january february april june july august september october "
    "november december internet".split()
)  # has a capital wherever it stands
FOREIGN = frozenset(
    "un une le les des du el los las una il lo gli der das ein eine einer einen und och ett en het een uma um na yang yg dan bir ve "
    "w z i o y que qui der dem den på av och ja joka sur dans para por con sobre über von mit een van ng ang sa si och med til det".split()
)
ABBREVIATIONS = frozenset("mr mrs ms dr st prof sr jr vs no mt lt sgt capt col gen rev etc u.s".split())

# --- verbs ------------------------------------------------------------------------------------------------------------

VERBS = frozenset(
    "accept accompany achieve acquire adapt add admire admit adopt afford agree allow announce appear apply approach argue arise arrange "
    "arrest arrive ask assume attach attack attend avoid awaken bake become befriend beg begin behave believe belong betray blame borrow "
    "bring broadcast build bury buy call capture carry carve celebrate chase choose claim climb cling collapse collect come compete "
    "complain complete compose conceal confess confront connect conquer consider construct contain continue convince cope crash crawl "
    "create creep cry cut dare decide declare decode decorate defeat defend defy deliver deny depart describe descend deserve destroy "
    "develop devour die dig disappear discover disguise dismiss dive divorce do draw drown earn eat elope embark embrace emerge encounter "
    "encourage endure enjoy enlist enter erase escape evolve examine exist expect explain explode explore expose fade fail fake fall feed "
    "feel fight fill find finish fix flee fling float flow fly follow forbid forge forget forgive freeze gather get give glow go grant "
    "grieve grow guess happen hate haunt heal hear help hide hire hold hunt ignore imagine imprison inherit insist inspire intend invent "
    "investigate invite join keep kidnap kill kneel knit know lack lean learn leave lend let linger listen live look lose lurk make manage "
    "marry meet melt mend mention mourn move murder navigate need negotiate notice obey observe obtain occur open overcome overhear owe own "
    "participate pay perform persuade pick plead please plunge possess pour practice practise praise pray prefer prepare pretend prevent "
    "protect prove provide pull punish pursue push put quit raise reach read realise realize rebuild recall receive recognise recognize "
    "recover refuse reject rely remain remember remind remove rent repair repeat replace rescue resist resolve respond restore retire return "
    "reunite reveal revive roam rob run rush save say scare scatter seek seem see sell send separate serve settle sew shake share shatter shine "
    "shoot shrink shut sing sink sit sleep slide slip smell smuggle sneak solve speak spend spread stand stalk stare start stay steal stop strike "
    "struggle stumble succeed suffer summon surrender survive suspect swallow swap swear swim switch take talk tame teach tell tend threaten "
    "thrive throw touch transform translate travel trust try turn uncover understand undertake unearth unite unleash unlock unravel unveil "
    "vanish venture vow wage wait wake walk wander want warn wash waste wear weave wed weep welcome win wish wonder worship wrestle write "
    "yearn adore align bark bloom blossom bore breathe bully chant chat chatter cheer chew clash coincide collide cooperate crumble curl dine dwell echo erupt evaporate flicker flourish gaze giggle glitter grin hesitate howl hum invert itch kick limp march melt moan multiply murmur nap perish plummet ponder prowl purr rattle rejoice rumble scramble shiver shout shrug sigh snore soar sob sparkle spin sprout squeak starve stutter swirl sway tremble tumble twinkle unfold weigh wither yawn yell adore age answer arm bet bleed bless blow burn commit compare confuse control convert count cross crush deal deceive demand "
    "depend deserve design desert dig discuss dissolve doubt drag drift drive drop duel enslave entertain evade exile expand express fire "
    "forfeit frighten hatch heed hack impersonate infiltrate interrupt invade involve land lie lift lure mistake outlive outwit paint pass "
    "plan plant play poison predict promise protest quarrel race rain rebel recruit rediscover refuse regret relive rewrite ride ring rise "
    "rule sabotage sail search secretly seduce set smile spill split stop study surprise swing tear think tie trace track trade trap treat "
    "trick unmask visit use vote watch wave whisper witness work worry fall believe become".split()
)
NOUNY = frozenset(
    "leave live answer age arm bet blow burn call control count cross cry cut deal demand design desert doubt dream drift drive drop duel end exile "
    "face fear fight fire fly form guard guide hand hatch head help hope host hunt judge kiss laugh land lie lift light line look love lure "
    "mark march master mistake move murder name need notice offer open order pack paint pass plan plant play plot poison promise protest "
    "quarrel race rain read recruit regret report rescue rest return ride ring rise rule run sail scream search share shadow show sign smell "
    "smile sound spread star start stop storm stand strike struggle study surprise suspect swing talk taste tear test tie touch trace track "
    "trade train trap travel treat trick turn trust use visit vote vow walk watch wave whisper wish witness wonder work worry attack escape "
    "embrace encounter fall capture defeat claim feed float haunt climb crash dive drag swap switch stay".split()
)  # as a plural, a noun as often as a verb
IRREGULAR = frozenset(
    "went came took woke awoke fell knew began ran gave wrote drove flew grew threw wore broke spoke stole chose forgot sang swam ate drank "
    "drew hid froze shook became forgave swore blew sank shrank sprang arose strode overcame mistook undertook withdrew foresaw saw slept "
    "wept fled said met felt stood sat thought".split()
)  # pasts that are no participles, or seldom
PARTICIPLES = frozenset(
    "found made built left told kept held caught bought brought heard sent sold lost won led read taught fought sought spent swept meant "
    "paid laid dug hung stuck struck spun flung swung bound fed cut hit hurt put set shut cast got had".split()
)  # pasts that are participles too: "a dog found in the snow"
PAST = frozenset(
    "walked lived arrived died wanted decided happened vanished disappeared appeared looked tried refused realised realized learned learnt "
    "waited worked travelled traveled talked stayed seemed remained belonged listened laughed cried smiled whispered agreed hoped wished "
    "needed wondered dreamed dreamt danced jumped stumbled managed continued existed wandered loved hated liked believed discovered "
    "noticed remembered returned escaped started opened stopped".split()
)  # regular pasts that are seldom participles
NAMED = frozenset("named called titled entitled known born made given said".split())
NOUNS_IN_S = frozenset(
    "sports news arms physics mathematics politics economics customs savings goods systems sales clothes always sometimes perhaps besides "
    "towards across less unless series species means crossroads headquarters downstairs upstairs overseas nowadays women's men's its his "
    "this thus yes us glasses letters games arts human rights".split()
)
PLURALS = frozenset("men women children people mice geese police kids folk wolves thieves".split())
HELPING = frozenset("help make let see watch hear have feel made saw heard had helped".split())
SUPPOSING = frozenset("think believe know realise realize discover learn say claim dream suspect wish insist fear hope pretend find swear".split())
COMMANDS = frozenset(
    "describe imagine rewrite summarize summarise translate continue retell finish explain pretend generate create compose give make tell "
    "write add list change consider include ignore repeat introduce go picture suppose".split()
)
PARTICIPIAL = frozenset("lost trapped stuck stranded born caught torn left buried locked haunted abandoned forgotten gone hidden raised".split())
