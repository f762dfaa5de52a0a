"""The register ``reviews``: reviews with a known star rating, as many positive as negative."""

from __future__ import annotations

from microworld.facts.sentences import Notes, Writer
from microworld.words.english import capital, count
from microworld.words.exercises import Exercise
from microworld.words.randomness import Rnd, between, pick, sample

STARS = (1, 1, 2, 2, 3, 4, 4, 5, 5)
SENTIMENT = {1: "negative", 2: "negative", 3: "mixed", 4: "positive", 5: "positive"}
# By type of aspect: praise and criticism that fit "the ... was ..."
GOOD = {
    "food": ("delicious", "fresh and warm", "full of flavour", "just right", "excellent"),
    "people": ("friendly", "patient", "helpful", "kind to everyone", "a delight"),
    "room": ("clean and bright", "cosy", "quiet", "beautiful", "well kept"),
    "thing": ("well made", "a pleasure", "better than expected", "first rate", "beautiful"),
    "show": (
        "a joy from start to end",
        "funny and wise",
        "moving",
        "brilliant",
        "full of surprises",
    ),
}
BAD = {
    "food": ("stale", "cold and bland", "burnt", "far too salty", "awful"),
    "people": ("rude", "in a bad mood", "slow and careless", "unfriendly", "no help at all"),
    "room": ("dirty", "damp and dark", "noisy", "freezing cold", "badly kept"),
    "thing": ("badly made", "a let-down", "worse than expected", "second rate", "ugly"),
    "show": ("dull from start to end", "far too long", "confusing", "a disappointment", "lifeless"),
}
SUBJECTS = (
    ("the inn by the bridge", "We stayed there for {nights}.",
     (("breakfast", "food"), ("soup", "food"), ("host", "people"), ("bedroom", "room"),
      ("dining hall", "room"))),
    ("the bakery in the square", "I went there {times} this week.",
     (("bread", "food"), ("plum cake", "food"), ("baker", "people"), ("shop", "room"))),
    ("the boat trip on the lake", "We took it on a Sunday.",
     (("guide", "people"), ("captain", "people"), ("cabin", "room"), ("lunch on board", "food"))),
    ("the puppet play", "I saw it with my family.",
     (("story", "show"), ("music", "show"), ("first act", "show"), ("hall", "room"),
      ("singer", "people"))),
    ("the new lantern", "I have used it for {weeks}.",
     (("handle", "thing"), ("glass", "thing"), ("shade", "thing"), ("seller", "people"))),
    ("the garden café", "I met a friend there.",
     (("tea", "food"), ("apple tart", "food"), ("waiter", "people"), ("terrace", "room"))),
    ("the wooden flute", "I bought it at the fair.",
     (("carving", "thing"), ("case", "thing"), ("mouthpiece", "thing"), ("maker", "people"))),
    ("the travelling circus", "We had seats in the {row} row.",
     (("clown", "people"), ("show", "show"), ("last act", "show"), ("tent", "room"))),
    ("the bath house", "I spent {hours} there.",
     (("pool", "room"), ("steam room", "room"), ("attendant", "people"), ("snack bar", "food"))),
    ("the mystery novel", "I read it in {days}.",
     (("plot", "show"), ("ending", "show"), ("binding", "thing"), ("opening chapter", "show"))),
)  # fmt: skip
OPEN = {
    5: ("What a treat!", "I loved it.", "This could not be better.", "Wonderful!"),
    4: ("A good choice.", "I liked it.", "Well worth a try.", "Nearly perfect."),
    3: ("It was all right.", "I am in two minds.", "Some good, some bad.", "So-so."),
    2: ("Not what I had hoped for.", "I did not like it much.", "A poor choice.", "Rather weak."),
    1: ("Never again!", "I hated it.", "This could not be worse.", "Terrible!"),
}
CLOSE = {
    5: ("I will tell all my friends.", "It made me happy.", "I recommend it warmly."),
    4: ("I would go for it again.", "I can recommend it.", "It was worth the money."),
    3: ("You may like it or not.", "I might try again.", "It depends on what you expect."),
    2: ("I would not choose it again.", "It was not worth the money.", "Look for something else."),
    1: ("I want my money back.", "Stay away from it.", "I warn everyone."),
}
N_REMARKS = {1: (0, 3), 2: (1, 2), 3: (1, 1), 4: (2, 1), 5: (3, 0)}  # praise, criticism


def body(rnd: Rnd, stars: int) -> tuple[str, str]:
    """Return the subject and the text of a review, without its rating."""
    subject, opening, aspects = pick(rnd, SUBJECTS)
    n_good, n_bad = N_REMARKS[stars]
    chosen = sample(rnd, aspects, min(n_good + n_bad, len(aspects)))
    praise = _remarks(rnd, chosen[:n_good], GOOD)
    criticism = _remarks(rnd, chosen[n_good:], BAD)
    remarks = praise + criticism
    if praise and criticism:
        more, less = (remarks[:-1], remarks[-1]) if stars > 2 else (remarks[1:], remarks[0])
        verdict = f"{capital(' and '.join(more))}, {pick(rnd, ('but', 'although'))} {less}."
    elif rnd() < 0.5:
        verdict = f"{capital(remarks[0])}, {remarks[1]}, and {remarks[2]}."
    else:
        verdict = " ".join(f"{capital(remark)}." for remark in remarks)
    filled = opening.format(
        nights=count(between(rnd, 2, 6), "night"),
        times=pick(rnd, ("twice", "three times", "four times")),
        weeks=count(between(rnd, 2, 9), "week"),
        row=pick(rnd, ("first", "second", "third", "last")),
        hours=count(between(rnd, 2, 5), "hour"),
        days=count(between(rnd, 2, 9), "day"),
    )
    parts = [pick(rnd, OPEN[stars]), filled, verdict, pick(rnd, CLOSE[stars])]
    if rnd() < 0.3:
        parts.pop(rnd() < 0.5)
    return subject, " ".join(parts)


def _remarks(
    rnd: Rnd, aspects: list[tuple[str, str]], words: dict[str, tuple[str, ...]]
) -> list[str]:
    """Return a remark about every aspect, with no wording used twice."""
    word_of: dict[str, str] = {}
    for aspect, kind in aspects:
        word_of[aspect] = pick(rnd, [word for word in words[kind] if word not in word_of.values()])
    return [f"the {aspect} was {word}" for aspect, word in word_of.items()]


def rating(rnd: Rnd, stars: int) -> str:
    return pick(
        rnd,
        (
            f"Rating: {stars} out of 5 stars",
            f"Stars: {stars}",
            f"Sentiment: {SENTIMENT[stars]}",
            f"Sentiment: {SENTIMENT[stars]}. Stars: {stars}",
        ),
    )


def write(writer: Writer, rnd: Rnd, notes: Notes) -> str:
    stars = pick(rnd, STARS)
    notes.labels |= {"stars": stars, "sentiment": SENTIMENT[stars]}
    subject, text = body(rnd, stars)
    return f"Review of {subject}\n{text}\n{rating(rnd, stars)}"


def exercise(writer: Writer, rnd: Rnd) -> Exercise:
    """Return a clearly positive or negative review; the answer is its sentiment."""
    stars = pick(rnd, (1, 2, 4, 5))
    subject, text = body(rnd, stars)
    prompt = f"Review of {subject}\n{text}\nSentiment:"
    return Exercise("sentiment", prompt, f" {SENTIMENT[stars]}", (" positive", " negative"))


def sentiment_of(text: str) -> str | None:
    """Return the sentiment of a review by its phrases; None if they balance or there are none."""
    balance = 0
    for stars, phrases in (*OPEN.items(), *CLOSE.items()):
        balance += (stars - 3) * sum(phrase in text for phrase in phrases)
    for good, bad in zip(GOOD.values(), BAD.values()):
        balance += sum(f"was {word}" in text for word in good)
        balance -= sum(f"was {word}" in text for word in bad)
    return None if balance == 0 else "positive" if balance > 0 else "negative"
