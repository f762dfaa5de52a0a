"""Properties of the micro world's facts: consistent, readable in every phrasing, checkable."""

import doctest
import importlib
import pkgutil
import re
from collections import Counter

import pytest

import fmlab.world
from fmlab.world import MicroWorld, is_abstention
from fmlab.world.arithmetic import held_out
from fmlab.world.english import article, in_words
from fmlab.world.hops import HOPS
from fmlab.world.names import WORDS, bare
from fmlab.world.phrasing import PHRASINGS, WORDINGS, fill, phrasings_of
from fmlab.world.schema import BY_KEY
from fmlab.world.sholmi import inflect, is_front, lexicon, phrase
from fmlab.world.sholmi_documents import say, value
from fmlab.world.sholmi_sentences import CLAUSES, GRAMMAR, subject
from fmlab.world.vocabulary import POOLS

world = MicroWorld(n_people=3000)
almanac = world.almanac
T = almanac.tables
SINGLE = [p for p in PHRASINGS if len(p.relations) == 1]


def some(table, n=3):
    return [i * 7 % len(table.values) for i in range(n)]


# --- what there is --------------------------------------------------------------------------------


def test_the_default_world_holds_more_bits_than_a_million_parameters_can():
    """About 2 bits a parameter can be stored (Allen-Zhu and Li, 2024)."""
    big = MicroWorld()
    assert len(big.people) == 30_000
    assert len(big.facts) > 300_000
    assert big.information()["total"] > 2 * 1_000_000


def test_a_small_world_has_all_kinds():
    small = MicroWorld(seed=3, n_people=100)
    assert {fact.relation for fact in small.facts} == set(BY_KEY)
    assert all(small.entities(kind) for kind in ("town", "river", "species", "work"))


def test_no_two_names_are_the_same_nor_shared_with_what_does_not_exist():
    names = [
        bare(name[0])
        for heap in almanac.names.values()
        for name in (*heap.world, *heap.fresh, *heap.phantom)
    ]
    assert len(names) == len(set(names))


def test_names_hold_no_rude_or_famous_word():
    rude = "anal|arse|bitch|cock|cum|cunt|damn|dick|fag|fart|fuck|hitler|homo|jap|kill|nazi|nig"
    rude += "|perv|piss|poo|porn|puta|rape|sex|shit|slut|suck|tit|turd|twat|wank"
    famous = {"london", "paris", "roma", "mordor", "narnia", "anna", "maria", "moravia", "gandalf"}
    words = {word.lower() for pool in WORDS.values() for word in pool}
    assert not [word for word in words if re.search(rude, word)]
    assert not words & famous


def test_friends_are_friends_of_each_other():
    friends = T["person.friend"].targets
    one_sided = [i for i, j in enumerate(friends) if friends[j] != i]
    assert len(one_sided) in (0, 3)  # of an odd number, three make a ring
    assert all(i != j for i, j in enumerate(friends))


def test_towns_rivers_regions_and_mayors_fit_together():
    for town in range(len(T["town.region"].values)):
        region = T["town.region"].targets[town]
        assert T["river.region"].targets[T["town.river"].targets[town]] == region
        assert T["person.home"].targets[T["town.mayor"].targets[town]] == town
    for region, capital in enumerate(T["region.capital"].targets):
        assert T["town.region"].targets[capital] == region


def test_nobody_does_anything_before_the_age_of_17_or_before_the_town_stands():
    for key, year in (("work.author", "work.year"), ("invention.inventor", "invention.year")):
        for i, person in enumerate(T[key].targets):
            assert int(T[year].values[i][0]) >= int(T["person.birth_year"].values[person][0]) + 17
    for i, town in enumerate(T["festival.town"].targets):
        assert int(T["festival.since"].values[i][0]) > int(T["town.founded"].values[town][0])


def test_every_value_can_be_its_relations_value():
    for key, table in T.items():
        assert set(table.values) <= set(almanac.pool(BY_KEY[key])), key


def test_another_seed_is_another_world():
    other = MicroWorld(1, n_people=100)
    assert {p.name for p in other.people}.isdisjoint(p.name for p in world.people[:100])


# --- phrasings ------------------------------------------------------------------------------------


def test_every_relation_has_several_phrasings_and_held_out_ones():
    for key in BY_KEY:
        said, asked = phrasings_of(key, "statement"), phrasings_of(key, "question")
        assert sum(not p.held_out for p in said) >= 4, key
        assert sum(not p.held_out for p in asked) >= 3, key
        assert any(p.held_out for p in said), key
        assert any(p.held_out for p in asked), key
        assert WORDINGS[key].checks, key
        assert key in GRAMMAR


def test_the_oracle_reads_every_question_back_to_its_fact():
    for p in SINGLE:
        if p.use not in ("question", "yes-no"):
            continue
        table = T[p.relations[0]]
        for i in some(table):
            asked = fill(p.filled(2), table.names[i], table.values[i])
            truth = "Yes" if p.use == "yes-no" else table.values[i][0]
            assert world.answer(asked) == truth, asked
            assert world.answer(f"Question: {asked.upper()}\nAnswer:") == truth


def test_a_wrong_value_in_a_yes_no_question_is_answered_no():
    for p in SINGLE:
        if p.use == "yes-no":
            table = T[p.relations[0]]
            other = next(v for v in table.values if v != table.values[0])
            assert world.answer(fill(p.filled(2), table.names[0], other)) == "No"


def test_two_hop_questions_follow_both_facts():
    for hop in HOPS:
        first, second = T[hop.first], T[hop.second]
        for i in some(first):
            for p in hop.phrasings:
                truth = second.values[first.targets[i]][0]
                assert world.answer(p.filled(2).format(*first.names[i])) == truth


def test_every_statement_is_read_back_and_lies_are_found_out():
    for p in SINGLE:
        if p.use not in ("statement", "follow-up"):
            continue
        table = T[p.relations[0]]
        name, sex = table.names[1], table.names[1][3]
        lie = next(v for v in table.values if v != table.values[1])
        for told, true in ((table.values[1], True), (lie, False)):
            (claim,) = world.claims(fill(p.filled(sex), name, told), name[0])
            assert (claim.relation, claim.true) == (table.key, true)


def test_pronouns_and_given_names_are_followed():
    name, home = T["person.home"].names[5], T["person.home"].values[5][0]
    he, his = (("She", "Her"), ("He", "His"))[name[3]]
    text = f"{name[0]} lives in {home}. {his} pet is a whale. {he} plays the {{}}. {name[2]} is a"
    claims = world.claims(text.format(T["person.instrument"].values[5][0]) + " robot.")
    assert [c.true for c in claims] == [True, False, True, False]


def test_what_does_not_exist_has_no_answer_and_no_truth():
    for name in world.nonexistent()[:20]:
        assert world.answer(f"Where does {name} live?") is None
        (claim,) = world.claims(f"{name} is a baker.")
        assert claim.true is None
    assert world.answer("What is the meaning of life?") is None
    assert world.answer("") is None


# --- grading --------------------------------------------------------------------------------------

HOME = next(q for q in world.questions(50, relations=["person.home"]))
OTHER = next(t[0] for t in almanac.kinds["town"] if t[0] != HOME.answer)


@pytest.mark.parametrize(
    "completion",
    ["{}", " {}.", "In {}.", "the answer is {}!", "{who} lives in {}. {who} was born in {other}.",
     "{lower}", "{}.\nQuestion: Where does Ada live?\nAnswer: {other}", "Let me see. In {}."],
)  # fmt: skip
def test_a_right_answer_is_right_however_it_is_worded(completion):
    said = completion.format(HOME.answer, who=HOME.entity, other=OTHER, lower=HOME.answer.lower())
    assert world.is_correct(HOME, said)


@pytest.mark.parametrize(
    "completion", ["{other}", "{other} or {}", "", "I don't know.", "not in {other}", "In town."]
)
def test_a_wrong_or_hedged_answer_is_wrong(completion):
    assert not world.is_correct(HOME, completion.format(HOME.answer, other=OTHER))


def test_only_not_knowing_is_right_where_there_is_no_answer():
    (question,) = world.questions(1, split="nonexistent", relations=["person.home"])
    assert question.answer is None
    assert world.is_correct(question, "I do not know.")
    assert not world.is_correct(question, OTHER)


def test_abstentions_are_recognised():
    assert all(map(is_abstention, ("I don't know", "Sorry, I do not know.", "I\u2019m not sure.")))
    assert not any(map(is_abstention, ("A baker.", "No.", "He knows.")))


# --- the second language --------------------------------------------------------------------------


def test_translation_goes_both_ways_without_loss():
    for key, table in T.items():
        for i in some(table):
            for order in (0, 1):
                form = phrasings_of(key, "statement")[order].filled(table.names[i][3])
                english = fill(form, table.names[i], table.values[i])
                sholmi = world.translate(english, to="sholmi")
                assert sholmi == say(table, i, order)
                assert world.translate(sholmi, to="english") == english


def test_sholmi_questions_are_answered_in_sholmi():
    for key, table in T.items():
        for i in some(table):
            for order in (0, 1):
                asked = CLAUSES[key].question(subject(table.names[i]), order)
                assert world.answer(asked) == value(table, i), asked


def test_no_two_values_of_a_pool_share_a_sholmi_word():
    for name, pool in POOLS.items():
        if name not in ("devices", "gatherings", "journeys", "titles"):
            assert len({phrase(english) for english in pool}) == len(pool)
    assert max(Counter(lexicon().values()).values()) == 1


# --- details and errors ---------------------------------------------------------------------------


def test_no_two_values_share_an_inflected_form():
    for key, clause in CLAUSES.items():
        kind = clause.relation.values
        if kind in almanac.names:
            heap = almanac.names[kind]
            values = {subject(name) for name in (*heap.world, *heap.fresh, *heap.phantom)}
        else:
            values = {clause.value(v[0]) for v in almanac.pool(clause.relation)}
        assert len({inflect(v, clause.case) for v in values}) == len(values), key


def test_endings_agree_with_the_vowels_of_the_word():
    assert [inflect(w, "loc") for w in ("Tora", "Ormel", "388", "möka")] == [
        "Toraša", "Ormelšä", "388-ša", "mökaša",
    ]  # fmt: skip
    for table in (T["person.home"], T["work.author"]):
        for i in some(table, 20):
            *_, word = subject(table.names[i]).split()
            ending = inflect(word, "gen").removeprefix(word).lstrip("-")
            assert ending == ("ŋö" if is_front(word) and not word.endswith('"') else "ŋo")


@pytest.mark.parametrize("module", [m.name for m in pkgutil.iter_modules(fmlab.world.__path__)])
def test_the_examples_of_the_docstrings_hold(module):
    assert doctest.testmod(importlib.import_module(f"fmlab.world.{module}")).failed == 0


def test_articles_and_numbers():
    assert [article(w) for w in ("owl", "goat", "hourglass", "unicorn")] == [
        "an owl", "a goat", "an hourglass", "a unicorn",
    ]  # fmt: skip
    assert in_words(219) == "two hundred and nineteen"
    assert held_out(3, 8) == held_out(8, 3)


def test_facts_are_a_sequence():
    assert world.facts[-1] == world.facts[len(world.facts) - 1]
    assert [f.number for f in world.facts[5:8]] == [5, 6, 7]
    with pytest.raises(IndexError):
        world.facts[len(world.facts)]
    about = world.facts_about(world.people[0].name)
    assert [f.relation.partition(".")[0] for f in about] == ["person"] * 10
    assert world.facts_about("Nobody Atall") == []


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: MicroWorld("zero"), "seed"),
        (lambda: MicroWorld(n_people=10), "n_people"),
        (lambda: world.entities("planet"), "kind"),
        (lambda: world.nonexistent("planet"), "kind"),
        (lambda: world.translate("A is b.", to="latin"), "to"),
        (lambda: world.claims("He sings.", "Nobody Atall"), "subject"),
        (lambda: world.questions(-1), "n"),
        (lambda: world.questions(2.5), "n"),
        (lambda: world.questions(1, kinds=()), "kinds"),
        (lambda: world.questions(1, kinds=("riddle",)), "kinds"),
        (lambda: world.questions(1, split="unseen"), "split"),
        (lambda: world.questions(1, phrasing="new"), "phrasing"),
        (lambda: world.questions(1, relations=["person.shoe"]), "relations"),
        (lambda: world.questions(1, exposure=(3, 1)), "exposure"),
        (lambda: world.questions(1, exposure=(0, 1), split="nonexistent"), "exposure"),
        (lambda: world.questions(10**6, relations=["region"]), "n"),
    ],
)
def test_bad_arguments_are_named(call, argument):
    with pytest.raises(ValueError, match=rf"^{argument} "):
        call()
