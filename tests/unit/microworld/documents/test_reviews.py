"""Reviews are balanced and agree with their ratings."""

from collections import Counter


def test_reviews_are_balanced_and_agree_with_their_stars(world):
    documents = list(world.labelled_documents(3000, "reviews", "english"))
    counts = Counter(d.labels["sentiment"] for d in documents)
    assert abs(counts["positive"] - counts["negative"]) < 0.1 * len(documents)
    for document in documents:
        stars = document.labels["stars"]
        sentiment = ("negative", "negative", "mixed", "positive", "positive")[stars - 1]
        assert document.labels["sentiment"] == sentiment
        rating = document.text.splitlines()[-1]
        assert str(stars) in rating or sentiment in rating
