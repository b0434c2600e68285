"""Tables of predictions come back as they were written, and say file and line where they cannot."""

import gzip

import numpy as np
import pandas as pd
import pytest

from vitrify.errors import FileFormatError, ParameterError
from vitrify.readers.predictions import read_predictions


def written(tmp_path, text, name="table.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_numbers_come_back_bit_for_bit_in_the_order_of_the_file(tmp_path):
    values = np.random.default_rng(0).normal(size=200) * 10.0 ** np.arange(-100, 100)
    rows = [f"0,{k},{v!r}" for k, v in enumerate(values.tolist())][::-1]
    table = read_predictions(written(tmp_path, "configuration,particle,mine\n" + "\n".join(rows) + "\n"))
    assert table.values[:, 0].tobytes() == values[::-1].tobytes()
    assert table.particle.tolist() == list(range(200))[::-1]


def test_parquet_and_compressed_text_hold_the_same(tmp_path):
    frame = pd.DataFrame(
        {"frame": [3, 3, 7], "particle": [0, 2, 1], "species": ["A", "B", "A"], "mine": [0.1, np.nan, 1 / 3]}
    )
    frame.to_parquet(tmp_path / "table.parquet")
    with gzip.open(tmp_path / "table.csv.gz", "wt") as file:
        frame.to_csv(file, index=False)
    for name in ("table.parquet", "table.csv.gz"):
        table = read_predictions(tmp_path / name, "frame")
        assert table.groups.tolist() == [3, 3, 7]
        assert table.species.tolist() == ["A", "B", "A"]
        np.testing.assert_array_equal(table.values[:, 0], [0.1, np.nan, 1 / 3])


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_comments_and_empty_lines_keep_the_count_of_lines(tmp_path, separator):
    lines = ["# made by hand", "configuration,particle,mine", "0,0,1", "", "0,1,2"]
    table = read_predictions(written(tmp_path, "\n".join(lines).replace(",", separator)))
    assert table.lines.tolist() == [3, 5]
    assert table.values[:, 0].tolist() == [1.0, 2.0]


def test_positions_and_words_are_no_predictions(tmp_path):
    text = "configuration,particle,time,x,y,comment,mine,other\n0,0,1.5,0,0,good,1,2\n"
    table = read_predictions(written(tmp_path, text))
    assert table.names == ("mine", "other")
    assert table.ignored == ("comment",)
    assert table.time.tolist() == [1.5]


def test_configurations_may_be_words(tmp_path):
    table = read_predictions(written(tmp_path, "configuration,particle,mine\nrun_1,0,1\nrun_2,0,2\n"))
    assert table.groups.tolist() == ["run_1", "run_2"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty. Write a line of names"),
        ("configuration,particle,mine\n", "has columns but no rows"),
        ("configuration,mine\n0,1\n", "has no column 'particle'; it has configuration, mine"),
        ("configuration,particle\n0,1\n", "has no column with a prediction"),
        ("configuration,particle,mine\n0,1,word\n", "no column with a prediction beside .* Not numbers: mine"),
        ("configuration,particle,mine\n0,0,1\n0,1,soft\n", "line 3: `mine` must be a finite number; it is 'soft'"),
        ("configuration,particle,mine\n0,0,1\n0,1,inf\n", "line 3: `mine` must be a finite number"),
        ("configuration,particle,mine\n0,0.5,1\n", r"line 2: `particle` must be a whole number from 0; it is 0\.5"),
        ("configuration,particle,mine\n0,-1,1\n", "line 2: `particle` must be a whole number from 0"),
        ("configuration,particle,mine\n0,0,1\n0,,1\n", "line 3: `particle` is empty"),
        ("configuration,particle,mine\na,0,1\n,1,1\n", "line 3: `configuration` is empty"),
        ("configuration,particle,mine\n0,0,1,2\n", "cannot be read as a table"),
        ("configuration,particle,mine,mine\n0,0,1,2\n", "has the column 'mine' twice"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_said_with_its_line(tmp_path, text, words):
    with pytest.raises(FileFormatError, match=words):
        read_predictions(written(tmp_path, text))


def test_a_missing_or_damaged_file_is_named(tmp_path):
    with pytest.raises(FileFormatError, match="There is no table"):
        read_predictions(tmp_path / "none.csv")
    with pytest.raises(FileFormatError, match="cannot be read as parquet"):
        read_predictions(written(tmp_path, "no parquet", "table.parquet"))
    with pytest.raises(ParameterError, match="`group` must be"):
        read_predictions(tmp_path / "none.csv", "run")
