"""Nulls of the chapter on the probabilistic nature of AI."""

import numpy as np

from fmlab import evaluation, models
from fmlab.evaluation import Outcomes
from fmlab.experiments import confidence, unknown_facts
from tests.notebooks.nulls.records import change_record
from tests.notebooks.nulls.registry import null


@null("probabilistic-nature")
def every_reply_is_the_same(namespace, patch):
    """The model gives its most likely reply each time."""
    top = namespace["top"][0]
    namespace["replies"] = [top] * 200
    namespace["counts"] = {top: 200}
    namespace["seen"] = [evaluation.Rate(200, 200)]


@null("probabilistic-nature")
def the_probabilities_are_those_of_another_question(namespace, patch):
    """The exact probabilities are those of the replies in reverse order."""
    namespace["exact"] = namespace["exact"][::-1]


@null("inconsistency")
def all_answers_are_constant(namespace, patch):
    """Every answer is the same, whatever is asked and however often."""
    namespace["repeated"] = {
        name: [texts[0]] * len(texts) for name, texts in namespace["repeated"].items()
    }


@null("inconsistency")
def any_context_helps(namespace, patch):
    """The answer of another person in the context helps as much as the first answer."""
    repeated = namespace["repeated"]
    repeated["other person in context, other words"] = repeated[
        "first answer in context, other words"
    ]


@null("inconsistency")
def greedy_decoding_samples(namespace, patch):
    """Greedy decoding uses random numbers, too."""
    repeated = namespace["repeated"]
    repeated["greedy, again"] = repeated["sampled"]


@null("inconsistency")
def the_batch_does_not_matter(namespace, patch):
    """The logits of a prompt do not depend on its batch."""

    def equal(record):
        record["comparisons"]["alone, in a batch"] = record["comparisons"]["alone, twice"]

    read = namespace["read"]

    def altered(name):
        record = read(name)
        if name == "sampling_batches":
            equal(record)
        return record

    namespace["read"] = altered


@null("robustness")
def the_question_is_ignored(namespace, patch):
    """The model gives one constant answer, so nothing ever changes."""
    zero = np.zeros(len(namespace["questions"]))
    namespace["rates"] = {name: evaluation.Rate.of(zero == 1) for name in namespace["rates"]}
    namespace["other_question"] = evaluation.Rate.of(zero == 1)


@null("robustness")
def the_name_is_ignored(namespace, patch):
    """The model gives one answer to all questions of a kind, whoever they are about."""
    namespace["other_person"] = evaluation.Rate(0, namespace["other_person"].n)


@null("robustness")
def typos_do_no_harm(namespace, patch):
    """After a typo, as many answers are right as before."""
    lost = namespace["lost"]
    namespace["lost"] = dict.fromkeys(lost, lost["none"])


@null("hallucination")
def all_questions_are_mixed(namespace, patch):
    """The answers are permuted among the questions, so none is about its own person."""
    n = len(namespace["texts"])
    mixed = []
    for asked, row in zip(namespace["texts"], namespace["recorded"]):
        answers = [*row["answers"][1:], row["answers"][0]]
        mixed.append(Outcomes.of(namespace["world"], asked, answers))
    assert len(mixed) == n
    namespace["outcomes"] = mixed


@null("hallucination")
def nobody_is_met_with_silence(namespace, patch):
    """Asked about people who do not exist, the model says that it does not know."""
    namespace["outcomes"][-1] = Outcomes(["abstained"] * 100)


@null("hallucination")
def inventions_are_as_probable(namespace, patch):
    """An answer about nobody is as probable as one about a fact that is stated often."""
    namespace["recorded"][-1] = namespace["recorded"][-2]


@null("hallucination-given-vs-generated")
def generated_tokens_are_marked(namespace, patch):
    """The model marks its own tokens: the same token is a little less likely when it is given."""
    namespace["as_given"] = namespace["as_given"] - 0.01


@null("hallucination-given-vs-generated")
def the_passage_does_not_matter(namespace, patch):
    """The model answers as it would without the passage."""
    starts = namespace["record"]["starts"]
    for name in ("own", "false"):
        starts[name] = starts["none"]


@null("hallucination-given-vs-generated")
def the_real_model_repeats_nothing(namespace, patch):
    """SmolLM2 answers as if nobody had stated a false capital."""

    def change(record):
        record["follows"] = dict.fromkeys(record["follows"], record["follows"]["nobody"])

    change_record(namespace, "real_hallucination", change)


@null("hallucination-given-vs-generated")
def the_real_model_copies_any_capital(namespace, patch):
    """SmolLM2 repeats a capital just as often if it was stated for another country."""

    def change(record):
        for source in ("user", "model"):
            record["follows"][f"{source}, another country"] = record["follows"][source]

    change_record(namespace, "real_hallucination", change)


@null("snowballing", before="snow-2")
def starts_have_no_effect(namespace, patch):
    """After every start, the answers are those without one."""
    starts = namespace["starts"]
    for name in ("true", "false", "another person"):
        starts[name] = starts["none"]


@null("snowballing", before="snow-2")
def false_starts_only_confuse(namespace, patch):
    """After a false start, the regions are wrong, but none is that of the false home."""
    starts = namespace["starts"]
    starts["false"] = starts["false"] | {"region": [""] * len(starts["false"]["region"])}


@null("snowballing", before="snow-2")
def everything_is_spoiled(namespace, patch):
    """After a false start, answers about unrelated facts are wrong, too."""
    starts = namespace["starts"]
    rows = starts["false"]
    starts["false"] = rows | {"another fact": ["I do not know."] * len(rows["home"])}


@null("hallucination-knowledge-mismatch", before="dose-6")
def the_dose_has_no_effect(namespace, patch):
    """At every dose, the models are those of dose 0."""
    arms = namespace["arms"]
    namespace["arms"] = [arm | {"runs": arms[0]["runs"]} for arm in arms]


@null("hallucination-knowledge-mismatch", before="dose-6")
def fewer_known_facts_do_it(namespace, patch):
    """Copies of known facts do the same harm as unknown ones."""
    same = namespace["copies"]["dose"]
    [arm] = [arm for arm in namespace["arms"] if arm["dose"] == same]
    namespace["copies"] = namespace["copies"] | {"runs": arm["runs"]}


@null("hallucination-knowledge-mismatch")
def the_model_was_not_finetuned(namespace, patch):
    """The model that is trained again keeps its weights from before."""
    load = models.load
    patch(unknown_facts, "train", lambda pairs, seed=0: models.add_chat_tokens(*load("micro")))


@null("hallucination-mitigation", before="cure-6")
def every_cure_is_a_constant(namespace, patch):
    """Each mitigation is a program that always says that it does not know."""
    measured = namespace["measured"]
    constant = measured["always 'I don't know'"]
    for name in list(measured)[1:]:
        measured[name] = constant


@null("hallucination-mitigation", before="cure-6")
def cures_do_nothing(namespace, patch):
    """With every mitigation, the outcomes are those of the plain model."""
    measured = namespace["measured"]
    for name in list(measured)[1:-1]:
        measured[name] = measured["plain"]


@null("hallucination-mitigation", before="cure-6")
def the_threshold_abstains_at_random(namespace, patch):
    """The probabilities say nothing: half of the plain answers are withheld at random."""
    rng, plain = np.random.default_rng(0), namespace["measured"]["plain"]
    namespace["measured"]["probability above a threshold"] = {
        kind: Outcomes([x if rng.random() < 0.5 else "abstained" for x in plain[kind].labels])
        for kind in plain
    }


@null("hallucination-mitigation")
def length_does_not_matter(namespace, patch):
    """The whole entries are as short as their first sentences."""
    for by_length in namespace["cures_record"]["entries"].values():
        by_length["whole"] = by_length["one sentence"]


@null("calibration")
def post_training_changes_nothing(namespace, patch):
    """The post-trained models have the confidences and outcomes of the pre-trained one."""
    row = namespace["calibration"]["small"]
    for name in namespace["names"]:
        namespace["calibration"][name] = row
    namespace["errors"] = dict.fromkeys(namespace["errors"], namespace["errors"]["small"])


@null("calibration")
def confidence_is_always_one(namespace, patch):
    """Every answer of the pre-trained model has a confidence of 1."""
    row = namespace["calibration"]["small"]
    row["confidence"] = [1.0] * len(row["confidence"])


@null("real-hallucination")
def the_real_model_abstains_on_inventions(namespace, patch):
    """Asked about invented countries, SmolLM2 says that it does not know."""
    namespace["told"] = evaluation.Rate(0, namespace["told"].n)


@null("real-hallucination")
def population_makes_no_difference(namespace, patch):
    """The countries are in random order, not in that of their population."""
    names = list(namespace["countries"])
    order = np.random.default_rng(0).permutation(len(names))
    shuffled = [names[i] for i in order]
    edges = namespace["edges"]
    namespace["parts"] = [shuffled[a:b] for a, b in zip(edges, edges[1:])]
    namespace["by_size"] = namespace["right_by_size"](namespace["capitals"]["right"])


@null("threshold-explorer")
def confidence_says_nothing(namespace, patch):
    """The confidences belong to other answers of the same model."""

    def change(record):
        rng = np.random.default_rng(0)
        for name in (*confidence.MODELS, confidence.CONTROL):
            row = record[name]
            row["confidence"] = rng.permutation(row["confidence"]).tolist()

    change_record(namespace, "confidence", change)


@null("threshold-explorer")
def ppo_is_as_calibrated_as_the_pretrained_model(namespace, patch):
    """The model after PPO has the answers and the confidences of the pre-trained model."""

    def change(record):
        before, *_, after = confidence.MODELS
        record[after] = record[before]

    change_record(namespace, "confidence", change)
