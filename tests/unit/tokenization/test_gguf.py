"""Properties of GGUF files as containers and tokenizers; weights are in models/test_gguf.py."""

import gguf
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmlab.tokenization import gguf as ours
from fmlab.tokenization.gguf import from_gguf
from fmlab.tokenization.gguf_format import read_gguf
from fmlab.tokenization.special_tokens import end_of_response, end_of_text
from tests.unit.tiny_llama import CONFIG, END, SPECIAL, chat_tokenizer, fields_of, write_gguf

texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(" \n'slow12½Ġ<|im_"))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A file with a tokenizer and no tensors."""
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tokenizer.gguf", fields_of(CONFIG))


# --- the container --------------------------------------------------------------------------------

FIELDS = {
    "text": "Šolmi \N{SNOWMAN}",
    "yes": True,
    "no": False,
    "number": 7,
    "float": 0.1,
    "texts": ["a", "", "é"],
    "numbers": [1, -2, 3],
    "floats": [0.5, -1.5],
}


def test_fields_and_tensors_are_those_that_the_package_gguf_reads(tmp_path):
    tensors = {
        "one": np.arange(3, dtype=np.float32),
        "two": np.arange(64, dtype=np.float32).reshape(2, 32),
    }
    path = write_gguf(tmp_path / "any.gguf", FIELDS, tensors, "Q8_0")
    ours, theirs = read_gguf(path), gguf.GGUFReader(path)
    assert set(ours.fields) == set(FIELDS)
    for name, value in ours.fields.items():
        assert value == theirs.fields[name].contents()
        assert type(value) is type(FIELDS[name])
    assert set(ours.tensors) == set(tensors)
    for tensor in theirs.tensors:
        found = ours.tensors[tensor.name]
        assert found.shape == tensors[tensor.name].shape
        assert found.kind == tensor.tensor_type.name
        assert found.data.tobytes() == np.ascontiguousarray(tensor.data).tobytes()


def test_alignment_of_the_file_is_respected(tmp_path):
    tensors = {"a": np.arange(3, dtype=np.float32), "b": np.arange(5, dtype=np.float32)}
    writer = gguf.GGUFWriter(tmp_path / "a.gguf", "none")
    writer.add_custom_alignment(128)
    for name, array in tensors.items():
        writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    file = read_gguf(tmp_path / "a.gguf")
    assert file.fields["general.alignment"] == 128
    for name, array in tensors.items():
        assert file.tensors[name].data.view("<f4").tolist() == array.tolist()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "must be a GGUF file; got 'an empty file'"),
        (b"PK\x03\x04" + bytes(60), "must be a GGUF file, which begins with b'GGUF'; got b'PK"),
        (b"GGUF\x00\x00\x00\x03" + bytes(60), "GGUF.version must be 2 or 3, little-endian; got 50"),
        (b"GGUF\x01\x00\x00\x00" + bytes(60), "GGUF.version must be 2 or 3, little-endian; got 1"),
        (b"GGUF\x03\x00\x00\x00" + b"\xff" * 16, "is truncated: it ends at byte 24"),
        (
            b"GGUF\x03\x00\x00\x00" + bytes(8) + b"\x01" + bytes(7) + b"\x01" + bytes(7) + b"a\x63",
            "is truncated",
        ),
        (
            b"GGUF\x03" + bytes(11) + b"\x01" + bytes(7) + b"\x01" + bytes(7) + b"a\x63" + bytes(9),
            "a must be a number, a text, or an array of numbers or texts; got 'type 99'",
        ),
        (
            b"GGUF\x03" + bytes(11) + b"\x01" + bytes(7) + b"\x01" + bytes(7) + b"\xff" + bytes(9),
            "name of a field in .* is damaged",
        ),
    ],
)
def test_file_of_another_kind_or_damaged_is_refused(tmp_path, data, message):
    path = tmp_path / "wrong.gguf"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=message):
        read_gguf(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.gguf does not exist"):
        read_gguf(tmp_path / "no.gguf")


# --- the tokenizer --------------------------------------------------------------------------------


def test_tokenizer_of_a_file_is_the_one_that_it_was_made_from(path):
    found, expected = from_gguf(path), chat_tokenizer()
    assert found.vocab == expected.vocab
    assert found.merges == expected.merges
    assert found.special_tokens == {token: i for i, token in enumerate(SPECIAL)}
    assert found.chat_template == expected.chat_template
    assert (end_of_text(found), end_of_response(found)) == (0, SPECIAL.index(END))
    for text in ("low 2048 lower", "it's\n  12½ low", f"a{END}b"):
        assert found.encode(text, "all") == expected.encode(text, "all")


@settings(deadline=None, derandomize=True, max_examples=200)
@given(text=texts)
def test_decoding_an_encoding_gives_back_any_text(text):
    tokenizer = chat_tokenizer()
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_file_without_a_template_or_first_token_is_read(tmp_path):
    fields = fields_of(CONFIG)
    del fields["tokenizer.ggml.bos_token_id"]
    assert from_gguf(write_gguf(tmp_path / "a.gguf", fields)).chat_template.start == ""
    del fields["tokenizer.chat_template"]
    tokenizer = from_gguf(write_gguf(tmp_path / "b.gguf", fields))
    assert tokenizer.chat_template is None
    assert end_of_response(tokenizer) == end_of_text(tokenizer) == 0


def test_words_are_split_as_the_file_names_it(tmp_path):
    fields = fields_of(CONFIG) | {"tokenizer.ggml.pre": "gpt-2"}
    gpt2 = from_gguf(write_gguf(tmp_path / "a.gguf", fields))
    assert gpt2._split_words("a 12") == ["a", " 12"]
    assert chat_tokenizer()._split_words("a 12") == ["a", " ", "1", "2"]


DELETE = object()
WRONG = {
    "another kind": (
        {"tokenizer.ggml.model": "llama"},
        "tokenizer.ggml.model must be 'gpt2'; got 'llama'",
    ),
    "no kind": ({"tokenizer.ggml.model": DELETE}, "tokenizer.ggml.model must be 'gpt2'; got None"),
    "another split": (
        {"tokenizer.ggml.pre": "llama-bpe"},
        "tokenizer.ggml.pre must be 'gpt-2' or 'smollm'; got 'llama-bpe'",
    ),
    "space in front": (
        {"tokenizer.ggml.add_space_prefix": True},
        "tokenizer.ggml.add_space_prefix must be False; got True",
    ),
    "no tokens": ({"tokenizer.ggml.tokens": DELETE}, "tokenizer.ggml.tokens must be list, in"),
    "token twice": (
        {"tokenizer.ggml.tokens": ["a"] * CONFIG.vocab_size},
        "tokenizer.ggml.tokens must be distinct texts",
    ),
    "no types": ({"tokenizer.ggml.token_type": DELETE}, "tokenizer.ggml.token_type must be list"),
    "too few types": (
        {"tokenizer.ggml.token_type": [3, 3, 3]},
        "tokenizer.ggml.token_type must be 262 types, one per token; got 3",
    ),
    "a byte as a token": (
        {"tokenizer.ggml.token_type": [6] * CONFIG.vocab_size},
        r"tokenizer.ggml.token_type must be 1 \(normal\) or 3 \(control\) .*; got \"6 for '<\|endo",
    ),
    "no merges": ({"tokenizer.ggml.merges": DELETE}, "tokenizer.ggml.merges must be list"),
    "merge of unknown tokens": (
        {"tokenizer.ggml.merges": ["l o", "x yz"]},
        r"model\.merges must be of two tokens in model\.vocab into a third; got \('x', 'yz'\)",
    ),
    "template is a number": (
        {"tokenizer.chat_template": 5},
        "tokenizer.chat_template must be str; got 5",
    ),
    "no end": (
        {"tokenizer.ggml.eos_token_id": DELETE},
        "tokenizer.ggml.eos_token_id must be int",
    ),
    "end beyond the tokens": (
        {"tokenizer.ggml.eos_token_id": 300},
        "tokenizer.ggml.eos_token_id must be an id from 0 to 261; got 300",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_field_is_named(tmp_path, case):
    change, message = WRONG[case]
    fields = {k: v for k, v in (fields_of(CONFIG) | change).items() if v is not DELETE}
    path = write_gguf(tmp_path / "wrong.gguf", fields)
    with pytest.raises(ValueError, match=message) as error:
        from_gguf(path)
    assert str(error.value).startswith(f"{path} is damaged or not supported: ")


# --- SmolLM2 --------------------------------------------------------------------------------------


def test_smollm2_is_read_from_its_package(tmp_path, monkeypatch):
    path = write_gguf(tmp_path / "tiny.gguf", fields_of(CONFIG))
    requests = []
    monkeypatch.setattr(ours, "installed_file", lambda *request: requests.append(request) or path)
    assert ours.smollm2_tokenizer().vocab == from_gguf(path).vocab
    assert requests == [(ours.SMOLLM2_PACKAGE, ours.SMOLLM2_FILE, ours.SMOLLM2_SHA256)]
