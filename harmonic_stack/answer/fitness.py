"""Whether a model may settle ties: it must tell a right answer from a wrong one on questions whose answers are known.

A model that cannot do so here says yes to everything, or to whatever it likes the sound of, and its word on a tie would
be a coin that overrules draft 0. Telling these apart is the least; it does not promise a gain on harder ties.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harmonic_stack.prompts import judge
from harmonic_stack.query import Message


@dataclass(frozen=True, slots=True)
class Pair:
    """A question, a right and a wrong answer, and the one sentence that states either."""

    question: str
    states: str  # with {} for the answer: both solutions are the same but for it
    right: str
    wrong: str

    def asked(self, answer: str) -> list[Message]:
        """What a judge is asked of *answer*, in the words in which ties are judged.

        The fence is the question's own, not random as in a query: a second measurement reads the same words.
        """
        solution = f"{self.states.format(answer)}\n\nAnswer: {answer}"
        fence = hashlib.sha256(self.question.encode()).hexdigest()[:16]
        return judge([Message("user", self.question)], solution, answer, fence=fence)


# A third each of arithmetic, calendar and common knowledge. Of the numbers that are wrong half are too high and half
# too low, so that a liking for either gains nothing.
PAIRS: Sequence[Pair] = (
    Pair("What is 7 + 5?", "7 + 5 makes {}.", "12", "11"),
    Pair("How many days are in a week?", "A week has {} days.", "7", "8"),
    Pair("What is the capital of Italy?", "The capital of Italy is {}.", "Rome", "Milan"),
    Pair("What is 9 times 6?", "9 times 6 is {}.", "54", "45"),
    Pair("Which day comes after Tuesday?", "The day after Tuesday is {}.", "Wednesday", "Monday"),
    Pair("How many legs has a spider?", "A spider has {} legs.", "8", "6"),
    Pair("A shelf holds 4 rows of 8 jars. How many jars is that?", "4 rows of 8 jars are {} jars.", "32", "36"),
    Pair("How many months has a year?", "A year has {} months.", "12", "10"),
    Pair("What does water turn into when it freezes?", "Frozen water is {}.", "ice", "steam"),
    Pair("What is half of 90?", "Half of 90 is {}.", "45", "40"),
    Pair("Which month comes before May?", "The month before May is {}.", "April", "June"),
    Pair("Which planet do people live on?", "People live on {}.", "Earth", "Mars"),
    Pair("Ben had 20 coins and gave 6 away. How many has he left?", "20 less 6 leaves him {} coins.", "14", "16"),
    Pair("How many hours are in two days?", "Two days have {} hours.", "48", "24"),
    Pair("What colour do blue and yellow paint make when mixed?", "Blue and yellow make {}.", "green", "red"),
    Pair("What is 100 - 37?", "100 - 37 is {}.", "63", "73"),
    Pair("How many minutes are in half an hour?", "Half an hour has {} minutes.", "30", "50"),
    Pair("Which of a dog and a cat barks?", "It is the {} that barks.", "dog", "cat"),
    Pair("Which number is larger, 0.8 or 0.35?", "The larger number is {}.", "0.8", "0.35"),
    Pair("In which season does January fall in Canada?", "In Canada January falls in {}.", "winter", "summer"),
    Pair("Who wrote Romeo and Juliet?", "Romeo and Juliet was written by {}.", "Shakespeare", "Dickens"),
    Pair("How much is 10 percent of 250?", "10 percent of 250 is {}.", "25", "50"),
    Pair("How many days has April?", "April has {} days.", "30", "31"),
    Pair("How many sides has a triangle?", "A triangle has {} sides.", "3", "4"),
    Pair("What is 6 + 9?", "6 + 9 makes {}.", "15", "17"),
    Pair("Which day comes before Sunday?", "The day before Sunday is {}.", "Saturday", "Monday"),
    Pair("Which gas do people need to breathe?", "To live, people breathe in {}.", "oxygen", "helium"),
    Pair("What is 8 times 7?", "8 times 7 is {}.", "56", "63"),
    Pair("How many hours has a day?", "A day has {} hours.", "24", "20"),
    Pair("What is the capital of Japan?", "The capital of Japan is {}.", "Tokyo", "Beijing"),
    Pair("What is 81 divided by 9?", "81 divided by 9 is {}.", "9", "8"),
    Pair("Which is the last month of the year?", "The year ends with {}.", "December", "November"),
    Pair("Which is heavier, an elephant or a mouse?", "The heavier one is the {}.", "elephant", "mouse"),
    Pair("A train leaves at 3 pm and rides 2 hours. When is it there?", "It is there at {}.", "5 pm", "6 pm"),
    Pair("How many seconds has a minute?", "A minute has {} seconds.", "60", "100"),
    Pair("Which ocean lies between Europe and America?", "It is the {} Ocean.", "Atlantic", "Indian"),
    Pair("One pen costs 3 euros. What do 5 pens cost?", "5 pens cost {} euros.", "15", "8"),
    Pair("How many weeks are in 21 days?", "21 days are {} weeks.", "3", "2"),
    Pair("Which part of the body pumps blood?", "Blood is pumped by the {}.", "heart", "liver"),
    Pair("What is 50 - 18?", "50 - 18 is {}.", "32", "28"),
    Pair("Today is Friday. What day is it in two days?", "In two days it is {}.", "Sunday", "Wednesday"),
    Pair("In which direction does the sun rise?", "The sun rises in the {}.", "east", "west"),
    Pair("What is three quarters of 40?", "Three quarters of 40 are {}.", "30", "35"),
    Pair("How many years are in a century?", "A century has {} years.", "100", "10"),
    Pair("Which insect makes honey?", "Honey is made by the {}.", "bee", "ant"),
    Pair("Which number is even, 13 or 16?", "The even number is {}.", "16", "13"),
    Pair("Which month follows August?", "After August comes {}.", "September", "July"),
    Pair("What language is spoken in Brazil?", "Most people in Brazil speak {}.", "Portuguese", "German"),
)
# Of 48 fair coins 32 or more show heads with p = (sum of C(48, k) for k = 32 to 48) / 2^48 = 0.015; 31 or more with
# 0.030. A model that is right in 70 % of such pairs passes with 0.75, one in 80 % with 0.99; with 24 pairs and the 18
# that they would need these were 0.39 and 0.81.
NEEDED = 32


@dataclass(frozen=True, slots=True)
class Fitness:
    """How far a model was measured: of ``asked`` pairs it found the right answer likelier in ``right``.

    ``reason`` says what is in the way where it goes on no further.
    """

    right: int = 0
    asked: int = 0
    reason: str = ""

    @property
    def fit(self) -> bool | None:
        """Whether the model may settle ties; None while not all pairs were asked."""
        return None if self.asked < len(PAIRS) else self.right >= NEEDED

    def after(self, right: float | None, wrong: float | None) -> "Fitness":
        """The same with one more pair: how likely yes is of the right and of the wrong answer, None where not told."""
        better = right is not None and wrong is not None and right > wrong
        return replace(self, right=self.right + better, asked=self.asked + 1, reason="")

    def words(self) -> str:
        """How it stands, in a few words."""
        if self.reason:
            return self.reason
        if self.fit is None:
            return f"the judge is not measured yet, {self.asked} of {len(PAIRS)} pairs asked"
        return f"the judge is {'fit' if self.fit else 'unfit'}: {self.right} of {self.asked} pairs, {NEEDED} needed"


def exam_digest() -> str:
    """Which pairs in which words: a measurement with others says nothing of these."""
    words = (message.content for pair in PAIRS for answer in (pair.right, pair.wrong) for message in pair.asked(answer))
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]
