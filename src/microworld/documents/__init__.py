"""The registers of the corpus, mixtures of them, noise, and how often facts are mentioned."""
