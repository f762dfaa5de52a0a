"""Questions: different, repeatable, and selected by the filters."""


def test_questions_have_all_that_an_evaluation_needs(world):
    for question in world.questions(200, kinds=("direct", "yes-no", "two-hop")):
        assert world.answer(question.text) == question.answer
        assert question.split == "seen"
        assert not question.held_out_phrasing
        assert question.times_mentioned > 0
        assert world.facts[question.fact].subject == question.entity
        assert question.prompt == f"Question: {question.text}\nAnswer:"


def test_questions_are_different_and_repeatable(world):
    questions = world.questions(300)
    assert len({q.text for q in questions}) == 300
    assert questions[:50] == world.questions(50)
    assert questions[:50] != world.questions(50, seed=1)


def test_splits_contain_what_they_claim(world, mentions):
    for question in world.questions(100, split="held-out facts"):
        assert world.facts[question.fact].held_out
        assert question.times_mentioned == mentions[question.fact] == 0
    held_out = {p.name for p in world.people if p.held_out}
    assert {q.entity for q in world.questions(100, split="held-out people")} <= held_out
    for question in world.questions(100, split="nonexistent"):
        assert question.answer is None
        assert question.entity in world.nonexistent(question.entity_kind)


def test_phrasings_can_be_selected(world):
    assert all(q.held_out_phrasing for q in world.questions(50, phrasing="held-out"))
    mixed = world.questions(200, phrasing="any")
    assert 20 < sum(q.held_out_phrasing for q in mixed) < 180


def test_relations_can_be_selected_by_key_or_kind(world):
    questions = world.questions(40, relations=["town", "person.pet"])
    assert {q.relation for q in questions if q.entity_kind == "person"} == {"person.pet"}
    assert {q.entity_kind for q in questions} == {"person", "town"}


def test_exposure_is_bounded_by_expected_or_by_counted_mentions(world, mentions):
    for question in world.questions(50, exposure=(20, 60)):
        assert 20 <= question.times_mentioned <= 60
        assert question.times_mentioned == world.times_mentioned(question.fact)
    for question in world.questions(50, exposure=(3, 5), mentions=mentions):
        assert 3 <= mentions[question.fact] <= 5
