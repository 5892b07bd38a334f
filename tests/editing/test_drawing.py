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


def test_two_series_stand_beside_each_other() -> None:
    points = [{"requested": 10, "achieved": 10}]
    plot = drawing.requested_against_achieved(points, points)
    first, second = plot.points
    assert (first["series"], second["series"]) == ("first", "second")
    assert first["x"] < plot.ideal["x2"]
    assert second["x"] - first["x"] == 6
    assert first["y"] == second["y"]


def test_a_plane_keeps_angles_and_stays_within_its_frame() -> None:
    square = [(0, 0), (2, 0), (2, 2), (0, 2)]
    centroids = [{"yaw": x, "count": 4 - y, "xy": [x, y]} for x, y in square]
    plane = drawing.plane(
        {"explained": [0.7], "centroids": centroids, "left": [[0, 0], [2, 2]], "right": None}
    )
    assert plane is not None
    corner = [(point["x"], point["y"]) for point in plane.points]
    assert corner[1][0] - corner[0][0] == corner[0][1] - corner[3][1] > 50
    assert all(0 <= x <= plane.width and 0 <= y <= plane.height for x, y in corner)
    # Up is up: the second component grows towards the top.
    assert corner[3][1] < corner[0][1]
    assert [line["side"] for line in plane.lines] == ["left"]
    assert plane.points[0]["r"] > plane.points[2]["r"]
    assert "70 %" in plane.names[0]
    assert plane.names[1] == "component 2"


def test_without_centroids_there_is_no_plane() -> None:
    assert drawing.plane({}) is None


def test_mean_faces_have_their_distances_between_them() -> None:
    told = {
        "rows": ["left", "center"],
        "columns": ["nose left", "ahead"],
        "tiles": [["a.png", None], ["b.png", "c.png"]],
        "used": [[30, 3], [30, 30]],
        "counts": [[90, 3], [30, 30]],
        "between_poses": [[None], [0.0054]],
        "between_lights": [[0.01, None]],
        "published": {"between_poses": {"center": [0.0054]}, "between_lights": {}},
    }
    cells = drawing.mean_face_grid(told, {name: f"/{name}" for name in ("a.png", "b.png", "c.png")})
    assert [cell["kind"] for cell in cells] == [
        *("tile", "gap", "tile"),
        *("gap", "blank", "gap"),
        *("tile", "gap", "tile"),
    ]
    assert [cells[0]["url"], cells[2]["url"]] == ["/a.png", None]
    assert cells[1]["measured"] is None
    assert (cells[7]["measured"], cells[7]["published"]) == (".0054", ".0054")
    assert (cells[3]["measured"], cells[3]["published"]) == (".0100", None)
