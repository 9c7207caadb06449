"""What is to be learned, and everything a user can get wrong about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainer.errors import ExitCode, JobError
from trainer.tests.shop import read, shop, shop_csv
from trainer.ticket import Request
from trainer.training.problem import Problem, pose


def posed(folder: Path, content: str, target: str = "y", **more: object) -> Problem:
    return pose(read(folder, content), Request(target=target, model="auto", **more))  # type: ignore[arg-type]


def table(targets: list[str]) -> str:
    return "x,y\n" + "".join(f"{i * i % 37},{target}\n" for i, target in enumerate(targets))


@pytest.mark.parametrize(
    ("targets", "task"),
    [
        (["yes", "no"] * 20, "classification"),
        (["1", "2"] * 20, "classification"),
        (["0.5", "0.7"] * 20, "classification"),
        ([str(i % 5) for i in range(40)], "classification"),
        ([str(i) for i in range(40)], "regression"),
        ([str(i % 5) for i in range(12)], "regression"),
        ([str(i / 4) for i in range(40)], "regression"),
    ],
)
def test_the_task_is_inferred_and_said(tmp_path: Path, targets: list[str], task: str) -> None:
    problem = posed(tmp_path, table(targets))
    assert problem.task == task
    assert any(f"Task found: {task}" in note for note in problem.notes)


def test_classes_are_texts_as_they_stand_sorted_as_numbers_or_words(tmp_path: Path) -> None:
    assert posed(tmp_path, table(["10", "9", "1.0"] * 10)).classes == ["1.0", "9", "10"]
    assert posed(tmp_path, table(["b", "a", " c "] * 10)).classes == ["a", "b", "c"]


def test_rows_without_a_target_are_left_out_and_counted(tmp_path: Path) -> None:
    problem = posed(tmp_path, table(["yes", "no", ""] * 10))
    assert len(problem.y) == problem.table.rows == 20
    assert "10 of 30 rows have no usable target and were left out." in problem.notes


def test_features_asked_for_are_used_and_no_others(tmp_path: Path) -> None:
    problem, _, _ = shop(tmp_path, "price", "linear")
    assert [feature.name for feature in problem.features] == ["size", "colour"]


@pytest.mark.parametrize(
    ("content", "request_", "code", "words"),
    [
        (table(["1", "2"] * 9), {"target": "z"}, "TargetMissing", "“z”"),
        (table(["1", "2"] * 9), {"features": ("q",)}, "FeatureMissing", "“q”"),
        (table(["1", "2"] * 9), {"features": ("y",)}, "TargetIsFeature", "“y”"),
        (table(["a"] * 18), {}, "OneClass", "'a' in every row"),
        (table(["7"] * 18), {"task": "regression"}, "TargetConstant", "7 in every row"),
        (table([""] * 18), {}, "TargetEmpty", "empty"),
        (table(["a", "b"] * 9), {"task": "regression"}, "TargetNotNumeric", "texts"),
        (table(["a", "b"] * 4), {}, "TooFewRows", "8 rows"),
        (table(["a"] * 18 + ["b"]), {}, "ClassTooSmall", "“b”"),
        (table([f"c{i}" for i in range(300)]), {}, "TargetIsId", "of its own"),
        (table([f"c{i % 150}" for i in range(450)]), {}, "TooManyClasses", "150"),
        (table(["a", "b"] * 9), {"task": "clustering"}, "BadTask", "clustering"),
        (table(["a", "b"] * 9), {"split": "weekly"}, "BadSplit", "weekly"),
        (table(["a", "b"] * 9), {"split": "time:when"}, "SplitColumnMissing", "“when”"),
        ("x,y\n" + "5,a\n5,b\n" * 9, {}, "NoUsableFeatures", "same in all rows"),
    ],
)
def test_what_cannot_be_learned_is_named(
    tmp_path: Path, content: str, request_: dict[str, object], code: str, words: str
) -> None:
    with pytest.raises(JobError) as caught:
        posed(tmp_path, content, **{"target": "y", **request_})  # type: ignore[arg-type]
    assert caught.value.code == code
    assert words in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code in {ExitCode.USER, ExitCode.DATA}


def test_a_target_of_many_numbers_is_no_classification(tmp_path: Path) -> None:
    content = table([str(i) for i in range(6000)])
    with pytest.raises(JobError, match="TooManyClasses"):
        posed(tmp_path, content, task="classification")


def test_thirty_percent_missing_cells_are_fine(tmp_path: Path) -> None:
    lines = shop_csv(200).splitlines()
    holed = [lines[0]] + [",".join("" if (i * 7 + j) % 10 < 3 else cell for j, cell in enumerate(line.split(",")))
                          for i, line in enumerate(lines[1:])]  # fmt: skip
    problem = posed(tmp_path, "\n".join(holed), target="bought", features=("size", "colour"))
    assert problem.classes == ["no", "yes"]
    assert len(problem.features) == 2


def test_a_class_with_a_single_row_is_told(tmp_path: Path) -> None:
    problem = posed(tmp_path, table(["a", "b"] * 9 + ["c"]))
    assert any("single row" in note for note in problem.notes)


def test_a_column_that_alone_predicts_the_target_is_told_and_used(tmp_path: Path) -> None:
    lines = [f"{i * 37 % 101},{'left' if i % 3 else 'here'},{'yes' if i % 3 else 'no'}" for i in range(90)]
    problem = posed(tmp_path, "x,status,y\n" + "\n".join(lines))
    assert [feature.name for feature in problem.features] == ["x", "status"]
    assert any("“status” alone predicts the target (ROC AUC 1.000)" in note for note in problem.notes)


def test_a_column_named_prediction_is_allowed_and_told(tmp_path: Path) -> None:
    lines = [f"{i * 37 % 101},{'yes' if i % 3 else 'no'}" for i in range(30)]
    problem = posed(tmp_path, "prediction,y\n" + "\n".join(lines))
    assert [feature.name for feature in problem.features] == ["prediction"]
    assert any("need another name" in note for note in problem.notes)


def test_the_column_rows_are_grouped_by_is_no_feature(tmp_path: Path) -> None:
    lines = [f"{i * 37 % 101},g{i % 7},{'yes' if i % 3 else 'no'}" for i in range(60)]
    problem = posed(tmp_path, "x,team,y\n" + "\n".join(lines), split="group:team")
    assert [feature.name for feature in problem.features] == ["x"]
    assert "grouped by it" in problem.dropped[0].reason
    assert problem.separator is not None
    assert len(problem.separator.keys) == 60


def test_a_single_row_is_refused_in_the_singular(tmp_path: Path) -> None:
    with pytest.raises(JobError) as caught:
        posed(tmp_path, "x,y\n1,2.5\n3,\n", task="classification")
    assert caught.value.code in {"OneClass", "TooFewRows"}
    with pytest.raises(JobError, match="Only 9 rows have a value"):
        posed(tmp_path, table([str(i / 3) for i in range(9)]))
