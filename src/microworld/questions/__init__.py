"""Questions and tasks about the world, their correct answers, and grading."""
