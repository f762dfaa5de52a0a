"""A real model adapted by its prompt."""

from fmlab.experiments import real_adaptation
from fmlab.experiments.results import read

COUNTRIES = {
    name: {"capital": facts[0], "paragraph": real_adaptation.paragraph(name, facts)}
    for name, facts in real_adaptation.LIVE.items()
} | {name: {"capital": "C", "paragraph": f"{name}."} for name in real_adaptation.EXAMPLES}


def test_every_way_has_a_prompt_for_every_country():
    names = list(real_adaptation.LIVE)
    prompts = real_adaptation.prompts(names, COUNTRIES)
    assert {len(texts) for texts in prompts.values()} == {len(names)}
    for name, text in zip(names, prompts["retrieved paragraph"]):
        assert COUNTRIES[name]["paragraph"] in text
    for way in ("random paragraph", "next country's paragraph"):
        for name, text in zip(names, prompts[way]):
            assert COUNTRIES[name]["paragraph"] not in text


def test_the_examples_are_not_in_the_test():
    assert not set(real_adaptation.EXAMPLES) & set(read("real_adaptation")["countries"])


def test_live_answers_are_graded_by_the_capital():
    answers = [f"It is {facts[0]}." for facts in real_adaptation.LIVE.values()]
    assert len(real_adaptation.graded_live(answers)) == len(answers)
    assert real_adaptation.graded_live(["I do not know."] * len(answers)) == []


def test_live_countries_are_small_ones_with_their_own_paragraph():
    prompts = real_adaptation.live_prompts()
    for name, text in zip(real_adaptation.LIVE, prompts["retrieved paragraph"]):
        assert text.startswith(f"{name} is in ")
