"""Questions whose answer nobody knows alone: three agents with notes, each holding facts that rule options out.

Two styles. "rule": the three cheaper of four options each break one stated need, and each agent's notes know of one.
"weigh": everybody's notes praise a decoy; each agent alone knows one grave fault of it and one merit of the right one.
Names are made up, so no model knows them; everything follows from the seed.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

AGENTS = ("alder", "birch", "cedar")


@dataclass(frozen=True)
class Need:
    """Something asked of an option: as a need, as a sentence that an option lacks it, and that it has it."""

    need: str
    lacks: str
    has: str
    key: str  # a word that every telling of it holds


@dataclass(frozen=True)
class Scene:
    """A kind of choice, with what may be asked of it and what can be said for or against."""

    thing: str
    unit: str
    needs: Sequence[Need]
    praise: Sequence[str]
    faults: Sequence[tuple[str, str]]
    merits: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class PrivateFact:
    """A fact in one agent's notes alone; *keys*: a telling of it holds all of these words."""

    agent: str
    text: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """One question, the label of the right option, that of the decoy, each agent's notes, and the private facts."""

    id: str
    style: Literal["rule", "weigh"]
    question: str
    gold: str
    decoy: str
    notes: Mapping[str, str]
    private: Sequence[PrivateFact]


SCENES = (
    Scene(
        "guesthouse",
        "euros a night",
        (
            Need("must take dogs", "does not take dogs", "takes dogs in every room", "dogs"),
            Need("must have a lift", "has no lift", "has a lift to all floors", "lift"),
            Need(
                "must serve breakfast before 7",
                "serves breakfast only from 9 on",
                "serves breakfast from 6 on",
                "breakfast",
            ),
            Need("must have parking for a van", "has no parking for vans", "has wide parking for vans", "parking"),
            Need(
                "must be open in February", "is closed in all of February", "is open in all twelve months", "February"
            ),
        ),
        ("has a pretty garden", "has friendly owners", "lies close to the station", "has large towels"),
        (
            ("had a fire in its kitchen last week and has no working alarm", "fire"),
            ("was found to have bedbugs in every room", "bedbugs"),
            ("has drinking water that made guests ill", "water"),
        ),
        (
            ("was renovated completely this spring", "renovated"),
            ("passed its safety check without a fault", "safety"),
            ("has a doctor in the house", "doctor"),
        ),
    ),
    Scene(
        "delivery van",
        "euros a month",
        (
            Need("must carry 900 kg", "carries no more than 500 kg", "carries up to 1100 kg", "kg"),
            Need(
                "must be allowed into the city centre",
                "is banned from the city centre",
                "may enter the city centre",
                "centre",
            ),
            Need("must have a tow bar", "cannot be fitted with a tow bar", "comes with a tow bar", "tow"),
            Need(
                "must be delivered by May",
                "cannot be delivered before September",
                "can be delivered in March",
                "delivered",
            ),
            Need("must have a cooled cargo space", "has no cooled cargo space", "has a cooled cargo space", "cooled"),
        ),
        ("has a comfortable seat", "has a good radio", "comes in six colours", "is easy to park"),
        (
            ("has brakes that failed in two road tests", "brakes"),
            ("loses its steering in the rain", "steering"),
            ("has an engine that caught fire three times", "engine"),
        ),
        (
            ("has the best crash test of the year", "crash"),
            ("needed no repair in four years of use", "repair"),
            ("uses a third less fuel than the others", "fuel"),
        ),
    ),
    Scene(
        "database",
        "euros a year",
        (
            Need("must encrypt its backups", "cannot encrypt its backups", "encrypts all its backups", "backups"),
            Need(
                "must run without a cloud account", "needs a cloud account", "runs without any cloud account", "cloud"
            ),
            Need("must hold 40 million rows", "stops working above 5 million rows", "holds 90 million rows", "million"),
            Need("must have support on Sundays", "has no support on Sundays", "has support on Sundays", "Sundays"),
            Need("must be able to export CSV files", "cannot export CSV files", "exports CSV files", "CSV"),
        ),
        ("has a nice logo", "has a short manual", "starts quickly", "has a large forum"),
        (
            ("lost data in every power cut that was tested", "power"),
            ("lets any visitor read all tables", "visitor"),
            ("was abandoned by its makers last month", "abandoned"),
        ),
        (
            ("survived two hundred power cuts without a loss", "survived"),
            ("was audited and found secure", "audited"),
            ("will be maintained for ten more years", "maintained"),
        ),
    ),
    Scene(
        "caterer",
        "euros a guest",
        (
            Need("must cook without nuts", "uses nuts in every dish", "cooks entirely without nuts", "nuts"),
            Need("must serve 150 guests", "serves no more than 80 guests", "serves up to 250 guests", "guests"),
            Need(
                "must work on a public holiday",
                "never works on public holidays",
                "works on public holidays",
                "holidays",
            ),
            Need("must bring its own stoves", "brings no stoves", "brings its own stoves", "stoves"),
            Need("must offer vegan food", "offers no vegan food", "offers a full vegan menu", "vegan"),
        ),
        ("has pretty plates", "has polite waiters", "has a long menu", "has many photos of its food"),
        (
            ("poisoned forty guests at a wedding in June", "poisoned"),
            ("failed its hygiene check twice", "hygiene"),
            ("did not turn up at its last three feasts", "turn up"),
        ),
        (
            ("won the national hygiene award", "award"),
            ("has not missed a feast in twenty years", "missed"),
            ("grows all its vegetables itself", "vegetables"),
        ),
    ),
)

# Every arm is asked to reason, also an agent alone, which gets no word from the stack.
HOW = "Think it through step by step, briefly. Finish with one line: Answer: <letter>"

_STARTS = (
    "Bor",
    "Kel",
    "Var",
    "Mir",
    "Tos",
    "Lun",
    "Fen",
    "Gar",
    "Sol",
    "Nor",
    "Pel",
    "Dru",
    "Hal",
    "Jor",
    "Quin",
    "Zam",
)
_ENDS = ("ando", "eth", "ika", "olm", "una", "avik", "ester", "ino", "orra", "umi", "axa", "ely")


def make_cases(count: int, *, seed: int = 0) -> list[Case]:
    """*count* cases, the two styles and all scenes in turn."""
    draw = random.Random(seed)
    names = [start + end for start in _STARTS for end in _ENDS]
    draw.shuffle(names)
    cases: list[Case] = []
    for number in range(count):
        scene = SCENES[number // 2 % len(SCENES)]
        four, names = names[:4], names[4:] + names[:4]
        case = _rule(scene, four, draw) if number % 2 == 0 else _weigh(scene, four[:3], draw)
        cases.append(Case(f"case-{number:03}", *case))
    return cases


def write_notes(cases: Sequence[Case], folder: Path) -> Path:
    """A crew file whose three agents know one file for each case; returns its path."""
    for case in cases:
        for agent, text in case.notes.items():
            file = folder / agent / f"{case.id}.md"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
    tables = ['[agents.executive]\ntier = 1\nrole = "You answer questions plainly."']
    tables += [
        f'[agents.{agent}]\ntier = 2\nrole = "You are {agent.title()}. You answer questions plainly."\n'
        f'knowledge = ["{agent}/*.md"]'
        for agent in AGENTS
    ]
    crew = folder / "crew.toml"
    crew.write_text("\n\n".join(tables) + "\n", "utf-8")
    return crew


def _rule(
    scene: Scene, names: Sequence[str], draw: random.Random
) -> tuple[Literal["rule"], str, str, str, dict[str, str], list[PrivateFact]]:
    prices = sorted(draw.sample(range(40, 200, 5), 4))
    needs = draw.sample(list(scene.needs), 3)
    by_price = list(names)  # the cheapest first; the fourth is right
    agents = draw.sample(AGENTS, 3)
    private = [
        PrivateFact(agent, f"{name} {need.lacks}.", (name, need.key))
        for agent, name, need in zip(agents, by_price, needs, strict=False)
    ]
    notes = {}
    for fact in private:
        # Beside it each agent knows harmless ones, and that another cheap option meets the need: its own notes point to
        # a wrong answer, and only together do they leave the right one.
        others = [name for name in by_price if name not in fact.keys]
        harmless = [f"{name} {draw.choice(scene.praise)}." for name in draw.sample(others, 2)]
        need = next(need for need in needs if need.key == fact.keys[1])
        meets = draw.choice([name for name in by_price[:3] if name not in fact.keys])
        lines = [fact.text, f"{meets} {need.has}.", *harmless]
        draw.shuffle(lines)
        notes[fact.agent] = _note(scene, lines)
    shown = draw.sample(range(4), 4)
    labels = {by_price[at]: "ABCD"[place] for place, at in enumerate(shown)}
    listed = "\n".join(f"{'ABCD'[place]}) {by_price[at]}: {prices[at]} {scene.unit}" for place, at in enumerate(shown))
    demands = "; ".join(f"it {need.need}" for need in needs)
    question = (
        f"Which {scene.thing} is the cheapest one that meets every need? The needs: {demands}. "
        f"An option that fails a need is out.\n{listed}\n{HOW}"
    )
    return "rule", question, labels[by_price[3]], labels[by_price[0]], notes, private


def _weigh(
    scene: Scene, names: Sequence[str], draw: random.Random
) -> tuple[Literal["weigh"], str, str, str, dict[str, str], list[PrivateFact]]:
    right, decoy, third = names
    shared = [f"{decoy} {text}." for text in draw.sample(list(scene.praise), 3)] + [f"{third} is of average quality."]
    faults, merits = draw.sample(list(scene.faults), 3), draw.sample(list(scene.merits), 3)
    notes: dict[str, str] = {}
    private: list[PrivateFact] = []
    for agent, (fault, fault_key), (merit, merit_key) in zip(AGENTS, faults, merits, strict=True):
        own = [
            PrivateFact(agent, f"{decoy} {fault}.", (decoy, fault_key)),
            PrivateFact(agent, f"{right} {merit}.", (right, merit_key)),
        ]
        lines = [*shared, *(fact.text for fact in own)]
        draw.shuffle(lines)
        notes[agent] = _note(scene, lines)
        private += own
    shown = draw.sample(list(names), 3)
    labels = dict(zip(shown, "ABC", strict=True))
    listed = "\n".join(f"{label}) {name}" for name, label in labels.items())
    question = (
        f"Which {scene.thing} should be chosen, given all that is known of each? Grave faults weigh more than small "
        f"comforts.\n{listed}\n{HOW}"
    )
    return "weigh", question, labels[right], labels[decoy], notes, private


def _note(scene: Scene, lines: Sequence[str]) -> str:
    return f"# Notes on each {scene.thing}\n\n" + "\n".join(f"- {line}" for line in lines) + "\n"
