"""Properties of fmlab.experiments: what is asked is fair, what is recorded is whole."""

import copy
import hashlib
import json
from collections import Counter
from itertools import islice

import pytest

from fmlab.batches import END_OF_TEXT
from fmlab.configs import GPTConfig
from fmlab.evaluation import Rate
from fmlab.experiments import exam as exams
from fmlab.experiments import ladder, recording
from fmlab.experiments.exam import BINS, MIXTURE, PEOPLE, TASKS, TEXTS, Exam, Size
from fmlab.ladder import CARD, TOKENIZER
from fmlab.tokenization import BPETokenizer
from fmlab.transformer import GPT
from fmlab.world import KINDS, REGISTERS, MicroWorld
from fmlab.world.evaluating import MAKERS

TINY = Size(n_questions=20, n_texts=3, n_names=2, n_documents=1500)


@pytest.fixture(scope="module")
def exam():
    return Exam(MicroWorld(n_people=300), TINY)


@pytest.fixture(scope="module")
def tokenizer():
    texts = islice(MicroWorld(n_people=100).documents(300), 300)
    return BPETokenizer.train(texts, 600, special_tokens=[END_OF_TEXT])


@pytest.fixture(scope="module")
def model(tokenizer):
    return GPT(GPTConfig(tokenizer.vocab_size, 512, n_layers=1, n_heads=1, d_model=4)).eval()


@pytest.fixture(scope="module")
def folders(tmp_path_factory, model, tokenizer):
    """Two folders as training leaves them, with a tiny random model in each."""
    made = []
    for name in ("first", "second"):
        folder = tmp_path_factory.mktemp("models") / name
        model.save(folder)
        tokenizer.save(folder / TOKENIZER)
        sums = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()
        }
        (folder / CARD).write_text(json.dumps({"command": "none", "sha256": sums}))
        made.append(folder)
    return made


@pytest.fixture
def small(monkeypatch, exam):
    """The command line, with little to do."""
    monkeypatch.setattr(ladder, "Exam", lambda size: Exam(MicroWorld(n_people=100), TINY))
    return exam


# --- recording ------------------------------------------------------------------------------------


def test_what_is_recorded_is_read_again_with_how_it_came_about(tmp_path):
    results = {"rates": {"micro": [0.25, "é"]}}
    path = recording.record("trial", results, command="run me", seconds=1.26, folder=tmp_path)
    found = recording.read("trial", tmp_path)
    assert path == tmp_path / "trial.json"
    assert found["rates"] == results["rates"]
    assert (found["command"], found["seconds"]) == ("run me", 1.3)
    assert set(found["versions"]) == {"Python", "torch", "numpy"}
    assert list(found)[:5] == list(recording.PROVENANCE)
    assert "é" in path.read_text(encoding="utf-8")


def test_failure_to_write_leaves_the_old_record_and_nothing_else(tmp_path, monkeypatch):
    recording.record("trial", {"a": 1}, command="c", seconds=0, folder=tmp_path)
    with pytest.raises(ValueError, match="results"):
        recording.record("trial", {"a": float("nan")}, command="c", seconds=0, folder=tmp_path)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(recording.os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        recording.record("trial", {"a": 2}, command="c", seconds=0, folder=tmp_path)
    assert recording.read("trial", tmp_path)["a"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["trial.json"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"name": "../trial"}, "name"),
        ({"results": {"a": object()}}, "results"),
        ({"results": {"date": "today"}}, "results"),
        ({"seconds": -1}, "seconds"),
        ({"seconds": float("nan")}, "seconds"),
    ],
)
def test_bad_records_are_refused(arguments, says, tmp_path):
    good = {"name": "trial", "results": {"a": 1}, "command": "c", "seconds": 1, "folder": tmp_path}
    with pytest.raises(ValueError, match=f"^{says} must"):
        recording.record(**good | arguments)


def test_missing_and_damaged_records_say_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"python -m fmlab\.experiments\.trial makes it"):
        recording.read("trial", tmp_path)
    for text in ("{", "[1]", '{"a": 1}'):
        (tmp_path / "trial.json").write_text(text)
        with pytest.raises(ValueError, match="is damaged"):
            recording.read("trial", tmp_path)


def test_where_there_is_no_book_results_come_from_the_repository(tmp_path, monkeypatch):
    content = dict.fromkeys(recording.PROVENANCE, "x")
    asked = []
    monkeypatch.setattr(recording, "RESULTS", tmp_path / "none")
    monkeypatch.setattr(
        recording, "read_text", lambda url, cache: asked.append(url) or json.dumps(content)
    )
    assert recording.read("trial") == content
    assert asked == [f"{recording.ELSEWHERE}/trial.json"]


# --- what is asked --------------------------------------------------------------------------------


def test_bins_are_all_counts_once():
    for times in (*range(1200), 10**6):
        assert sum(low <= times <= high for low, high in BINS.values()) == 1


def test_every_task_and_register_of_the_world_is_asked():
    assert set(TASKS) == set(MAKERS)
    assert len(TEXTS) == len(REGISTERS)


@pytest.mark.parametrize("times", [(10, 10**9), (4, 9), (1, 1), (0, 0)])
@pytest.mark.parametrize("phrasing", ["train", "held-out"])
def test_facts_are_told_as_often_as_their_bin_says_and_asked_once(exam, times, phrasing):
    questions = exam.facts_told(times, phrasing)
    counts = Counter(
        fact
        for document in exam.world.labelled_documents(TINY.n_documents)
        for fact in document.facts
    )
    assert questions
    assert all(times[0] <= counts[q.fact] <= times[1] for q in questions)
    assert len({q.fact for q in questions}) == len(questions) <= TINY.n_questions
    assert {q.held_out_phrasing for q in questions} == {phrasing == "held-out"}
    assert all(q.kind == "direct" and exam.world.answer(q.text) == q.answer for q in questions)


def test_relations_have_equal_parts_where_there_are_facts_enough(exam):
    assert set(Counter(q.relation for q in exam.facts_told((1, 1))).values()) == {2}
    assert {q.relation for q in exam.facts_told((1, 1))} == set(PEOPLE)
    few = exam.facts_told((20, 10**9))
    assert len(few) == min(TINY.n_questions, exam.n_facts((20, 10**9)))


def test_facts_in_bins_are_all_that_are_not_held_out(exam):
    tables = exam.world.almanac.tables
    visible = sum(tables[key].hidden.count(0) for key in PEOPLE)
    assert sum(exam.n_facts(times) for times in BINS.values()) == visible


def test_the_same_is_asked_each_time(exam):
    again = Exam(MicroWorld(n_people=300), TINY)
    assert again.facts_told((1, 1)) == exam.facts_told((1, 1))
    assert again.known("direct") == exam.known("direct")


def test_known_questions_are_of_their_kind_and_all_their_facts_told_often(exam, monkeypatch):
    monkeypatch.setattr(exams, "OFTEN", (3, float("inf")))
    for kind in KINDS:
        questions = exam.known(kind)
        assert questions
        assert {q.kind for q in questions} == {kind}
        assert all(q.times_mentioned >= 3 for q in questions)
        assert len({(q.fact, q.relation) for q in questions}) == len(questions)


def test_floor_is_the_score_of_the_most_frequent_told_value(exam):
    questions = [q for q in exam.facts_told((1, 1)) if q.relation == "person.pet"]
    told = Counter(
        exam.world.facts[number].value
        for number in exam.mentions.counts
        if exam.world.facts[number].relation == "person.pet"
    )
    most = max(told.values())
    usual = next(value for value in told if told[value] == most)
    assert exam.floor(questions) == Rate.of(q.answer == usual for q in questions)
    everyone = exam.world.questions(300, relations=["person.pet"], phrasing="any")
    assert exam.floor(everyone).rate > 0
    with pytest.raises(ValueError, match="questions"):
        exam.floor(exam.unknown("nonexistent"))


def test_floor_of_two_hops_is_a_value_of_the_second_relation(exam):
    questions = exam.world.questions(60, kinds=["two-hop"])
    regions = [q for q in questions if q.relation == "town.region > region.capital"]
    towns = {e.name for e in exam.world.entities("town")}
    assert regions
    assert all(exam._guess(q) in towns for q in regions)


def test_yes_no_floor_is_at_least_one_half(exam):
    assert exam.floor(exam.world.questions(50, kinds=["yes-no"])).rate >= 0.5


def test_look_ups_without_passage_hold_the_question_alone(exam):
    pairs = zip(exam.exercises("look-up"), exam.without_passage())
    for full, bare in pairs:
        assert full.prompt.endswith(bare.prompt)
        assert bare.prompt.startswith("Question: ")
        assert bare.prompt.count("\n") == 1
        assert bare.answer == full.answer


def test_memory_holds_what_is_true_where_the_passage_says_otherwise(exam):
    for passage, memory in zip(exam.exercises("counterfactual"), exam.from_memory()):
        question = memory.prompt[memory.prompt.rindex("Question:") :]
        assert memory.answer != passage.answer
        assert exam.world.is_correct(question, memory.answer)
        assert not exam.world.is_correct(question, passage.answer)


def test_texts_are_not_those_that_models_are_trained_on(exam):
    trained_on = set(exam.world.documents(TINY.n_documents))
    found = exam.texts(MIXTURE)
    assert len(found) == 3 * TINY.n_texts
    assert sum(text in trained_on for text in found) <= 1  # short ones may coincide
    with pytest.raises(ValueError, match="kind"):
        exam.texts("sermons")


def test_names_are_of_known_people_and_of_nobody(exam):
    names = exam.names()
    assert {group: len(found) for group, found in names.items()} == {
        "often": 2,
        "seldom": 2,
        "never": 2,
    }
    assert all(exam.world.facts_about(name) for name in names["often"] + names["seldom"])
    assert not any(exam.world.facts_about(name) for name in names["never"])


def test_nobody_who_is_held_out_counts_as_told_of(exam):
    everybody = copy.copy(exam)
    everybody.size = Size(n_names=300)
    held_out = {person.name for person in exam.world.people if person.held_out}
    names = everybody.names()
    assert held_out
    assert not held_out & {*names["often"], *names["seldom"]}


def test_size_must_be_counts():
    with pytest.raises(ValueError, match="n_texts"):
        Size(n_texts=0)


# --- what is measured -----------------------------------------------------------------------------


def cells(results, path=()):
    """Yield every recorded rate with its place."""
    if isinstance(results, dict):
        if "successes" in results:
            yield path, results
        for key, inner in results.items():
            yield from cells(inner, (*path, key))


def test_every_model_is_measured_in_the_same_places(exam, model, tokenizer):
    results = ladder.measure(model, tokenizer, exam, progress=False)
    assert set(results["facts"]) == {"train", "held-out"}
    assert all(list(found) == list(BINS) for found in results["facts"].values())
    assert list(results["tasks"]) == list(TASKS)
    assert list(results["texts"]) == [*TEXTS, MIXTURE]
    found = dict(cells(results))
    assert len(found) > 30
    for cell in found.values():
        assert 0 <= cell["low"] <= cell["rate"] <= cell["high"] <= 1
        assert ladder.as_dict(ladder.from_dict(cell)).items() <= cell.items()
    assert found["facts", "train", "1"]["n"] == TINY.n_questions
    json.dumps(results, allow_nan=False)


def test_a_random_model_is_about_as_surprised_as_by_chance(exam, model, tokenizer):
    found = ladder.Candidate(model, tokenizer, exam).text(MIXTURE)
    assert found["perplexity"] == pytest.approx(tokenizer.vocab_size, rel=0.2)


def test_finished_models_are_recorded_though_a_later_one_is_interrupted(
    small, folders, tmp_path, monkeypatch, capsys
):
    measured = []

    def measure(model, tokenizer, exam, name):
        measured.append(name)
        if len(measured) == 2:
            raise KeyboardInterrupt
        return {"measured": len(measured)}

    monkeypatch.setattr(ladder, "measure", measure)
    command = ["--folder", str(tmp_path), "--models", *map(str, folders)]
    with pytest.raises(SystemExit) as error:
        ladder.main(command)
    assert error.value.code == 130
    assert "interrupted" in capsys.readouterr().err
    found = recording.read("ladder", tmp_path)
    assert {name: cell["measured"] for name, cell in found["models"].items()} == {"first": 1}

    ladder.main(["--folder", str(tmp_path), "--models", str(folders[1])])
    found = recording.read("ladder", tmp_path)
    assert {name: cell["measured"] for name, cell in found["models"].items()} == {
        "first": 1,
        "second": 3,
    }
    card = json.loads((folders[1] / CARD).read_text())
    assert found["models"]["second"]["sha256"] == card["sha256"]["model.safetensors"]
    assert found["command"] == "python -m fmlab.experiments.ladder"
    assert found["asked"]["facts"]["1"] > 0

    other = Exam(MicroWorld(n_people=100), Size(20, 3, 1, 1500))
    ladder.measure_and_record([folders[1]], other, tmp_path)
    assert list(recording.read("ladder", tmp_path)["models"]) == ["second"]


def test_quick_look_prints_and_records_nothing(folders, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(recording, "RESULTS", tmp_path / "results")
    ladder.main(["--quick", "--models", str(folders[0])])
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["first"]
    assert found["first"]["tasks"]["sum"]["n"] == exams.QUICK.n_questions
    assert len(found["first"]["samples"]["answers"]) >= 3
    assert not (tmp_path / "results").exists()


def test_command_says_what_is_missing(small, folders, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ladder, "WEIGHTS_FOLDER", tmp_path)
    assert ladder.shipped() == []
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / CARD).write_text((folders[0] / CARD).read_text())
    for arguments, says in [
        ([], "python -m fmlab.training"),
        (["--models", str(broken)], "model.safetensors is missing"),
    ]:
        with pytest.raises(SystemExit) as error:
            ladder.main(["--folder", str(tmp_path), *arguments])
        assert error.value.code == 1
        assert says in capsys.readouterr().err
    assert not (tmp_path / "ladder.json").exists()
