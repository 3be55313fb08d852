"""Sentences whose likeness is known: what the cosines of an encoder that nobody measured are read against.

Written for this, on other subjects than the sets that figures are measured on (tests/eval).
"""

from dataclasses import dataclass

# One subject a line: a question | what bears on it | the same in other words | something else that bears on it.
_SUBJECTS = """
How do I keep cut flowers fresh? | Cut the stems at an angle and change the water every second day. | Fresh water every two days and a slanted cut keep the stems drinking. | A cool spot away from ripening fruit makes a bouquet last longer.
Which wine goes with grilled fish? | A dry white with some acidity suits most grilled fish. | With fish from the grill, choose a crisp white wine. | Oily fish such as mackerel can bear a light red.
Why does my bicycle chain skip? | A worn chain no longer sits in the teeth of the sprockets. | Teeth and links stop meshing once the chain has stretched. | A bent derailleur hanger shifts the chain sideways under load.
What am I allergic to? | The user is allergic to hazelnuts and carries an injector. | Hazelnuts are dangerous for this person, who has an emergency pen. | Antihistamines make the user sleepy in the afternoon.
How long may leftovers stay in the fridge? | Cooked food keeps for three to four days at four degrees. | Eat what was cooked within four days if it was chilled to four degrees. | Let steam escape before the box is closed, or it spoils sooner.
How do I back up my photos? | Keep three copies on two kinds of storage, one of them in another place. | Two different media and an off-site copy make three copies in all. | Restoring a folder once a year shows whether the backup works.
Why is my database query slow? | Without an index on the filtered column every row is read. | The whole table is scanned because that column has no index. | Old statistics make the planner choose a bad join order.
When does my train leave? | The train to Lyon leaves at 7:42 from platform nine. | At 7:42 the Lyon service departs, on track nine. | Seats in the second carriage are reserved for the team.
How do I train for a marathon? | Increase the weekly distance by no more than a tenth. | Add at most ten percent to the kilometres of each week. | The longest run comes three weeks before the race.
How do bees find their way? | Bees steer by the sun and by the polarised light of the sky. | The position of the sun and polarised skylight guide a bee. | A waggle dance tells the hive direction and distance of flowers.
How does a heat pump work? | A refrigerant takes up warmth outside and gives it off inside when it is compressed. | Compression lets the fluid release indoors the heat that it collected outdoors. | Its efficiency falls as the outdoor air gets colder.
What caused the French Revolution? | Bread became dear after bad harvests while the state was bankrupt. | The treasury was empty, and failed crops had driven up the price of bread. | The third estate paid most taxes and had the least say.
How do I write a good covering letter? | Name the post, and show with one example that you can do it. | Say which job you mean and prove your skill with a single story. | One page is enough, and the company's name must be right.
How do I stop my dog from barking? | Reward the dog for being quiet rather than scolding the noise. | Praise silence instead of shouting at the barking. | More exercise in the morning takes away much of the restlessness.
What is the office's policy on travel? | Trips of less than four hours are made by rail. | The firm wants staff to take the train when a journey is shorter than four hours. | Receipts are handed in within ten days.
How do glaciers move? | Ice flows under its own weight and slides over a film of meltwater. | A glacier creeps because it is heavy and because water greases its bed. | Crevasses open where the surface is stretched.
How do I remove a red wine stain? | Blot it, cover it with salt, and rinse with cold water. | Dab the stain, let salt soak it up, then wash it out cold. | Hot water sets the colour into the fibres.
Which key do I use for the deploy server? | Deployments use the key in the vault under staging, never a personal one. | Take the staging key out of the vault for releases and not your own. | The server restarts its workers at three in the morning.
How do I choose a pair of skis? | Beginners do well with skis that reach up to the chin. | A ski about as tall as your chin is easiest to learn on. | Wide skis float better in deep snow.
How does a violin make sound? | The bow sets the string vibrating and the bridge carries that to the body. | Vibrations of the bowed string reach the wooden box through the bridge. | Rosin gives the hair its grip.
How do I repot an orchid? | Use loose bark and cut away roots that are soft or brown. | Trim rotten roots and plant it in coarse bark. | Wait until it has finished flowering.
Should we use threads or processes? | Threads share memory, so every change to shared data needs a lock. | As memory is common to all threads, writes must be guarded. | A process that crashes does not take the others with it.
How do I sleep better? | Go to bed at the same time each day and keep the bedroom dark. | A fixed bedtime and a room without light improve sleep. | Coffee in the afternoon still acts at midnight.
What does the contract say about notice? | Either side may end it with three months' notice to the end of a quarter. | Termination takes effect at a quarter's end, three months after it was announced. | Overtime is paid from the tenth hour a month on.
"""  # noqa: E501 - a subject is a line


@dataclass(frozen=True, slots=True)
class Pairs:
    """All sentences, and pairs of their places: of one point, of one subject, and of no common subject."""

    texts: tuple[str, ...]
    same: tuple[tuple[int, int], ...]
    related: tuple[tuple[int, int], ...]
    unrelated: tuple[tuple[int, int], ...]


def known_pairs() -> Pairs:
    """The pairs: for each subject one of the same point, two related ones and three with other subjects."""
    rows = [[part.strip() for part in line.split("|")] for line in _SUBJECTS.strip().splitlines()]
    texts = tuple(text for row in rows for text in row)
    count, width = len(rows), len(rows[0])
    starts = [width * at for at in range(count)]
    asked, said, again, more = range(width)
    return Pairs(
        texts,
        same=tuple((at + said, at + again) for at in starts),
        related=tuple(pair for at in starts for pair in ((at + asked, at + said), (at + said, at + more))),
        unrelated=tuple(
            (starts[at] + one, starts[(at + step) % count] + other)
            for at in range(count)
            for one, other, step in ((asked, said, 1), (said, more, 5), (said, again, 11))
        ),
    )
