"""The micro world: generated text about invented people and places, whose every fact is known.

Modules, in the order in which they import one another:

``randomness``, ``english``, ``vocabulary``, ``names``, ``schema``     chance, grammar, words
``phrases_people`` / ``_places`` / ``_events``, ``phrasing``, ``hops``  how facts are put into words
``almanac``                     the truth: entities, facts, what is held out
``telling``, ``exercises``      sentences about facts, and what was told
``encyclopedia``, ``quizzes``, ``records``, ``dialogues``, ``stories``, ``reviews``,
``arithmetic``, ``lookups``, ``patterns``, ``summaries``                the registers
``sholmi``, ``sholmi_sentences``, ``sholmi_documents``                  the second language
``registers``, ``noise``, ``exposure``, ``evaluating``                  mixtures of documents
``reading``, ``oracle``, ``translating``                                from text back to facts
``asking``, ``tasks``, ``judging``, ``demonstrations``, ``annotators``, ``comparing``
``truth``, ``writing``, ``micro_world``                                 the world as one object
"""

from .annotators import ANNOTATORS, TRUE, Annotator, Features, Taste
from .asking import KINDS, PHRASINGS, SPLITS, Question
from .comparing import Comparison
from .demonstrations import Demonstration, Demonstrator
from .exercises import Exercise
from .exposure import DEFAULT_DOCUMENTS, Mentions
from .micro_world import MicroWorld
from .noise import Noise
from .oracle import Claim, is_abstention
from .registers import LANGUAGES, REGISTERS, Document
from .tasks import TASKS
from .truth import Entity, Fact

__all__ = [
    "ANNOTATORS",
    "DEFAULT_DOCUMENTS",
    "KINDS",
    "LANGUAGES",
    "PHRASINGS",
    "REGISTERS",
    "SPLITS",
    "TASKS",
    "TRUE",
    "Annotator",
    "Claim",
    "Comparison",
    "Demonstration",
    "Demonstrator",
    "Document",
    "Entity",
    "Exercise",
    "Fact",
    "Features",
    "Mentions",
    "MicroWorld",
    "Noise",
    "Question",
    "Taste",
    "is_abstention",
]
