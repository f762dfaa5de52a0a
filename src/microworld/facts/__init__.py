"""The true facts: entities and their values, sentences that state them, and parsing them back."""
