"""Real text for comparisons with other tokenizers, beside the documentation of the packages."""

from pydoc_data.topics import topics

# The topics of Python's own help(): about 0.5 MB, another text in each version.
LANGUAGE_REFERENCE = "\n\n".join(topics[name] for name in sorted(topics))
