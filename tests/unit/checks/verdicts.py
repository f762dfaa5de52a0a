"""What a reader's test says about a function, for the tests of bug hunts."""


def catches(test, faulty):
    """Return whether a test fails on a function."""
    try:
        test(faulty)
    except Exception:
        return True
    return False
