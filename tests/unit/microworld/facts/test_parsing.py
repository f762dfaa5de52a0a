"""Statements are parsed back to their facts, and false ones are noticed."""

import pytest

from microworld.words.phrasing import PHRASINGS, fill
from tests.unit.microworld.samples import SINGLE


@pytest.fixture(scope="module")
def person(tables):
    """A person's name and facts, and a town where the person does not live and was not born."""
    i = next(
        i
        for i, (home, birthplace) in enumerate(
            zip(tables["person.home"].values, tables["person.birthplace"].values)
        )
        if home != birthplace
    )
    facts = {key.partition(".")[2]: table.values[i][0] for key, table in tables.items()
             if key.startswith("person.")}  # fmt: skip
    own = (facts["home"], facts["birthplace"])
    other = next(value[0] for value in tables["person.home"].values if value[0] not in own)
    return {"name": tables["person.home"].names[i][0], "other_town": other, **facts}


@pytest.fixture(scope="module")
def festival(tables):
    facts = {key.partition(".")[2]: table.values[0][0] for key, table in tables.items()
             if key.startswith("festival.")}  # fmt: skip
    return {"name": tables["festival.town"].names[0][1], **facts}


def verdicts(world, text):
    """Return the relation, the value and the truth of every claim of a text."""
    return [(claim.relation, claim.value, claim.true) for claim in world.claims(text)]


def test_every_statement_is_parsed_back_and_false_ones_are_noticed(world, tables):
    for p in SINGLE:
        if p.use not in ("statement", "follow-up"):
            continue
        table = tables[p.relations[0]]
        name, sex = table.names[1], table.names[1][3]
        false_value = next(v for v in table.values if v != table.values[1])
        for value, is_true in ((table.values[1], True), (false_value, False)):
            (claim,) = world.claims(fill(p.filled(sex), name, value), name[0])
            assert (claim.relation, claim.true) == (table.key, is_true)


def test_every_joint_statement_is_parsed_back_to_all_of_its_facts(world, tables):
    joint = [p for p in PHRASINGS if len(p.relations) > 1]
    assert joint
    for p in joint:
        parts = [tables[key] for key in p.relations]
        name = parts[0].names[1]
        sentence = fill(p.filled(name[3]), name, *(table.values[1] for table in parts))
        claims = world.claims(sentence, name[0])
        assert [(c.relation, c.true) for c in claims] == [(key, True) for key in p.relations]


def test_pronouns_and_given_names_are_resolved(world, tables):
    name, home = tables["person.home"].names[5], tables["person.home"].values[5][0]
    he, his = (("She", "Her"), ("He", "His"))[name[3]]
    text = f"{name[0]} lives in {home}. {his} pet is a whale. {he} plays the {{}}. {name[2]} is a"
    claims = world.claims(text.format(tables["person.instrument"].values[5][0]) + " robot.")
    assert [c.true for c in claims] == [True, False, True, False]


# --- one wording for two relations ----------------------------------------------------------------


@pytest.mark.parametrize("born", ["the year {}", "{}", "the spring of {}"])
@pytest.mark.parametrize(
    ("template", "other"),
    [
        ("{name} is a {profession} who was born in {}.", "profession"),
        ("{name} was born in {} and lives in {home}.", "home"),
        ("{name}, born in {}, is a {profession}.", "profession"),
    ],
)
def test_year_is_no_birthplace(world, person, template, other, born):
    article = "an" if person["profession"][0] in "aeiou" else "a"
    template = template.replace(" a {profession}", f" {article} {{profession}}")
    for year, is_true in ((person["birth_year"], True), ("9999", False)):
        claims = verdicts(world, template.format(born.format(year), **person))
        assert ("person.birth_year", year, is_true) in claims
        assert {relation for relation, _, _ in claims} == {"person.birth_year", f"person.{other}"}
        assert all(true for relation, _, true in claims if relation != "person.birth_year")


@pytest.mark.parametrize(
    "template", ["It was in {} that {name} was born.", "{name} was born in {}."]
)
def test_year_is_no_birthplace_in_a_single_statement(world, person, template):
    for year, is_true in ((person["birth_year"], True), ("9999", False)):
        claims = verdicts(world, template.format(year, **person))
        assert claims == [("person.birth_year", year, is_true)]


def test_town_is_no_birth_year(world, person):
    for town, is_true in (
        (person["birthplace"], True), (person["other_town"], False), ("Atlantis", False)
    ):  # fmt: skip
        claims = verdicts(world, f"{person['name']}, born in {town}, is a robot.")
        assert claims[0] == ("person.birthplace", town, is_true)


def test_month_is_no_town(world, festival):
    sentence = "{name} has been held in {month} since {since}.".format(**festival)
    assert verdicts(world, sentence) == [
        ("festival.month", festival["month"], True),
        ("festival.since", festival["since"], True),
    ]


@pytest.mark.parametrize(
    ("template", "relation"),
    [
        ("The birthplace of {name} is {birth_year}.", "person.birthplace"),
        ("{name} comes from {birth_year}.", "person.birthplace"),
        ("The birth year of {name} is {birthplace}.", "person.birth_year"),
        ("{name} was born in the year {birthplace}.", "person.birth_year"),
    ],
)
def test_wording_of_one_relation_is_a_claim_about_it_whatever_the_value(
    world, person, template, relation
):
    ((claimed, _, is_true),) = verdicts(world, template.format(**person))
    assert (claimed, is_true) == (relation, False)


def test_description_with_a_birth_year_is_correct(world, grader, person):
    prompt = f"Tell me about {person['name']} in one sentence."
    article = "an" if person["profession"][0] in "aeiou" else "a"
    start = f"{person['name']} is {article} {person['profession']} who was born in the year"
    assert grader.correctness(prompt, f"{start} {person['birth_year']}.") == 1
    assert grader.correctness(prompt, f"{start} {int(person['birth_year']) + 1}.") == -1


def test_question_that_was_parsed_before_is_not_parsed_again(world, tables):
    reader, name = world._oracle.reader, tables["person.home"].names[0][0]
    reading = reader.question(f"Where does {name} live?")
    assert reading.subject.name == name
    assert reader.question(f"Where does {name} live?") is reading
    other = tables["person.home"].names[1][0]
    assert reader.question(f"Where does {other} live?").subject.name == other
