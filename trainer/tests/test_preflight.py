"""The preflight report: what an analyst would ask before money is spent."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from trainer.preflight.__main__ import main
from trainer.preflight.guess import guess_target
from trainer.preflight.report import preflight
from trainer.preflight.words import as_text
from trainer.table.columns import Column, Table, table_of
from trainer.table.reading import Reading
from trainer.tests.shop import read, shop_csv, write
from trainer.ticket import Request


def report(cells: dict[str, list[str]], target: str | None = None, **more: object) -> dict[str, object]:
    request = Request(target=target, model="auto", **more) if target else None  # type: ignore[arg-type]
    told = preflight(Reading(table_of(cells), []), request)
    json.dumps(told, allow_nan=False)
    assert as_text("data.csv", told)
    return told


def loans(rows: int = 200) -> dict[str, list[str]]:
    random = np.random.default_rng(5)
    late = random.random(rows) < 0.05
    return {
        "loan_id": [str(1000 + 3 * i) for i in range(rows)],
        "opened": [f"{1 + i % 28:02d}.{1 + i % 12:02d}.{2015 + i % 9}" for i in range(rows)],
        "amount": [f"{value:,.2f} €" for value in random.uniform(500, 90_000, rows)],
        "member": [("ja", "nein")[i % 2] for i in range(rows)],
        "grade": [("a", "b", "c")[i % 3] for i in range(rows)],
        "dunning_letters": [str(3 + i % 2) if one else "0" for i, one in enumerate(late)],
        "bonus": ["" if i % 3 else "5.5" if i % 2 else "7" for i in range(rows)],
        "defaulted": ["Yes" if one else "no" for one in late],
    }


def test_a_table_is_described_as_a_training_would_see_it() -> None:
    told = report(loans())
    target = told["target"]
    assert isinstance(target, dict)
    assert target["name"] == "defaulted"
    assert target["guessed"]
    assert "it is the last column" in target["reason"]
    assert target["task"] == "classification"
    assert [one["text"] for one in target["classes"]] == ["no", "Yes"]
    schema = {one["name"]: one for one in told["schema"]}  # type: ignore[attr-defined]
    assert list(schema) == list(loans())
    kinds = {name: one["kind"] for name, one in schema.items()}
    assert kinds["opened"] == "date (DMY)"
    assert kinds["amount"] == "number (€)"
    assert kinds["member"] == "boolean"
    assert schema["loan_id"]["role"] == "dropped"
    assert "id" in schema["loan_id"]["reason"]
    assert schema["opened"]["summary"].startswith("2015-")
    assert told["problem"] is None
    suspect = told["suspects"][0]  # type: ignore[index]
    assert suspect["column"] == "dunning_letters"
    assert suspect["figure"] == 1
    warnings = "\n".join(told["warnings"])  # type: ignore[arg-type]
    for words in ("“dunning_letters” alone predicts", "classes are unequal", "fewer than 20 rows", "“bonus” (66%)"):
        assert words in warnings


def test_a_named_target_is_not_guessed_and_features_asked_for_are_the_only_ones() -> None:
    told = report(loans(), "amount", features=("grade", "member"))
    target = told["target"]
    assert isinstance(target, dict)
    assert not target["guessed"]
    assert len(target["quantiles"]) == 11
    roles = {one["name"]: one["role"] for one in told["schema"]}  # type: ignore[attr-defined]
    assert [name for name, role in roles.items() if role == "feature"] == ["member", "grade"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a", "b", "price"], "price"),
        (["target", "a", "b"], "target"),
        (["churned", "a", "b"], "churned"),
        (["a", "y", "customer_id"], "y"),
        (["a", "b", "c"], "c"),
        (["a", "price", "date"], "price"),
    ],
)
def test_the_target_is_guessed_by_name_and_place(names: list[str], expected: str) -> None:
    random = np.random.default_rng(1)
    guess = guess_target(table_of({name: [f"{one:.3f}" for one in random.normal(size=40)] for name in names}))
    assert guess is not None
    assert guess.name == expected
    assert guess.reason


def test_long_tables_are_guessed_by_some_rows() -> None:
    values = np.arange(30_000.0)
    table = Table({name: Column(name, [], None, values * (at + 0.5)) for at, name in enumerate("abc")}, len(values))
    guess = guess_target(table)
    assert guess is not None
    assert guess.name == "c"
    assert guess.others == ["a", "b"]


def test_what_cannot_be_trained_is_told_and_the_columns_still_described() -> None:
    told = report({"a": ["1", "2", "3"] * 9, "y": [""] * 27}, "y")
    problem = told["problem"]
    assert isinstance(problem, dict)
    assert problem["code"] == "TargetEmpty"
    assert [one["kind"] for one in told["schema"]] == ["number", "empty"]  # type: ignore[attr-defined]
    nothing = report({"a": ["1"], "b": [""]})
    assert nothing["target"] is None
    assert nothing["problem"]["code"] == "NoTarget"  # type: ignore[index]


def test_an_id_sorted_by_the_target_is_told_though_it_is_not_used() -> None:
    cells = {
        "id": [str(i) for i in range(200)],
        "x": [str(i * 37 % 101) for i in range(200)],
        "y": ["no"] * 150 + ["yes"] * 50,
    }
    told = report(cells)
    assert any("“id” is not used (it only counts the rows), yet it tells" in one for one in told["warnings"])  # type: ignore[attr-defined]


def test_rows_that_contradict_each_other_are_counted() -> None:
    cells = {"x": ["1", "2"] * 50, "z": ["a", "a", "b", "b"] * 25, "y": ["yes"] * 90 + ["no"] * 10}
    told = report(cells)
    assert told["duplicateRows"] == 92
    assert any("4 rows equal an earlier one in all features but not" in one for one in told["warnings"])  # type: ignore[attr-defined]


def test_a_column_of_too_many_texts_is_text_and_wide_tables_are_cut_in_print() -> None:
    random = np.random.default_rng(0)
    columns = {f"c{i}": Column(f"c{i}", [], None, random.normal(size=60)) for i in range(70)}
    columns["t"] = Column("t", [], None, np.full(60, np.nan), overflow=True)
    told = preflight(Reading(Table(columns, 60), ["A note."]), Request(target="c0", model="auto"))
    assert told["schema"][-1]["kind"] == "text"
    printed = as_text("wide.csv", told)
    assert "… and 11 more columns, 1 of them not used" in printed
    assert "- A note." in printed
    assert max(map(len, printed.splitlines())) <= 120


def test_many_small_classes_are_shortened() -> None:
    cells = {"x": [str(i * 37 % 101) for i in range(120)], "y": [f"k{i % 12}" for i in range(120)]}
    told = report(cells)
    assert any("12 of 12 classes have fewer than 20 rows" in one for one in told["warnings"])  # type: ignore[attr-defined]
    assert "and 2 more" in " ".join(as_text("data.csv", told).split())


def test_the_command_prints_text_or_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, shop_csv(100), "shop.csv")
    assert main([str(path)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("shop.csv: 100 rows, 5 columns")
    assert main([str(path), "--target", "price", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["target"]["name"] == "price"
    assert told["need"]["instanceGiB"] >= 1


def test_the_command_ends_with_the_code_of_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(write(tmp_path, b"\x89PNG\r\n\x1a\n", "a.csv"))]) == 11
    assert "NotATable" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([str(tmp_path / "none.csv")])


def test_a_missing_target_is_told(tmp_path: Path) -> None:
    told = preflight(read(tmp_path, shop_csv(40)), Request(target="nope", model="auto"))
    assert told["problem"]["code"] == "TargetMissing"
    assert told["target"]["task"] is None
