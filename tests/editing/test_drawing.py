"""What the plots' templates are given lies where it should."""

from editing import drawing


def test_a_true_turn_lies_on_the_line_and_a_short_one_below_it() -> None:
    points = [{"requested": degrees, "achieved": degrees} for degrees in (-30, 0, 30)]
    plot = drawing.requested_against_achieved(
        [*points, {"requested": 20, "achieved": 10, "spread": 4}]
    )
    ideal = plot.ideal
    assert (plot.points[0]["x"], plot.points[0]["y"]) == (ideal["x1"], ideal["y1"])
    assert (plot.points[2]["x"], plot.points[2]["y"]) == (ideal["x2"], ideal["y2"])
    short = plot.points[3]
    on_the_line = plot.height - short["x"]
    assert short["y"] > on_the_line
    assert short["low"] > short["y"] > short["high"]
    assert "asked +20°, measured +10.0°" in short["told"]


def test_a_plot_without_points_still_has_its_axes() -> None:
    assert [tick["text"] for tick in drawing.requested_against_achieved([]).x_ticks] == [
        "-10",
        "0",
        "+10",
    ]


def test_a_plot_reaches_as_far_as_its_farthest_point() -> None:
    plot = drawing.requested_against_achieved([{"requested": 10, "achieved": -43}])
    assert [tick["text"] for tick in plot.x_ticks] == [
        "-60",
        "-40",
        "-20",
        "0",
        "+20",
        "+40",
        "+60",
    ]
    assert all(0 <= point["y"] <= plot.height for point in plot.points)


def test_bars_stand_for_faces_per_bin() -> None:
    bins = [
        {"yaw_min": -30, "yaw_max": -10, "count": 5, "used": True},
        {"yaw_min": -10, "yaw_max": 10, "count": 20, "used": True},
        {"yaw_min": 10, "yaw_max": 30, "count": 0, "used": False},
    ]
    plot = drawing.centroids(bins)
    tall = [bar["height"] for bar in plot.points]
    assert tall[0] * 4 == tall[1]
    assert tall[2] == 0
    assert [bar["used"] for bar in plot.points] == [True, True, False]
    assert [tick["text"] for tick in plot.x_ticks] == ["-30", "-10", "10", "30"]
