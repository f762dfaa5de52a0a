"""The micro world: generated text about invented people and places, with all facts known.

`MicroWorld` is the public interface. The parts, from the bottom layer to the top; each imports only
from parts above it in this table:

==================  ============================================================================
``words``           names, grammar and phrasings, in English and in Šolmi
``facts``           the true facts, sentences that state them, and parsing sentences back
``documents``       registers, their mixtures, noise, and how often facts are mentioned
``questions``       questions, tasks, true answers, and grading
``preferences``     demonstrators and annotators
``truth``           `MicroWorld` without text: entities, facts, answers, checks of claims
``writing``         adds documents and exercises to ``truth``
``micro_world``     adds questions, demonstrations and comparisons: the whole `MicroWorld`
==================  ============================================================================
"""

from microworld.documents.exposure import DEFAULT_DOCUMENTS, Mentions
from microworld.documents.noise import Noise
from microworld.documents.registers import LANGUAGES, REGISTERS, Document
from microworld.micro_world import MicroWorld
from microworld.preferences.annotators import (
    ANNOTATORS,
    HELPFUL,
    TRUE,
    Annotator,
    Features,
    Helpfulness,
    Taste,
)
from microworld.preferences.comparisons import Comparison
from microworld.preferences.demonstrations import Demonstration, Demonstrator
from microworld.questions.asking import KINDS, PHRASINGS, SPLITS, Question
from microworld.questions.oracle import Claim, is_abstention
from microworld.questions.tasks import TASKS
from microworld.truth import Entity, Fact
from microworld.words.exercises import Exercise

__all__ = [
    "ANNOTATORS",
    "DEFAULT_DOCUMENTS",
    "HELPFUL",
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
    "Helpfulness",
    "Mentions",
    "MicroWorld",
    "Noise",
    "Question",
    "Taste",
    "is_abstention",
]
