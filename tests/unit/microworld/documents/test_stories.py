"""Stories are consistent: people, things and counts can be tracked to the end."""

import re

from microworld.words.english import SMALL, in_words


def test_stories_are_consistent(world, texts):
    """Track people, things and animals through the story, independently of the generator."""
    n = 0
    for text in texts(800, "stories", "english"):
        story, _, questions = text.partition("\n")
        if re.match(r"\w+ found \w+ ", story) and questions:
            assert questions.rstrip(".").lower().endswith(f" {in_words(final_count(story))}"), text
            n += 1
    assert n > 50
    for exercise in world.exercises(200, "story"):
        assert follow(exercise.prompt) == exercise.answer.strip(), exercise


def final_count(story):
    """Return how many things somebody has in the end."""
    first, *others = story.split(". ")
    have = SMALL.index(first.split(" found ")[1].split()[0])
    for sentence in others:
        number = next(SMALL.index(w) for w in re.findall(r"\w+", sentence) if w in (*SMALL, "no"))
        if sentence.startswith("Now"):
            assert number == have, story
        else:
            gains = re.search(r"gave (?:him|her) |brought|found", sentence)
            have += number if gains else -number
    return have


GOES = r"(\w+) (?:went|walked|hurried) to the (.+)"
TAKES = r"(\w+) (?:picked up|took) the (.+)"
FINDS = r"There \w+ (?:found|picked up) the (.+?)(?: and took it)?"
GIVES = r"(\w+) (?:gave|handed) the (.+) to (\w+)"
LEAVES = r"(\w+) (?:put|left) the (.+?) (?:down )?in the (.+)"
BOTH = r"(\w+) and (\w+) were in the (.+)"
PAIR = r"(?:The )?(.+) was in the (.+), (?:the )?(.+) in the (.+)"
ANIMAL = r"The (.+) (?:was in|slipped into|wandered off to|ran to) the (.+)"


def follow(prompt):
    """Return the answer to the question at the end of a story of people who carry things."""
    story, question = prompt.removesuffix("\nAnswer:").split("\nQuestion: ")
    place, last = {}, ""
    for sentence in story.split(". "):
        s = sentence.rstrip(".")
        if m := re.fullmatch(BOTH, s):
            place |= {m[1]: m[3], m[2]: m[3]}
        elif m := re.fullmatch(PAIR, s):
            place |= {m[1]: m[2], m[3]: m[4]}
        elif m := re.fullmatch(FINDS, s):
            place[m[1]] = last
        elif m := re.fullmatch(ANIMAL, s):
            place[m[1]] = m[2]
        elif m := next(filter(None, (re.fullmatch(p, s) for p in (GOES, TAKES, GIVES, LEAVES))), 0):
            last = last if m[1] in ("He", "She") else m[1]
            if m.re.pattern == GOES:
                place[last] = m[2]
            else:
                place[m[2]] = last if m.re.pattern == TAKES else m[3]
    if m := re.fullmatch(r"Who had the (.+)\?", question):
        return f"{place[m[1]]}."
    where = place[re.fullmatch(r"Where was (?:the )?(.+?)(?: in the end)?\?", question)[1]]
    return f"In the {place.get(where, where)}."
