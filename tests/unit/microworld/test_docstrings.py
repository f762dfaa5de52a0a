"""The examples in the docstrings hold, in every module."""

import doctest
import importlib
import pkgutil

import pytest

import microworld

MODULES = [module.name for module in pkgutil.walk_packages(microworld.__path__, "microworld.")]


def test_modules_of_all_folders_are_found():
    assert {"microworld.micro_world", "microworld.words.english"} <= set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_hold(module):
    assert doctest.testmod(importlib.import_module(module)).failed == 0
