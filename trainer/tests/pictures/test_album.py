"""Every picture is drawn, is the same each time, holds all its words inside and none over another."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from trainer.pictures.album import PICTURES, Picture, draw, drawn
from trainer.pictures.theme import DOTS_PER_INCH, WIDTH, canvas, distinct, figure_of, shown
from trainer.tests.export.test_artefact import schema
from trainer.tests.pictures.reports import LONG, names, report

REPORTS = {
    "two classes": report("classification"),
    "four classes": report("classification", 4, columns=1),
    "forty classes": report("classification", 40),
    "numbers": report("regression"),
    "numbers told exactly": report("regression", columns=2, spread=0),
}
DRAWN = [
    pytest.param(picture, body, id=f"{picture.name} of {name}")
    for name, body in REPORTS.items()
    for picture in PICTURES
    if picture.needs(body)
]


def words(figure: Figure) -> Iterator[Text]:
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        if text.get_visible() and text.get_text().strip():
            yield text


def test_the_reports_drawn_here_keep_the_contract() -> None:
    for body in REPORTS.values():
        jsonschema.validate(body, schema("report"))


@pytest.mark.parametrize(("picture", "body"), DRAWN)
def test_words_stay_inside_and_never_overlap(picture: Picture, body: dict[str, Any]) -> None:
    with canvas(picture.height(body)) as figure:
        picture.draw(figure.subplots(), body)
        figure.draw_without_rendering()
        whole = figure.bbox.padded(1)
        boxes = []
        for text in words(figure):
            box = text.get_window_extent()
            (axes,) = figure.axes
            drawn_at = axes.bbox.padded(2)
            if text in {*axes.get_xticklabels(), *axes.get_yticklabels()}:
                middle = ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
                outside_x = text in axes.get_xticklabels() and not drawn_at.x0 <= middle[0] <= drawn_at.x1
                outside_y = text in axes.get_yticklabels() and not drawn_at.y0 <= middle[1] <= drawn_at.y1
                if (outside_x or outside_y) and text.get_rotation() == 0:
                    continue  # a tick beyond the axis: not drawn
            assert whole.x0 <= box.x0 and box.x1 <= whole.x1, text.get_text()
            assert whole.y0 <= box.y0 and box.y1 <= whole.y1, text.get_text()
            if text.get_rotation() in {0, 90}:
                boxes.append((text.get_text(), box.padded(-2)))
        for place, (one, box) in enumerate(boxes):
            for other, another in boxes[place + 1 :]:
                assert not box.overlaps(another), f"{one!r} lies over {other!r}"


def test_a_report_gives_its_pictures_and_always_the_same_bytes() -> None:
    body = REPORTS["two classes"]
    files = draw(body)
    assert list(files) == [
        f"pictures/{name}.png"
        for name in (
            "confusion_matrix",
            "roc_curve",
            "precision_recall_curve",
            "calibration",
            "importance",
            "leaderboard",
            "learning_curve",
        )
    ]
    for name, content in files.items():
        with Image.open(io.BytesIO(content)) as image:
            assert image.format == "PNG"
            assert image.width == round(WIDTH * DOTS_PER_INCH), name
            assert len(set(image.convert("L").tobytes())) > 10, f"{name} is empty"
    assert drawn(PICTURES[0], body) == files["pictures/confusion_matrix.png"]


def test_what_there_is_no_data_for_is_not_drawn() -> None:
    body = report("regression", columns=0)
    body["leaderboard"]["candidates"] = []
    body["learningCurve"]["members"] = [{"type": "linear", "steps": [1], "loss": [3.0]}]
    assert set(draw(body)) == {"pictures/predicted_vs_actual.png", "pictures/residuals.png"}


def test_a_picture_that_cannot_be_drawn_is_left_out() -> None:
    body = report("regression", columns=2)
    body["predictedVsActual"]["actual"] = ["no", "numbers"]
    assert set(draw(body)) == {"pictures/importance.png", "pictures/leaderboard.png", "pictures/learning_curve.png"}


def test_labels_are_short_and_can_be_told_apart() -> None:
    assert shown("a\nb\tc\u202e", 20) == "a b c"
    assert shown("   ", 5) == "(blank)"
    assert shown("abcdefghijkl", 7) == "abcd…kl"
    labels = distinct(names(40), 9)
    assert len(set(labels)) == 40
    assert max(map(len, labels)) <= 9
    assert distinct(["x" * 50 + "1" + "y" * 50, "x" * 50 + "2" + "y" * 50], 9) == ["…1", "…2"]
    assert distinct([LONG * 9 + "ab" * 30, LONG * 9 + "cb" * 30, LONG * 9 + "cb" * 31], 12)[0].startswith("1. ")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1234567.8, "1,234,568"), (0.012345, "0.0123"), (-67.04, "-67"), (1e9, "1.00e+09"), (1e-9, "1.00e-09")],
)
def test_figures_are_short(value: float, text: str) -> None:
    assert figure_of(value) == text
