"""The packaged digits and letters of UNIPEN, and what is said where their files are damaged."""

import gzip
import json
import re
from collections import Counter

import numpy as np
import pytest

from nnlib.datasets import unipen
from nnlib.datasets.splits import DataError
from nnlib.datasets.unipen import (
    FILES,
    load_unipen_digits,
    load_unipen_letters,
    unipen_checksums,
)
from nnlib.datasets.unipen_originals import LETTERS, LIKE_DIGITS
from nnlib.files import data_path
from nnlib.preprocessing.drawing import NO_DIGIT

N_DIGITS = 7_530


def wrong_labels() -> set[int]:
    return {int(number) for number in json.loads(data_path("unipen", FILES[2]).read_text())}


class TestDigits:
    def test_all_but_the_wrong_ones_are_loaded(self):
        wrong = wrong_labels()
        assert wrong <= set(range(1, N_DIGITS + 1))
        assert len(wrong) < N_DIGITS // 20
        assert len(load_unipen_digits()) == N_DIGITS - len(wrong)

    def test_those_that_are_left_out_are_the_numbered_ones(self):
        with gzip.open(data_path("unipen", "digits.jsonl.gz"), "rt") as lines:
            records = [json.loads(line) for line in lines]
        assert len(records) == N_DIGITS
        assert len({record["writer"] for record in records}) == 83
        wrong = wrong_labels()
        kept = [record for number, record in enumerate(records, 1) if number not in wrong]
        for drawing, record in zip(load_unipen_digits(), kept, strict=True):
            assert (drawing.label, drawing.writer) == (record["label"], record["writer"])
            assert [stroke.tolist() for stroke in drawing.strokes] == record["strokes"]

    def test_every_wrong_label_has_a_reason(self):
        reasons = json.loads(data_path("unipen", "wrong-labels.json").read_text()).values()
        assert all(isinstance(reason, str) and reason for reason in reasons)

    def test_every_digit_was_written_often(self):
        counts = Counter(drawing.label for drawing in load_unipen_digits())
        assert sorted(counts) == list(range(10)) and min(counts.values()) > 500

    def test_writers_are_of_eight_institutions(self):
        institutions = {drawing.writer.split(":")[0] for drawing in load_unipen_digits()}
        assert institutions == {"aga", "apa", "apb", "ced", "gmd", "ibm", "syn", "val"}

    def test_they_are_loaded_once(self):
        assert load_unipen_digits() is load_unipen_digits()


class TestLetters:
    def test_there_are_60_of_each(self):
        letters = load_unipen_letters()
        assert Counter(letter.note for letter in letters) == dict.fromkeys(LETTERS, 60)
        assert len({letter.writer for letter in letters}) == 87

    def test_letters_like_digits_have_no_label(self):
        for letter in load_unipen_letters():
            assert letter.label == (None if letter.note in LIKE_DIGITS else NO_DIGIT)


@pytest.mark.parametrize("load", [load_unipen_digits, load_unipen_letters])
def test_every_drawing_is_300_units_large(load):
    for drawing in load():
        points = np.concatenate(drawing.strokes)
        assert points.min(axis=0).tolist() == [100, 100]
        assert np.ptp(points, axis=0).max() == pytest.approx(300)
        assert drawing.canvas == 500


def test_checksums_are_those_of_data_readme():
    text = data_path("README.md").read_text(encoding="utf-8")
    checksums = unipen_checksums()
    assert list(checksums) == [f"unipen/{name}" for name in FILES]
    for name in FILES[:2]:  # the list of wrong labels is ours
        assert re.search(f"`{name}`.*`{checksums[f'unipen/{name}']}`", text)


class TestDamagedFiles:
    @pytest.fixture
    def folder(self, tmp_path, monkeypatch):
        """Where the files are looked for: with one digit, one letter, and nothing wrong."""
        monkeypatch.setattr(unipen, "data_path", tmp_path.joinpath)
        folder = tmp_path / "unipen"
        folder.mkdir()
        line = b'{"label": 1, "strokes": [[[1, 2], [3, 4]]]}\n'
        for name in FILES[:2]:
            (folder / name).write_bytes(gzip.compress(line * 3))
        (folder / FILES[2]).write_text('{"2": "it is a 7"}')
        return folder

    # __wrapped__: without the cache, which must not keep what is read here.
    @pytest.mark.parametrize(
        ("load", "n"),
        [(load_unipen_digits.__wrapped__, 2), (load_unipen_letters.__wrapped__, 3)],
    )
    def test_sound_files_are_read(self, folder, load, n):
        assert len(load()) == n

    @pytest.mark.parametrize("damage", ["missing", "truncated", "flipped", "no JSON", "folder"])
    @pytest.mark.parametrize("name", FILES)
    def test_damaged_file_is_named_with_the_remedy(self, folder, name, damage):
        path = folder / name
        packed = path.read_bytes()
        path.unlink()
        if damage == "truncated":
            path.write_bytes(packed[: len(packed) // 2])
        elif damage == "flipped":
            path.write_bytes(bytes([packed[0] ^ 1]) + packed[1:])
        elif damage == "no JSON":
            no_json = b"7\n[" * 1_000
            path.write_bytes(gzip.compress(no_json) if name.endswith(".gz") else no_json)
        elif damage == "folder":
            path.mkdir()
        load = load_unipen_letters if name.startswith("letters") else load_unipen_digits
        with pytest.raises(DataError, match=r"Restore it: git checkout -- data/unipen$") as caught:
            load.__wrapped__()
        assert str(path) in str(caught.value)

    @pytest.mark.parametrize("text", ['{"one": "it is a 7"}', "7", "null", "[[1]]"])
    def test_list_of_another_kind_is_damaged(self, folder, text):
        (folder / "wrong-labels.json").write_text(text)
        with pytest.raises(DataError, match=r"wrong-labels\.json is damaged\. Restore it"):
            load_unipen_digits.__wrapped__()
