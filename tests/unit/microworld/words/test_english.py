"""Articles and numbers in words."""

from microworld.words.english import article, in_words


def test_articles_and_numbers():
    phrases = ("owl", "goat", "hourglass", "unicorn")
    assert [article(w) for w in phrases] == ["an owl", "a goat", "an hourglass", "a unicorn"]
    assert in_words(219) == "two hundred and nineteen"
