"""The datasheet of a release: its manifest in words and tables, as Markdown and for the page.

It is made from the manifest alone, so the same release always has the same sheet.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from labeling.models import Campaign

NAME, PICTURE = "datasheet.md", "mean_faces.png"
MOST_ANNOTATORS = 200
WHY_ASKED = {
    "doubt": "the model was in doubt, spread over unlike faces and over the choices",
    "again": "people and model disagreed",
    "lot": "drawn by lot among open faces",
    "stratum": "before there was a model: each light and head turn in its turn",
    "audit": "an audit face, drawn by lot from faces without votes",
    "": "no reason was kept: by the queue's random order, in the grid, or sent as a file",
}


@dataclass(frozen=True)
class Section:
    """A heading, paragraphs, and a table; the first column of a row names it."""

    title: str
    texts: list[str]
    head: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    picture: str = ""


def markdown(manifest: dict[str, Any]) -> str:
    """The whole sheet as Markdown."""
    campaign = manifest["campaign"]
    lines = [f"# Datasheet: {_plain(campaign['title'])}, release {manifest['number']}", ""]
    for section in sections(manifest):
        lines += [f"## {section.title}", ""]
        for text in section.texts:
            lines += [_plain(text), ""]
        if section.picture:
            lines += [f"![{section.title}]({section.picture})", ""]
        if section.rows:
            lines += [_row(section.head), _row(["---", *["---:"] * (len(section.head) - 1)], "")]
            lines += [*map(_row, section.rows), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _row(cells: Iterable[str], escaped: str = "\\`*_<[]|") -> str:
    return f"| {' | '.join(_plain(cell, escaped) for cell in cells)} |"


def _plain(text: str, escaped: str = "\\`*_<[]|") -> str:
    """Words that Markdown takes for words, on one line."""
    one_line = " ".join(text.split())
    return re.sub(f"([{re.escape(escaped)}])", r"\\\1", one_line) if escaped else one_line


def sections(manifest: dict[str, Any]) -> Iterator[Section]:
    """The sheet's parts in order; a manifest from before there were datasheets has fewer."""
    record = manifest.get("record") or {}
    yield _about(manifest)
    yield _labels(manifest, record)
    yield _proportions(manifest)
    yield from _promise(manifest, manifest.get("certificate") or {})
    if record:
        yield _agreement(record["agreement"])
        yield _annotators(record["annotators"])
        yield _asked(record["asked"])
    yield _rules(manifest, record.get("rules"))
    if told := manifest.get("mean_faces"):
        yield mean_faces(told, PICTURE)
    yield _not_promised(manifest)


def _about(manifest: dict[str, Any]) -> Section:
    campaign, dataset = manifest["campaign"], manifest["dataset"]
    asked_at = datetime.fromisoformat(manifest["created_at"])
    texts = [
        f"Annotators were asked: {campaign['prompt']}",
        f"Dataset {dataset['name']}, {dataset['n_faces']:,} faces. Labels were fixed from what was "
        f"known after release {manifest['number']} was asked for, {asked_at:%Y-%m-%d, %H:%M %Z}.",
    ]
    if dataset["is_rendered"]:
        texts.append("The faces are rendered, not photographs of people.")
    voters = manifest["votes_by_source"]
    told = ", ".join(f"{n:,} {source}" for source, n in sorted(voters.items())) or "none"
    texts.append(f"Votes behind the labels by how they came: {told}.")
    if "simulated" in voters:
        texts.append("Simulated votes were made by a program from known truth, not by people.")
    return Section("What this is", texts)


def _labels(manifest: dict[str, Any], record: dict[str, Any]) -> Section:
    n_labels = manifest["n_labels"]
    rows = []
    for choice in manifest["campaign"]["choices"]:
        counts = manifest["counts"][choice["value"]]
        total = sum(counts.values())
        each = [f"{counts['human']:,}", f"{counts['model']:,}", f"{total:,}"]
        rows.append([choice["label"], *each, _percent(total / n_labels)])
    n_faces = record.get("n_faces") or manifest["dataset"]["n_faces"]
    texts = [
        f"{n_labels:,} labels for {n_faces:,} faces of the campaign: coverage "
        f"{_percent(n_labels / n_faces)}. Human: the face has votes of people, weighed together "
        "with the model's word. Model: it has none. These are counts of the labels here; how "
        "common a choice is among all faces, the next section estimates."
    ]
    return Section(
        "Labels by choice and source", texts, ["Choice", "Human", "Model", "All", "Share"], rows
    )


def _proportions(manifest: dict[str, Any]) -> Section:
    title, told = "How common each choice is", manifest.get("proportions")
    if not told:
        return Section(title, ["Not estimated: it takes audit faces, and there were none."])
    rows = [
        [choice["label"], *_estimate(told["shares"][choice["value"]], percent=True)]
        for choice in manifest["campaign"]["choices"]
    ]
    text = (
        f"Among {told['n_faces']:,} faces, from {told['n_audit']:,} audit faces and the model's "
        f"word on all ({told['procedure']}), with {_percent(told['confidence'])} intervals. "
        f"{told['n_unsettled']:,} audit faces were not settled; they and faces of which people "
        "can't tell are none of the choices, so shares may add up to less than 100%."
    )
    return Section(title, [text], ["Choice", "Share", "From", "To"], rows)


def _promise(manifest: dict[str, Any], told: dict[str, Any]) -> Iterator[Section]:
    first = "An error rate is certified." if told.get("certified") else "No error rate is promised."
    texts = [f"{first} {told.get('reason', '')}"]
    if told.get("look"):
        texts.append(
            f"Procedure {told['procedure']}, look {told['look']} at these audit faces, of which "
            f"{told['n_audit']:,} were read. This look may be wrong with a chance of "
            f"{told['delta']:.6g}. Of {told['n_pool']:,} faces that only the model had labeled, "
            f"{told['n_certified']:,} are certified ({_percent(told['coverage'])})."
        )
    names = ["Certified", "Audit faces among them", "Wrong ones"]
    keys = ("n_certified", "n_accepted", "errors")
    by_choice = told.get("by_choice", {})
    rows = [
        [choice["label"], *[f"{by_choice[choice['value']][key]:,}" for key in keys]]
        for choice in manifest["campaign"]["choices"]
        if choice["value"] in by_choice
    ]
    yield Section("What is promised", texts, ["Choice", *names], rows)
    if by_yaw := told.get("by_yaw"):
        rows = [[_degrees(*row["yaw"]), *[f"{row[key]:,}" for key in keys]] for row in by_yaw]
        text = "Only the whole is promised, not each row; below 0 degrees the nose points left."
        yield Section("The certificate by head turn", [text], ["Yaw", *names], rows)


def _degrees(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return "unknown"
    if low is None:
        return f"below {high:g}"
    return f"{low:g} to {high:g}" if high is not None else f"{low:g} and more"


def _agreement(told: dict[str, Any]) -> Section:
    title = "How far annotators agree"
    texts = [
        f"{told['units']:,} faces have two answers or more, of {told['votes']:,} votes. "
        f"{told['n_accepted']:,} accepted suggestions are left out: who accepts the same one "
        "agrees with the model."
    ]
    if told["unsure_share"] is not None:
        texts.append(f'{_percent(told["unsure_share"])} of the votes say "can\'t tell".')
    if told["units"] < 2:
        return Section(title, [*texts, "So few faces tell nothing about agreement."])
    texts.append("Krippendorff's alpha: 1 when all agree, 0 when by chance; 95% intervals.")
    rows = [[name, *_estimate(told["alpha"][name])] for name in sorted(told["alpha"])]
    return Section(title, texts, ["Alpha", "Value", "From", "To"], rows)


def _annotators(people: list[dict[str, Any]]) -> Section:
    text = (
        f"{len(people):,} annotators, under names that mean nothing outside this release. Accuracy "
        "is the share of their votes that agree with what is believed of faces that others or the "
        "model also judged, with a 95% interval; it is an estimate, not a test."
    )
    if len(people) > MOST_ANNOTATORS:
        text += f" The first {MOST_ANNOTATORS} are listed here, all in the manifest."
    rows = [
        [person["annotator"], f"{person['n_votes']:,}", *_accuracy(person["accuracy"])]
        for person in people[:MOST_ANNOTATORS]
    ]
    head = ["Annotator", "Votes", "Judged", "Accuracy", "From", "To"]
    return Section("Annotators", [text], head, rows)


def _accuracy(told: dict[str, Any] | None) -> list[str]:
    if not told:
        return ["unknown"] * 4
    return [f"{told['n_judged']:,}", *_estimate(told, percent=True)]


def _asked(reasons: list[dict[str, Any]]) -> Section:
    rows = []
    for row in reasons:
        chance = row["chance"]
        told = f"{chance['least']:.4g} to {chance['most']:.4g}" if chance else "not kept"
        why = WHY_ASKED.get(row["reason"], row["reason"])
        rows.append([why, row["kind"], f"{row['n_votes']:,}", told])
    text = "Each vote keeps why its face was asked about and, where a lot decided, the chance."
    return Section("How votes were asked for", [text], ["Why", "Kind", "Votes", "Chance"], rows)


def _rules(manifest: dict[str, Any], rules: dict[str, Any] | None) -> Section:
    texts = []
    if rules:
        rule = rules["stop_rule"]
        closing = dict(Campaign.StopRule.choices).get(rule, "a rule of its time")
        texts.append(
            f"Rule by which a face has enough votes: {rule} ({closing}), from "
            f"{rules['votes_min']} to {rules['votes_max']} votes; {rules['audit_votes']} on audit "
            "faces, always blind."
        )
        shown = f"shown, {_percent(rules['blind_share'])} withheld by lot"
        hidden = "not shown in single mode"
        texts.append(f"Suggestions: {shown if rules['shows_suggestions'] else hidden}.")
    model = manifest.get("classifier")
    texts.append(
        f"Classifier version {model['version']} of this campaign, features "
        f"{model['feature_version']}; its card is in the manifest."
        if model
        else "There was no classifier."
    )
    texts.append(f"Format {manifest['format']}.")
    return Section("Rules and versions", texts)


def mean_faces(told: dict[str, Any], picture: str = "") -> Section:
    """The table light by pose, with distances between neighbours beside the published ones."""
    low, high = told["pose_edges"]
    texts = [
        f"Each is the mean of at most {told['most']} faces of its light and pose, drawn by lot; "
        f"of fewer than {told['fewest']} there is no mean. Ahead is a yaw from {low:g} to {high:g} "
        "degrees. Distances are mean squares of differences of neighbouring means, 64 by 64 "
        "pixels in 0..1, less what chance adds to means of so few faces.",
        "The published labeling of CelebA's light tells .0045 to .0066 along pose and .0026 to "
        ".0050 along light. Its data are mirror-augmented and its units are not stated, so the "
        "figures stand beside each other but need not be alike.",
    ]
    rows = []
    for light, used, counts in zip(told["rows"], told["used"], told["counts"], strict=True):
        cells = zip(told["columns"], used, counts, strict=True)
        rows += [[f"light {light}, {pose}", f"{u:,} of {n:,} faces"] for pose, u, n in cells]
    poses, lights = told["columns"], told["rows"]
    for light, gaps in zip(lights, told["between_poses"], strict=True):
        pairs = zip(poses, poses[1:], gaps, strict=False)
        rows += [[f"light {light}: {a} to {b}", _gap(gap)] for a, b, gap in pairs]
    for i, gaps in enumerate(told["between_lights"]):
        pairs = zip(poses, gaps, strict=True)
        rows += [[f"{pose}: light {lights[i]} to {lights[i + 1]}", _gap(g)] for pose, g in pairs]
    return Section("Mean faces, light by pose", texts, ["Of", "Faces or distance"], rows, picture)


def _gap(gap: float | None) -> str:
    return "too few faces" if gap is None else f"{gap:.5f}"


def _not_promised(manifest: dict[str, Any]) -> Section:
    texts = []
    if (manifest.get("certificate") or {}).get("certified"):
        texts.append(
            "The certificate is about all certified labels together, not about single faces, "
            "choices or head turns, nor about labels that people gave."
        )
    else:
        texts.append("Nothing is promised about how many labels are wrong.")
    texts.append(
        "Probabilities are calibrated estimates. Audit faces speak for the faces of this campaign "
        "at the time of their drawing, not for other pictures. Light from above, below or behind "
        "and mixed light are not labels of their own."
        if _is_light(manifest)
        else "Probabilities are calibrated estimates. Audit faces speak for the faces of this "
        "campaign at the time of their drawing, not for other pictures."
    )
    return Section("What is not promised", texts)


def _is_light(manifest: dict[str, Any]) -> bool:
    return {c["value"] for c in manifest["campaign"]["choices"]} == {"left", "center", "right"}


def _estimate(told: dict[str, Any], *, percent: bool = False) -> list[str]:
    values: Sequence[float | None] = [told["value"], told["low"], told["high"]]
    shown = _percent if percent else "{:.3f}".format
    return ["unknown" if value is None else shown(value) for value in values]


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"
