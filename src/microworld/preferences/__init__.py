"""Demonstrations by simulated demonstrators, and comparisons by simulated annotators."""
