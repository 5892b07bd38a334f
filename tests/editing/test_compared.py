"""Tables tell what results hold, and have no row for what none of them holds."""

from editing import compared
from editing.models import Direction, Edit


def direction(**result: object) -> Direction:
    return Direction(filter="dataset=many&consensus=left", bins=[-20, 0, 20], result=result)


def row(table: list[dict], name: str) -> list[str | None] | None:
    return next((one["values"] for one in table if one["name"] == name), None)


def test_a_figure_that_only_one_has_is_told_beside_a_gap() -> None:
    spread = {"cosine": [0.8, 0.9, 0.95]}
    a = direction(check={"mae": 4.04, "light_kept": None}, lines={"left": {"spread": spread}})
    b = direction(check={"mae": 6.2}, lines={"left": None})
    table = compared.table([a, b])
    assert row(table, "off the asked degrees, mean") == ["4.0°", "6.2°"]
    assert row(table, "refits against it, cosine, left") == ["0.9 (0.8 to 0.95)", None]
    assert row(table, "keep the side of the light") is None
    assert row(table, "faces") == ["consensus left"] * 2
    # What tells of lines only is told apart from what tells of heads.
    assert [one["name"] for one in table if one.get("is_finer")] == [
        "refits against it, cosine, left"
    ]


def test_only_options_that_leave_the_usual_way_are_told() -> None:
    plain, other = direction(), direction()
    other.recipe = {"subtract": ["light", "Male"], "mirror": True, "ridge": 2.5}
    table = compared.table([plain, other])
    assert row(table, "subtract") == ["nothing", "light, Male"]
    assert row(table, "mirror") == ["no", "yes"]
    assert row(table, "ridge") == ["0", "2.5"]
    assert row(table, "motion") is None


def test_frames_have_a_column_for_each_figure_that_was_measured() -> None:
    frames = [
        {"light": {"left": 0.9, "right": 0.1}, "identity": {"cosine": 0.95}, "rounds": 2},
        {"light": {"left": 0.2, "right": 0.8}, "identity": None, "rounds": 1},
    ]
    names, rows = compared.frames_table({"choices": ["left", "right"], "frames": frames})
    assert names == ["Light left", "Light right", "Likeness to the photo", "Tries"]
    assert rows == [["0.90", "0.10", "0.95", "2"], ["0.20", "0.80", "–", "1"]]


def test_turned_faces_tell_how_they_were_asked_for() -> None:
    looped = Edit(settings={"closed_loop": True, "hold_light": False}, result={"yaw_mae": 2.0})
    plain = Edit(settings={"closed_loop": False}, result={"yaw_mae": 5.0, "light_kept": 1.0})
    table = compared.edits_table([looped, plain])
    assert row(table, "closed loop") == ["yes", "no"]
    assert row(table, "holds the light") is None
    assert row(table, "path") is None
    walked = Edit(settings={"path": "walk"}, result={})
    assert row(compared.edits_table([plain, walked]), "path") == ["line", "walk"]
    assert row(table, "off the asked degrees, mean") == ["2.0°", "5.0°"]
    assert row(table, "frames that keep the side of the light") == [None, "100 %"]
