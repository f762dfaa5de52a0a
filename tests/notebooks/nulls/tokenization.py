"""The nulls of the chapter on tokenization."""

import random
from collections import Counter

import torch
from babel import Locale
from torch.nn import Parameter

from fmlab import evaluation, tokenization
from fmlab.tokenization import BPETokenizer, HubTokenizer, learn_merges
from fmlab.tokenization.tiktoken_ranks import RankTokenizer
from tests.notebooks.nulls.registry import null


@null("bpe")
def rarest_pair_is_merged(namespace, patch):
    """Each step merges the rarest pair instead of the most frequent one."""

    class Rarest(Counter):
        def most_common(self, n):
            return super().most_common()[-n:]

    namespace["Counter"] = Rarest


@null("bpe")
def merges_are_not_ordered_by_frequency(namespace, patch):
    """How often a pair is seen has nothing to do with when it is merged."""

    def shuffled(*arguments):
        pairs, counts = zip(*learn_merges(*arguments))
        return zip(pairs, random.Random(0).sample(counts, len(counts)))

    patch(tokenization, "learn_merges", shuffled)


@null("bpe")
def longest_token_is_matched(namespace, patch):
    """Encoding takes the longest token that fits, whatever the order of the merges."""

    def encode(self, text, **options):
        ids, rest = [], text.encode()
        by_token = {token: i for i, token in self.vocab.items()}
        while rest:
            n = max(n for n in range(1, len(rest) + 1) if rest[:n] in by_token)
            ids.append(by_token[rest[:n]])
            rest = rest[n:]
        return ids

    patch(BPETokenizer, "encode", encode)


@null("tokenizer-tradeoffs", before="size-2")
def merges_come_from_shuffled_letters(namespace, patch):
    """The merges are learned from words whose letters were shuffled."""
    rnd, words = random.Random(0), Counter()
    for word, count in namespace["word_counts"].items():
        words[bytes(rnd.sample(word, len(word)))] += count
    learned = list(learn_merges(words, len(namespace["learned"])))
    namespace["learned"] = learned
    namespace["tokenizer"] = BPETokenizer([pair for pair, _ in learned[: 4096 - 256]])


@null("tokenizer-tradeoffs")
def every_doubling_gains_the_same(namespace, patch):
    """Every doubling of the vocabulary makes tokens longer by the same number of bytes."""
    namespace["bytes_per_token"] = [1 + 0.5 * i for i in range(len(namespace["sizes"]))]


@null("tokenizer-tradeoffs", before="size-2")
def no_word_is_split(namespace, patch):
    """Unseen words are spelled byte by byte, because there are no merges."""
    namespace["tokenizer"] = BPETokenizer([])


@null("token-quirks")
def text_is_normalized(namespace, patch):
    """The tokenizer ignores case and spaces at the ends of a text."""
    encode = BPETokenizer.encode
    patch(BPETokenizer, "encode", lambda self, text, **o: encode(self, text.strip().lower(), **o))


@null("token-quirks")
def last_space_makes_no_difference(namespace, patch):
    """The model answers the prompt with a space at the end as it answers the one without."""
    ask = evaluation.ask
    patch(evaluation, "ask", lambda *a, form, **o: ask(*a, form=form.rstrip(" "), **o))


@null("token-quirks")
def half_characters_are_dropped(namespace, patch):
    """Decoding drops bytes that are not a whole character."""
    patch(BPETokenizer, "decode", lambda self, ids: self.decode_bytes(ids).decode(errors="ignore"))


@null("token-quirks")
def embeddings_are_untrained(namespace, patch):
    """The embeddings that the probe reads are random numbers."""
    random_numbers = torch.Generator().manual_seed(2)
    patch(Parameter, "detach", lambda self: torch.randn(self.shape, generator=random_numbers))


@null("real-tokenizers", before="real-names")
def every_byte_is_a_token(namespace, patch):
    """Both tokenizers take a token for every byte, so a longer name costs more in any language."""
    patch(RankTokenizer, "encode", lambda self, text, **options: list(text.encode()))
    patch(HubTokenizer, "encode", lambda self, text, **options: list(text.encode()))


@null("real-tokenizers", before="real-5")
def length_is_all_for_names_of_languages(namespace, patch):
    """For names of languages, the tokens relative to English are the bytes relative to English."""
    namespace["differences"] = {lang: 0 * d for lang, d in namespace["differences"].items()}


@null("real-tokenizers", before="real-names")
def every_language_has_the_english_names(namespace, patch):
    """The names are the English ones in every language."""
    namespace["Locale"] = lambda tag: Locale("en")
