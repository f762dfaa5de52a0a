"""Random numbers as the page draws them, as in distributions.js."""


def uniform(seed: int, i: int) -> float:
    """Return number ``i`` of the uniform numbers in [0, 1) of a seed: mulberry32."""
    size = 2**32
    z = ((seed ^ 0x9E3779B9) * 0x85EBCA6B + (i + 1) * 0x6D2B79F5) % size
    z = (z ^ (z >> 15)) * (z | 1) % size
    z ^= (z + (z ^ (z >> 7)) * (z | 61)) % size
    return (z ^ (z >> 14)) / size
