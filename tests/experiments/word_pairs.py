"""Word pairs written for this experiment by one author: common words, no pair with a common stem in the first two."""

SYNONYMS = """
big large, quick fast, begin start, happy glad, sad unhappy, angry furious, tired weary, rich wealthy, silent quiet,
buy purchase, end finish, help assist, choose select, easy simple, hard difficult, smart clever, brave courageous,
strange odd, correct right, wrong false, small little, beautiful pretty, ugly hideous, sick ill, house home,
street road, child kid, stone rock, forest woods, ship boat, gift present, error mistake, job occupation,
answer reply, ask inquire, speak talk, shout yell, look gaze, jump leap, close shut, throw toss, hide conceal,
build construct, repair fix, gather collect, permit allow, need require, try attempt, keep retain, get obtain,
show display, think ponder, scare frighten, freedom liberty, enemy foe, doctor physician, car automobile,
rug carpet, cup mug, couch sofa, garbage trash, evening dusk, journey trip, wealth riches, idea notion,
huge enormous, tiny minute, famous renowned, polite courteous
"""

ANTONYMS = """
big small, fast slow, hot cold, light dark, high low, happy sad, rich poor, strong weak, young old, new ancient,
early late, near far, wide narrow, deep shallow, thick thin, heavy weightless, full empty, open closed, wet dry,
hard soft, loud quiet, clean dirty, safe dangerous, easy difficult, right wrong, true false, good bad, love hate,
war peace, friend enemy, victory defeat, success failure, profit loss, birth death, day night, summer winter,
north south, east west, up down, left right, front back, inside outside, begin end, give take, buy sell, push pull,
rise fall, laugh cry, remember forget, accept reject, attack defend, build destroy, win lose, arrive depart,
increase decrease, teach learn, question answer, always never, everything nothing, many few, brave cowardly,
generous stingy, polite rude, smooth rough, sharp blunt, sweet bitter, tall short, male female
"""

UNRELATED = """
banana democracy, violin gravel, lawyer cloud, pencil whale, copper jealousy, kitchen algebra, tiger invoice,
window philosophy, soup parliament, bicycle grammar, desert keyboard, cousin volcano, blanket election,
marble homework, candle traffic, harvest pixel, nurse asteroid, umbrella protein, ladder opera, pepper railway,
monk battery, glacier trousers, butter satellite, saddle vaccine, piano mortgage, spider budget, tunnel poetry,
goat software, mirror inflation, river dentist, helmet recipe, carpet eclipse, wedding bacteria, onion courage,
theatre zinc, rabbit contract, island syntax, hammer perfume, cheese orbit, teacher lava, ticket moss,
feather statute, drum tax, lemon treaty, rope melody, castle yoghurt, engine sorrow, planet sock, bridge nostalgia,
farmer pronoun, crystal taxi, whisper tractor, pocket monsoon, basket theorem, angel cement, sugar warrant,
bottle dialect, shadow dairy, parrot loan, needle congress, thunder napkin, orchard password, canoe verdict,
mustard galaxy, elbow museum, cotton prophecy, ribbon diesel, turtle census
"""


def pairs(text: str) -> list[tuple[str, str]]:
    """The pairs of one list."""
    return [(one, other) for one, other in (pair.split() for pair in text.replace("\n", " ").split(","))]


GROUPS = {"synonyms": pairs(SYNONYMS), "antonyms": pairs(ANTONYMS), "unrelated": pairs(UNRELATED)}
