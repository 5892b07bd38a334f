import pytest

from editing.management.local_tables import Records, as_text, summary, write_plot


def edit(face: int, method: str, roir: float, size: float = 0.12, **more: float) -> dict:
    return {
        "face": f"{face:06d}.jpg", "region": "eyes", "method": method, "size": size,
        "strength": 0.1, "roir": roir, "ssim_outside": 0.9, "yaw_shift": -1.0 * face,
        "light_shift": None, "identity": 0.8, "transfer_roir": roir,
        "transfer_per_pixel": roir / 2, **more,
    }  # fmt: skip


def edits() -> list[dict]:
    found = []
    for face in range(1, 10):
        found += [edit(face, "svd", 1.0 + face / 10), edit(face, "locality", 0.4 + face / 50)]
    return [*found, edit(11, "locality", 0.01, size=0.05)]


def test_records_written_face_by_face_are_read_again(tmp_path):
    records = Records(tmp_path / "run" / "edits.csv")
    records.add(edits()[:2])
    records.add(edits()[2:4])
    again = Records(tmp_path / "run" / "edits.csv")
    assert again.rows == records.rows
    assert again.methods_of("000002.jpg") == {"svd", "locality"}
    assert again.methods_of("000003.jpg") == set()
    assert again.rows[0]["light_shift"] is None


def test_medians_intervals_and_the_ratio_to_plain_svd_count_only_edits_of_the_size():
    told = summary(edits(), 0.12)
    local, plain = told["locality"], told["svd"]
    assert (local["edits"], local["missed_size"]) == (9, 1)
    middle, low, high = local["roir_median"]
    assert middle == 0.5
    assert 0.4 < low < middle < high < 0.6
    assert local["roir_over_svd"][0] == pytest.approx(0.5 / 1.5, abs=1e-3)
    assert plain["roir_over_svd"][0] == 1
    assert local["yaw_shift"][0] == 5  # sizes, not signs
    assert (local["transfer_rate"][0], plain["transfer_rate"][0]) == (1, 0)
    assert plain["transfer_rate_per_pixel"][0] == 1
    assert set(local["transfer_by_region"].values()) == {1}
    assert set(plain["transfer_by_region"].values()) == {0}
    assert local["light_shift"] is None


def test_the_table_and_the_plot_have_every_method(tmp_path):
    told = summary(edits(), 0.12)
    assert {line.split()[0] for line in as_text(told).splitlines()[1:]} == {"svd", "locality"}
    write_plot(told, tmp_path / "roir.png")
    assert (tmp_path / "roir.png").stat().st_size > 5000


def test_a_method_that_never_reached_the_size_is_told_without_figures(tmp_path):
    told = summary([*edits(), edit(1, "jive", 0.5, size=0.02)], 0.12)
    assert told["jive"]["roir_median"] is None
    assert (told["jive"]["edits"], told["jive"]["missed_size"]) == (0, 1)
    assert "jive" in as_text(told)
    write_plot(told, tmp_path / "roir.png")
