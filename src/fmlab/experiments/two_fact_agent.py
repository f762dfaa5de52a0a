"""Questions that take two facts: a model with a look-up tool in a loop, and what could explain it.

Most tests are about people whom no document mentions, so no model knows the facts. Beside the
agent, with three seeds, there are: the same model without the tool, or with a tool that returns
other records; budgets of 1, 2 and 4 calls; the base model with both facts in its prompt; a model
trained on the same questions to answer at once; the most frequent answer in training; a rule that
copies the most similar demonstration; and a program.

    python -m fmlab.experiments two_fact_agent    # book/results/two_fact_agent.json

``--finished`` names a file that keeps finished parts, so that an interrupted run can resume.
"""

from __future__ import annotations

import argparse
import random
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fmlab.agents.failures import count_outcomes
from fmlab.agents.loop import model_policy, program_policy, run_agent
from fmlab.agents.questions import (
    TRAINED,
    UNSEEN,
    Task,
    one_fact_tasks,
    plain_tasks,
    two_fact_tasks,
)
from fmlab.agents.tools import LookUp, OtherRecord, call, no_tool, split_call
from fmlab.agents.training import demonstrations, finetune_agent, split_plain_kinds
from fmlab.data.search import Search
from fmlab.evaluation.questions import complete
from fmlab.experiments.jobs import call_all
from fmlab.experiments.results import record
from fmlab.models.pretrained import load
from microworld import MicroWorld
from microworld.words.phrasing import fill

NAME = "two_fact_agent"
BASE, SEEDS, BUDGETS = "micro", (0, 1, 2), (1, 2, 4)
N, N_SMALL, TEST_SEED = 200, 150, 100
MAIN = "new people"
PASSAGE = "Passage: {}\nQuestion: {}\nAnswer:"
FOUND = (2, 5)  # sentences that one search puts into the prompt
PLAIN = "Question: {}\nAnswer:"
OF_PEOPLE = tuple(kind for kind in TRAINED if kind.startswith("person"))


def test_sets(world: MicroWorld, seen: set[str]) -> dict[str, list[Task]]:
    """Return the questions of each test; none starts from a name in ``seen``."""
    options = dict(seed=TEST_SEED, without=seen)
    plain = {
        f"plain form, {name}": plain_tasks(world, N_SMALL, kinds, **options)
        for name, kinds in split_plain_kinds().items()
    }
    return {
        MAIN: main_test(world),
        "one fact": one_fact_tasks(world, N, **options),
        **plain,
        "new kinds": two_fact_tasks(world, N_SMALL, kinds=UNSEEN, **options),
        "new wording": two_fact_tasks(world, N, phrasing="held-out", **options),
    }


def main_test(world: MicroWorld, n: int = N) -> list[Task]:
    """Return questions about people whom no document mentions, and no demonstration."""
    filters = dict(kinds=OF_PEOPLE, split="held-out people", seed=TEST_SEED)
    return two_fact_tasks(world, n, **filters)


def sentences(world: MicroWorld, task: Task) -> list[str]:
    """Return both facts of a task, each as a sentence of the world."""
    rnd, name, texts = random.Random(task.text), task.entity, []
    for key, value in zip(task.kind.split(" > "), task.results):
        fact = next(fact for fact in world.facts_about(name) if fact.relation == key)
        table, i = world.almanac.fact(fact.number)
        subject = table.names[i]
        statements = table.wording.statements[subject[3]]
        texts.append(fill(rnd.choice(statements), subject, table.values[i]))
        name = value
    return texts


def with_search(search: Search, task: Task, n: int) -> str:
    """Return the question after the n best sentences of one search, the best one last."""
    found = [search.texts[i] for i in reversed(search.best(task.text, n))]
    return PASSAGE.format(" ".join(found), task.text)


def copied_answers(
    world: MicroWorld, demonstrated: Sequence[Task], tasks: Sequence[Task]
) -> list[str]:
    """Return the answers of a rule without a model: copy the most similar demonstration.

    It looks up the fields of the demonstration whose question shares most words with the task, all
    names left out, starting from the name in the question, which the rule is given.
    """

    def words(task: Task) -> frozenset[str]:
        return frozenset(re.findall(r"\w+", task.text.replace(task.entity, "").lower()))

    def field(text: str) -> str:
        parts = split_call(text)
        return parts[0] if parts else ""

    recipes = {words(task): [field(text) for text in task.calls] for task in demonstrated}
    tool, answers = LookUp(world), []
    for task in tasks:
        own = words(task)
        nearest = max(recipes, key=lambda other: len(own & other) / len(own | other))
        name = task.entity
        for each in recipes[nearest]:
            name = tool(call(each, name))
        answers.append(name)
    return answers


def most_frequent_answers(demonstrated: Sequence[Task], tasks: Sequence[Task]) -> list[str]:
    """Return for each task the answer that its kind of question has most often in training."""
    by_kind: dict[str, Counter] = {}
    for task in demonstrated:
        by_kind.setdefault(task.kind, Counter())[task.answer] += 1
    return [by_kind[task.kind].most_common(1)[0][0] for task in tasks]


def n_right(tasks: Sequence[Task], answers: Sequence[str | None]) -> int:
    """Return how many answers are right."""
    return sum(task.is_right(answer) for task, answer in zip(tasks, answers, strict=True))


def part(job: tuple) -> dict:
    """Run one part: ("agent", seed), ("answer at once", seed) or ("baselines",)."""
    world = MicroWorld()
    return {"agent": agent, "answer at once": at_once, "baselines": baselines}[job[0]](
        world, *job[1:]
    )


def agent(world: MicroWorld, seed: int) -> dict:
    """Finetune an agent; count the outcomes of its runs."""
    model, tokenizer = load(BASE)
    demonstrated = demonstrations(world)
    run = finetune_agent(model, tokenizer, demonstrated, seed=seed)
    policy = model_policy(model, tokenizer)
    tests = test_sets(world, {task.entity for task in demonstrated})
    outcomes = {
        name: count_outcomes(tasks, run_agent(policy, LookUp(world), tasks))
        for name, tasks in tests.items()
    }
    tasks = tests[MAIN]
    budgets = {
        str(budget): count_outcomes(tasks, run_agent(policy, LookUp(world), tasks, budget))
        for budget in BUDGETS
    }
    tools = {
        "no tool": count_outcomes(tasks, run_agent(policy, no_tool, tasks)),
        "other record": count_outcomes(tasks, run_agent(policy, OtherRecord(world), tasks)),
    }
    made = {"seconds": round(run.seconds, 1), "tokens": run.n_tokens, "flops": run.flops}
    return {"seed": seed, "tests": outcomes, "budgets": budgets, "tools": tools, **made}


def median_seed(agents: Sequence[dict]) -> int:
    """Return the seed of the agent with the median number of right answers over all tests.

    This agent comes with the book, as ``micro-agent``: neither the best of them nor the weakest.
    """

    def n_right_in_all(each: dict) -> int:
        return sum(outcomes.get("right", 0) for outcomes in each["tests"].values())

    ranked = sorted(agents, key=n_right_in_all)
    return ranked[len(ranked) // 2]["seed"]


def at_once(world: MicroWorld, seed: int) -> dict:
    """Finetune on the same questions with their answers only; count right answers."""
    model, tokenizer = load(BASE)
    full = demonstrations(world)
    short = [replace(task, calls=(), results=task.results[-1:]) for task in full]
    finetune_agent(model, tokenizer, short, seed=seed)
    tasks = main_test(world)
    states = run_agent(model_policy(model, tokenizer), no_tool, tasks, budget=0)
    return {"seed": seed, MAIN: n_right(tasks, [state.answer for state in states])}


def baselines(world: MicroWorld) -> dict:
    """Count right answers without any finetuning."""
    tasks = main_test(world)
    facts = [sentences(world, task) for task in tasks]
    search = Search([text for both in facts for text in both])
    counts: dict = {"n": len(tasks), **without_a_model(world)}
    states = run_agent(program_policy(tasks), LookUp(world), tasks)
    counts["program"] = n_right(tasks, [state.answer for state in states])
    for name in (BASE, "small"):
        model, tokenizer = load(name)
        plain = [PLAIN.format(task.text) for task in tasks]
        pasted = [PASSAGE.format(" ".join(both), task.text) for both, task in zip(facts, tasks)]
        ways = {"question alone": plain, "both facts in the prompt": pasted}
        for n in FOUND:
            ways[f"one search, {n} sentences"] = [with_search(search, task, n) for task in tasks]
        for way, prompts in ways.items():
            counts[f"{name}, {way}"] = n_right(tasks, complete(model, tokenizer, prompts))
    return counts


def without_a_model(world: MicroWorld) -> dict:
    """Count right answers of two rules that only know the demonstrations."""
    demonstrated, tasks = demonstrations(world), main_test(world)
    tests = test_sets(world, {task.entity for task in demonstrated})
    copied = {}
    for name, each in tests.items():
        answers = copied_answers(world, demonstrated, each)
        copied[name] = {"right": n_right(each, answers), "n": len(each)}
    frequent = n_right(tasks, most_frequent_answers(demonstrated, tasks))
    return {"most frequent answer": frequent, "copied recipe": copied}


def main(arguments: Sequence[str] = ()) -> None:
    """Run all parts and record them."""
    parser = argparse.ArgumentParser(prog=f"python -m fmlab.experiments {NAME}")
    parser.add_argument("--finished", type=Path, help="file of finished parts")
    options = parser.parse_args(arguments)
    jobs = [("baselines",)]
    jobs += [(way, seed) for seed in SEEDS for way in ("agent", "answer at once")]
    started = time.perf_counter()
    first, *others = call_all(part, jobs, 1, options.finished)
    agents, at_once_ = others[::2], others[1::2]
    contents = {"base": BASE, "baselines": first, "agent": agents, "answer at once": at_once_}
    contents["median seed"] = median_seed(agents)
    trained = sum(each["seconds"] for each in agents)  # part of it may have been done before
    seconds = max(time.perf_counter() - started, trained)
    record(NAME, contents, command=f"python -m fmlab.experiments {NAME}", seconds=seconds)
