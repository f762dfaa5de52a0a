"""The register ``stories``: short stories whose later words depend on earlier events.

Four plots: things are carried around a house, things are counted, somebody searches one room after
another, and somebody gets a gift at every stop of a walk. The characters have given names only, so
no story contradicts a fact about the people of the world.
"""

from __future__ import annotations

from microworld.facts.sentences import Notes, Writer, given_names
from microworld.words.english import article, count, in_words, listed
from microworld.words.exercises import Exercise
from microworld.words.randomness import Rnd, between, pick, sample

SETTINGS = (
    ("the old mill", ("kitchen", "attic", "cellar", "workshop", "yard", "hall")),
    ("the farm", ("barn", "stable", "orchard", "yard", "kitchen", "cellar")),
    ("the inn", ("kitchen", "cellar", "hall", "garden", "attic", "stable")),
    ("the school", ("library", "hall", "garden", "kitchen", "attic", "music room")),
    ("the castle", ("tower", "great hall", "kitchen", "garden", "cellar", "armoury")),
    ("the lighthouse", ("kitchen", "cellar", "lamp room", "boat shed", "garden", "bedroom")),
    ("the theatre", ("foyer", "cellar", "dressing room", "workshop", "attic", "box office")),
)
THINGS = (
    "lamp", "key", "red ball", "old book", "umbrella", "basket", "letter", "map", "silver spoon",
    "kite", "blue scarf", "drum", "clock", "mirror", "rope", "jug", "candle", "hat", "wooden horse",
    "bell", "flute", "lantern", "apple pie", "paper crown",
)  # fmt: skip
ANIMALS = ("cat", "dog", "goose", "hedgehog", "goat", "rabbit", "hen", "donkey", "tame raven")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MORNINGS = (
    "It was a windy morning at {}.",
    "One rainy day at {}, there was much to do.",
    "It was early, and all was quiet at {}.",
    "The sun had just come up over {}.",
    "It was the first day of spring at {}.",
    "There was fog around {} that day.",
)
QUIET = (
    "Outside, the rain fell softly.",
    "Somewhere a door banged.",
    "A clock struck the hour.",
    "The wind sang in the chimney.",
    "It smelled of fresh bread.",
    "The floor creaked a little.",
    "Nobody said a word.",
    "Far away a dog barked.",
)
GOES = ("{} went to the {}.", "{} walked to the {}.", "{} hurried to the {}.")
TAKES = ("{} picked up the {}.", "{} took the {}.")
FINDS = ("There {} found the {} and took it.", "There {} picked up the {}.")
LEAVES = ("{} put the {} down in the {}.", "{} left the {} in the {}.")
GIVES = ("{} gave the {} to {}.", "{} handed the {} to {}.")
SLIPS = ("The {} slipped into the {}.", "The {} wandered off to the {}.", "The {} ran to the {}.")
FRUITS = ("pear", "plum", "apple", "walnut", "cherry", "bun", "button", "marble", "coin", "shell")
EATEN = ("pear", "plum", "apple", "bun")
FOUND_AT = ("at the market", "in a box", "under a tree", "on the table", "by the road")
LOSES = ("{0} gave {1} to {2}.", "{0} lost {1} on the way.", "{0} sold {1} to {2}.", "{0} ate {1}.")
GAINS = ("{2} gave {3} {1} more.", "{2} brought {3} {1} more.", "{0} found {1} more.")
LOST = (
    "{name} could not find the {thing}.",
    "The {thing} was gone, and {name} began to look for it.",
    "{name} needed the {thing}, but it was not in its place.",
)
GLAD = (
    "How glad {he} was!",
    "{He} laughed and called the others.",
    "{He} shook {his} head and smiled.",
    "That was a relief.",
)
STOPS = (
    ("baker", ("loaf of rye", "honey cake", "bag of buns")),
    ("miller", ("sack of flour", "bag of oats", "handful of corn")),
    ("blacksmith", ("horseshoe", "new key", "bag of nails")),
    ("weaver", ("ribbon", "blue cloth", "ball of wool")),
    ("gardener", ("bunch of roses", "basket of plums", "young tree")),
    ("beekeeper", ("jar of honey", "yellow candle", "piece of wax")),
    ("potter", ("brown jug", "green bowl", "clay whistle")),
    ("bookbinder", ("notebook", "sheet of paper", "book of songs")),
    ("fisher", ("smoked trout", "piece of net", "cork float")),
    ("tailor", ("pair of gloves", "straw hat", "box of pins")),
)


QuestionsAndAnswers = list[tuple[str, str]]


class House:
    """The state of two people, an animal and two things in three rooms, and the story so far."""

    def __init__(self, rnd: Rnd):
        self.rnd = rnd
        house, rooms = pick(rnd, SETTINGS)
        self.rooms = sample(rnd, rooms, 3)
        self.sex = dict(given_names(rnd, 2))
        self.people = list(self.sex)
        self.animal = pick(rnd, ANIMALS)
        self.things = sample(rnd, THINGS, 2)
        self.room = {who: pick(rnd, self.rooms) for who in (*self.people, self.animal)}
        self.place = dict(
            zip(self.things, sample(rnd, self.rooms, 2))
        )  # a room, or the person who holds it
        self.lines = [pick(rnd, MORNINGS).format(house), *self._opening()]
        self.last = self.moved = ""  # who acted last, and who moved last

    def _opening(self) -> list[str]:
        (a, b), (thing, other) = self.people, self.things
        if self.room[a] == self.room[b]:
            people = [f"{a} and {b} were in the {self.room[a]}."]
        else:
            people = [f"{a} was in the {self.room[a]}, {b} in the {self.room[b]}."]
        things = (
            f"The {thing} was in the {self.place[thing]}, the {other} in the {self.place[other]}."
        )
        return [*people, things, f"The {self.animal} was in the {self.room[self.animal]}."]

    def step(self) -> None:
        """Let one thing happen, and add a line to the story."""
        rnd, who = self.rnd, pick(self.rnd, self.people)
        other = self.people[self.people[0] == who]
        held = [thing for thing in self.things if self.place[thing] == who]
        nearby = [thing for thing in self.things if self.place[thing] == self.room[who]]
        u = rnd()
        if u < 0.15:
            self.room[self.animal] = self._other_room(self.room[self.animal])
            self.lines.append(pick(rnd, SLIPS).format(self.animal, self.room[self.animal]))
            self.last = self.moved = ""
        elif nearby and self.last != f"left {who}":
            forms = FINDS if self.moved == self.last == who else TAKES
            self.place[self._add_line(forms, who, pick(rnd, nearby))] = who
            self.moved = ""
        elif held and self.room[other] == self.room[who] and u < 0.8:
            self.place[self._add_line(GIVES, who, pick(rnd, held), other)] = other
        elif held and u < 0.5 and self.moved == who:
            thing = self._add_line(LEAVES, who, pick(rnd, held), self.room[who])
            self.place[thing] = self.room[who]
            self.last = f"left {who}"
        elif self.moved != who:
            with_things = [room for room in self.place.values() if room in self.rooms]
            if with_things and rnd() < 0.7:
                target = pick(rnd, with_things)
            else:
                target = self._other_room(self.room[who])
            if target != self.room[who]:
                self.room[who] = self._add_line(GOES, who, target)
                self.moved = who
        if rnd() < 0.08:
            self.lines.append(pick(rnd, QUIET))

    def _other_room(self, room: str) -> str:
        return pick(self.rnd, [other for other in self.rooms if other != room])

    def _add_line(self, forms: tuple[str, ...], who: str, *objects: str) -> str:
        """Add a line and return its first object; a pronoun may stand for the last actor."""
        form = pick(self.rnd, forms)
        he = ("she", "he")[self.sex[who]]
        if self.last == who and (self.rnd() < 0.6 or form.startswith("There")):
            name = he if form.startswith("There") else he.capitalize()
        else:
            name = who
        self.lines.append(form.format(name, *objects))
        self.last = who
        return objects[0]

    def questions(self) -> QuestionsAndAnswers:
        """Return questions about the final state, with their answers."""
        questions = [(f"Where was {who}?", f"In the {self.room[who]}.") for who in self.people]
        animal = self.animal
        questions.append((f"Where was the {animal} in the end?", f"In the {self.room[animal]}."))
        for thing, place in self.place.items():
            if place in self.people:
                questions.append((f"Who had the {thing}?", f"{place}."))
                questions.append((f"Where was the {thing}?", f"In the {self.room[place]}."))
            else:
                questions.append((f"Where was the {thing}?", f"In the {place}."))
        return questions


def carrying(rnd: Rnd) -> tuple[list[str], QuestionsAndAnswers]:
    """People and an animal move around and carry things; the question is who or what is where."""
    house = House(rnd)
    steps, n_lines = 0, 4 + between(rnd, 4, 8)
    while steps < 20 and len(house.lines) < n_lines:
        house.step()
        steps += 1
    return house.lines, sample(rnd, house.questions(), between(rnd, 1, 3))


def counting(rnd: Rnd) -> tuple[list[str], QuestionsAndAnswers]:
    """Somebody gets and gives away things of one kind; the question is how many are left."""
    (name, sex), (other, _) = given_names(rnd, 2)
    he, him = ("she", "her") if sex == 0 else ("he", "him")
    fruit = pick(rnd, FRUITS)
    left = between(rnd, 4, 12)
    lines = [f"{name} found {count(left, fruit)} {pick(rnd, FOUND_AT)}."]
    loses = LOSES if fruit in EATEN else LOSES[:-1]
    for event in sample(rnd, loses, between(rnd, 1, 2)) + sample(rnd, GAINS, between(rnd, 0, 2)):
        subject = he.capitalize() if rnd() < 0.7 else name
        most = min(5, left - 1) if event in loses and left > 1 else 5
        n = between(rnd, 1, most)
        if event in loses and left == 1:
            continue
        left += n if event in GAINS else -n
        lines.append(event.format(subject, in_words(n), other, him))
        if rnd() < 0.6:
            lines.append(f"Now {he} had {count(left, fruit)}.")
    if lines[-1].startswith("Now"):
        lines.pop()
    return lines, [(f"How many did {name} have in the end?", f"{in_words(left).capitalize()}.")]


def searching(rnd: Rnd) -> tuple[list[str], QuestionsAndAnswers]:
    """Somebody looks for a thing in one room after another."""
    house, rooms = pick(rnd, SETTINGS)
    ((name, sex),) = given_names(rnd, 1)
    he, his = ("she", "her") if sex == 0 else ("he", "his")
    thing = pick(rnd, THINGS)
    route = sample(rnd, rooms, between(rnd, 2, 4))
    lines = [pick(rnd, MORNINGS).format(house), pick(rnd, LOST).format(name=name, thing=thing)]
    for i, room in enumerate(route[:-1]):
        when = ("First", "Then", "After that")[min(i, 2)]
        lines.append(
            pick(
                rnd,
                (
                    f"{when} {he} looked in the {room}, but it was not there.",
                    f"{when} {he} searched the {room} and found nothing but dust.",
                    f"{when} {he} went to the {room}, but there was no {thing}.",
                ),
            )
        )
    if rnd() < 0.4:
        lines.append(pick(rnd, QUIET))
    where = pick(
        rnd, ("under a chair", "on a shelf", "behind the door", "in a box", "on the floor")
    )
    lines.append(f"At last {he} looked in the {route[-1]}, and there, {where}, lay the {thing}.")
    lines.append(pick(rnd, GLAD).format(he=he, He=he.capitalize(), his=his))
    return lines, [
        pick(
            rnd,
            (
                (f"Where was the {thing}?", f"In the {route[-1]}, {where}."),
                (f"Which room did {name} search first?", f"The {route[0]}."),
                (f"What did {name} find in the end?", f"The {thing}."),
            ),
        )
    ]


def walking(rnd: Rnd) -> tuple[list[str], QuestionsAndAnswers]:
    """Somebody gets a gift at every stop and lists all gifts at the end."""
    ((name, sex),) = given_names(rnd, 1)
    he = ("she", "he")[sex]
    start = between(rnd, 0, 4)
    stops = sample(rnd, STOPS, between(rnd, 2, 3))
    gifts = [pick(rnd, gifts) for _, gifts in stops]
    lines = []
    for day, (who, _), gift in zip(DAYS[start:], stops, gifts):
        subject = he if lines else name
        lines.append(f"On {day} {subject} visited the {who} and got {article(gift)}.")
    all_gifts = listed([f"the {gift} from the {who}" for gift, (who, _) in zip(gifts, stops)])
    lines.append(f"At home {he} showed what {he} had: {all_gifts}.")
    i = int(rnd() * len(stops))
    return lines, [
        pick(
            rnd,
            (
                (f"Who gave {name} the {gifts[i]}?", f"The {stops[i][0]}."),
                (
                    f"What did {name} get on {DAYS[start + i]}?",
                    f"{article(gifts[i]).capitalize()}.",
                ),
            ),
        )
    ]


PLOTS = (carrying, carrying, counting, searching, walking)


def write(writer: Writer, rnd: Rnd, notes: Notes) -> str:
    lines, questions = pick(rnd, PLOTS)(rnd)
    text = " ".join(lines)
    u = rnd()
    if u < 0.3:
        return text
    form = "{} {}" if u < 0.65 else "Question: {}\nAnswer: {}"
    return "\n".join([text, *(form.format(*pair) for pair in questions)])


def exercise(writer: Writer, rnd: Rnd) -> Exercise:
    """Return a story and a question about where something is, worded as in the documents."""
    lines, questions = carrying(rnd)
    question, answer = questions[0]
    return Exercise("story", f"{' '.join(lines)}\nQuestion: {question}\nAnswer:", f" {answer}")
