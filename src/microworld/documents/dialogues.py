"""The register ``dialogues``: two people talk about facts of the world or everyday matters."""

from __future__ import annotations

from microworld.facts.sentences import Notes, Writer, given_names
from microworld.words.english import capital, in_words, plural
from microworld.words.randomness import Rnd, between, pick

ASKING = (
    "{}",
    "Tell me, {}",
    "May I ask you something? {}",
    "I have a question. {}",
    "One thing: {}",
)
KNOWING = ("{}", "That is easy. {}", "Let me think. {}", "Of course. {}", "I can tell you that. {}")
CLOSINGS = (
    ("Thank you, I did not know that.", "You are welcome."),
    ("Oh, I had forgotten.", "It happens to all of us."),
    ("Good to know.", "I read it in the almanac."),
    ("How do you remember all that?", "I read the almanac every evening."),
    ("Thank you!", "Not at all."),
    ("Then I was right.", "You often are."),
)
HEARSAY = (
    "I have read something. {}",
    "Did you know? {}",
    "Listen to this. {}",
    "I heard it today. {}",
)
AGREEING = ("Yes, that is right.", "Yes, I knew that.", "Really? How nice.", "So I have heard.")
GREETINGS = (
    ("Good morning, {b}! How are you?", "Very well, thank you, {a}."),
    ("Hello, {b}.", "Hello, {a}! What brings you here?"),
    ("Good evening, {b}.", "Good evening, {a}. Come in!"),
    ("There you are, {b}!", "Hello, {a}. I am a little late."),
)
WARES = (
    ("plum", 1), ("pear", 1), ("bun", 2), ("candle", 3), ("loaf", 4), ("ribbon", 2), ("button", 1),
    ("jug", 6), ("lamp", 9), ("basket", 5), ("hat", 8), ("scarf", 7), ("rope", 4), ("book", 9),
)  # fmt: skip
LOST_THINGS = ("hat", "key", "umbrella", "book", "scarf", "lantern", "letter", "basket", "map")
SPOTS = (
    "under the table", "behind the door", "on the shelf", "in the garden", "next to the stove",
    "on the window sill", "in the blue box", "under your chair",
)  # fmt: skip
WEATHERS = (
    ("It looks like rain.", "Then I will take an umbrella."),
    ("How cold it is today!", "Yes, I should have put on a scarf."),
    ("What a lovely day!", "Shall we walk by the river?"),
    ("It is very windy.", "Good weather for kites!"),
    ("I think it will snow.", "Then let us stay inside and bake."),
    ("The sun is out again.", "At last! I will open the windows."),
)
PLANS = (
    (
        "What are you doing on {day}?",
        "I am going to {what}.",
        "May I come, too?",
        "I would like that.",
    ),
    ("Shall we meet on {day}?", "On {day} I have to {what}.", "Another day, then.", "Yes, gladly."),
    ("Are you free on {day}?", "Yes. Let us {what}.", "A good idea!", "Then until {day}."),
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DOINGS = (
    "paint the fence", "bake a cake", "visit the market", "mend the roof", "play cards",
    "go fishing", "write some letters", "plant beans", "listen to music", "clean the attic",
    "row on the lake", "look at the stars",
)  # fmt: skip
SAYS = (("asked", "said"), ("asked", "answered"), ("wanted to know", "said"))


def about_facts(writer: Writer, rnd: Rnd, notes: Notes, a: str, b: str) -> list[str]:
    """Questions about one entity, with answers."""
    turns: list[str] = []
    while not turns:
        kind = writer.kind(rnd)
        i = writer.entity(rnd, kind)
        for table in writer.plan(rnd, kind, i, between(rnd, 1, 3)):
            question = writer.ask(rnd, table, i)
            again = rnd() < 0.6
            turns.append(pick(rnd, ASKING).format(question) if not turns else question)
            turns.append(pick(rnd, KNOWING).format(writer.say(rnd, table, i, notes, again)))
    return [*(_lowercase_question(turn) for turn in turns), *_closing(rnd)]


def _lowercase_question(turn: str) -> str:
    """Lowercase the question after an opening: "Tell me, Where" becomes "Tell me, where"."""
    for opening in ("Tell me, ", "One thing: "):
        if turn.startswith(opening):
            rest = turn.removeprefix(opening)
            return opening + rest[0].lower() + rest[1:]
    return turn


def _closing(rnd: Rnd) -> tuple[str, ...]:
    return pick(rnd, CLOSINGS)[: between(rnd, 0, 2)]


def hearsay(writer: Writer, rnd: Rnd, notes: Notes, a: str, b: str) -> list[str]:
    """One person states a fact, the other agrees and adds another."""
    while True:
        kind = writer.kind(rnd)
        i = writer.entity(rnd, kind)
        if len(plan := writer.plan(rnd, kind, i, 2)) == 2:
            break
    first = pick(rnd, HEARSAY).format(writer.say(rnd, plan[0], i, notes))
    second = f"{pick(rnd, AGREEING)} {writer.say(rnd, plan[1], i, notes, again=True)}"
    return [first, second, *_closing(rnd)]


def shopping(writer: Writer, rnd: Rnd, notes: Notes, a: str, b: str) -> list[str]:
    ware, price = pick(rnd, WARES)
    n = between(rnd, 2, 9)
    total = n * price
    coins = "one coin" if price == 1 else f"{in_words(price)} coins"
    is_singular = rnd() < 0.5
    turns = [
        f"How much is one {ware}?" if is_singular else f"How much are the {plural(ware)}?",
        f"{capital(coins)}." if is_singular else f"{capital(coins)} each.",
        f"Then I will take {in_words(n)}.",
        f"That makes {in_words(total)} coins.",
    ]
    change = between(rnd, 0, 9)
    if change:
        turns.append(f"Here are {in_words(total + change)}.")
        turns.append(f"And {in_words(change)} back. Thank you!")
    else:
        turns += ["Here you are.", "Thank you!"]
    return turns


def losing(writer: Writer, rnd: Rnd, notes: Notes, a: str, b: str) -> list[str]:
    thing, spot = pick(rnd, LOST_THINGS), pick(rnd, SPOTS)
    is_question = rnd() < 0.5
    return [
        f"Have you seen my {thing}?" if is_question else f"I cannot find my {thing}.",
        pick(rnd, (f"{'Yes, it' if is_question else 'It'} is {spot}.", f"Is it not {spot}?")),
        pick(rnd, (f"You are right, {spot}! Thank you.", f"Oh yes, here it is, {spot}.")),
    ]


def planning(writer: Writer, rnd: Rnd, notes: Notes, a: str, b: str) -> list[str]:
    day, what = pick(rnd, DAYS), pick(rnd, DOINGS)
    return [turn.format(day=day, what=what) for turn in pick(rnd, PLANS)]


def weather(writer: Writer, rnd: Rnd, notes: Notes, a: str, b: str) -> list[str]:
    return list(pick(rnd, WEATHERS))


SCENES = (about_facts, about_facts, about_facts, hearsay, shopping, losing, planning)


def in_prose(rnd: Rnd, turns: list[str], names: list[str]) -> str:
    """Return the dialogue as prose, with quotation marks."""
    ask, say = pick(rnd, SAYS)
    parts = []
    for i, turn in enumerate(turns):
        name = names[i % 2]
        verb = ask if turn.endswith("?") else say if i % 2 else "said"
        if turn.endswith("."):
            turn = turn[:-1] + ","
        order = f"{verb} {name}" if verb in ("said", "asked", "answered") else f"{name} {verb}"
        parts.append(f'"{turn}" {order}.' if i < 2 or rnd() < 0.4 else f'"{turns[i]}"')
    return "\n".join(parts)


def write(writer: Writer, rnd: Rnd, notes: Notes) -> str:
    (a, _), (b, _) = given_names(rnd, 2)
    turns = []
    if rnd() < 0.35:
        turns += [turn.format(a=a, b=b) for turn in pick(rnd, GREETINGS)]
        if rnd() < 0.3:
            turns += weather(writer, rnd, notes, a, b)
    turns += pick(rnd, SCENES)(writer, rnd, notes, a, b)
    if rnd() < 0.25 and not any('"' in turn for turn in turns):
        return in_prose(rnd, turns, [a, b])
    return "\n".join(f"{(a, b)[i % 2]}: {turn}" for i, turn in enumerate(turns))
