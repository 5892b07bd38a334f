"""What a manager fills in to make a campaign, or to change one."""

from typing import Any

from django import forms
from django.utils.text import slugify

from labeling import campaigns
from labeling.models import Campaign, Dataset
from labeling.views.keys import show_key

BUILT_IN, OWN = "light", "own"
KEY_OPTIONS = [("", "choose"), *((key, show_key(key)) for key in campaigns.KEYS)]
MIRROR_OPTIONS = [
    ("", "itself"),
    *((str(n), f"answer {n}") for n in range(1, campaigns.MOST_CHOICES + 1)),
]


class PercentField(forms.FloatField):
    """A share, shown and typed in percent."""

    def __init__(self, name: str, **options: Any) -> None:
        least, most = campaigns.RANGES[name]
        options |= {"min_value": round(100 * least), "max_value": round(100 * most)}
        super().__init__(required=False, **options)
        self.widget.attrs.update({"step": "any", "inputmode": "decimal"})

    def prepare_value(self, value: Any) -> Any:
        return f"{100 * value:g}" if isinstance(value, float) else value

    def clean(self, value: Any) -> float | None:
        percent = super().clean(value)
        return None if percent is None else percent / 100


def _count(name: str, **options: Any) -> forms.IntegerField:
    least, most = (int(end) for end in campaigns.RANGES[name])
    return forms.IntegerField(min_value=least, max_value=most, required=False, **options)


class PolicyForm(forms.Form):
    """How a campaign asks: what may change at any time. What is left empty keeps its default."""

    votes_min = _count("votes_min", label="Votes for each face")
    votes_max = _count("votes_max", label="At most", help_text="where people disagree")
    stop_rule = forms.ChoiceField(
        choices=Campaign.StopRule.choices, required=False, label="Between the two"
    )
    lease_seconds = _count(
        "lease_seconds",
        label="Seconds kept",
        help_text="for who looks at the face; an open page goes on keeping it",
    )
    audit_share = PercentField(
        "audit_share", label="Audit faces", help_text="while there are some that want votes"
    )
    audit_votes = _count(
        "audit_votes", label="Votes for each audit face", help_text="of those drawn from now on"
    )
    mirror_share = PercentField(
        "mirror_share", label="Mirrored faces", help_text="seen before, now flipped"
    )
    known_share = PercentField(
        "known_share", label="Settled faces", help_text="whose answer a manager has given"
    )
    catch_share = PercentField(
        "catch_share", label="Catches in the grid", help_text="suggestions wrong on purpose"
    )
    quiz = forms.ChoiceField(
        choices=[
            ("required", "Must be passed before the first vote"),
            ("offered", "Offered, holds nobody up"),
            ("off", "No quiz"),
        ],
        required=False,
    )
    quiz_pass_mark = _count("quiz_pass_mark", label="Right answers to pass", help_text="of ten")
    shows_suggestions = forms.BooleanField(
        required=False,
        label="Show the model's suggestion while labeling",
        help_text="off is better: people overlook mistakes that a suggestion makes",
    )
    blind_share = PercentField(
        "blind_share", label="Of these, withheld by lot", help_text="to measure what showing does"
    )

    COUNTS = ("votes_min", "votes_max", "stop_rule", "lease_seconds")
    CHECKS = ("audit_share", "audit_votes", "mirror_share", "known_share", "catch_share")
    QUIZ = ("quiz", "quiz_pass_mark")

    def clean(self) -> dict[str, Any]:
        votes_min, votes_max = (self.cleaned_data.get(n) for n in ("votes_min", "votes_max"))
        if votes_min and votes_max and votes_max < votes_min:
            self.add_error("votes_max", f"{votes_max} is less than the {votes_min} for each face.")
        return self.cleaned_data

    def groups(self) -> dict[str, list[forms.BoundField]]:
        return {
            "counts": [self[name] for name in self.COUNTS],
            "checks": [self[name] for name in self.CHECKS],
            "quiz": [self[name] for name in self.QUIZ],
        }

    def policy(self) -> dict[str, Any]:
        """The policy as campaigns takes it."""
        given = {name: self.cleaned_data.get(name) for name in campaigns.POLICY}
        return {
            name: self.get_initial_for_field(self.fields[name], name)
            if value in (None, "")
            else value
            for name, value in given.items()
        }


class NewCampaignForm(PolicyForm):
    """A new campaign about the light, or with a question of one's own."""

    title = forms.CharField(max_length=120, initial="Where does the light come from?")
    slug = forms.SlugField(
        max_length=60, help_text="its name in addresses: small letters, digits, -; never changes"
    )
    dataset = forms.ModelChoiceField(Dataset.objects.none(), empty_label=None)
    question = forms.ChoiceField(
        choices=[
            (BUILT_IN, "Where the light comes from: left, center or right"),
            (OWN, "A question of my own"),
        ],
        required=False,
        widget=forms.RadioSelect,
        initial=BUILT_IN,
    )
    prompt = forms.CharField(max_length=300, required=False, label="The question")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        defaults = {name: getattr(Campaign(), name) for name in campaigns.POLICY}
        defaults |= {"quiz": "required", "mirror_share": 0.02, "known_share": 0.02}
        super().__init__(*args, initial=defaults | kwargs.pop("initial", {}), **kwargs)
        self.fields["dataset"].queryset = Dataset.objects.here().order_by("name")
        self.fields["dataset"].label_from_instance = lambda d: f"{d.name} ({d.n_faces:,} faces)"

    @property
    def is_own(self) -> bool:
        return self["question"].value() == OWN

    def clean(self) -> dict[str, Any]:
        super().clean()
        if self.cleaned_data.get("question") == OWN and not self.cleaned_data.get("prompt"):
            self.add_error("prompt", "Say what annotators are asked.")
        return self.cleaned_data


class SettingsForm(PolicyForm):
    """What may still change of a campaign."""

    title = forms.CharField(max_length=120)
    prompt = forms.CharField(max_length=300, label="The question")

    def __init__(self, campaign: Campaign, *args: Any, **kwargs: Any) -> None:
        names = ["title", "prompt", *campaigns.POLICY]
        initial = {name: getattr(campaign, name) for name in names}
        super().__init__(*args, initial=initial, **kwargs)


class ChoiceForm(forms.Form):
    """One answer of a question."""

    label = forms.CharField(max_length=40, required=False, label="Answer")
    value = forms.CharField(max_length=40, required=False, label="Name in files")
    key = forms.ChoiceField(choices=KEY_OPTIONS, required=False)
    mirror = forms.ChoiceField(
        choices=MIRROR_OPTIONS, required=False, label="In a mirrored picture"
    )


ChoiceForms = forms.formset_factory(
    ChoiceForm, extra=0, min_num=campaigns.MOST_CHOICES, max_num=campaigns.MOST_CHOICES
)


def choices_of(rows: Any) -> list[dict[str, str]]:
    """The answers that were filled in, as campaigns takes them; rows: valid ChoiceForms."""
    filled = {
        number: row.cleaned_data
        for number, row in enumerate(rows, start=1)
        if (row.cleaned_data or {}).get("label")
    }
    value_of = {
        number: row["value"].strip() or slugify(row["label"])[:40] for number, row in filled.items()
    }
    return [
        {
            "value": value_of[number],
            "label": row["label"],
            "key": row["key"],
            "mirror": value_of[number]
            if not row["mirror"]
            else value_of.get(int(row["mirror"]), f"answer {row['mirror']}"),
        }
        for number, row in filled.items()
    ]


def choice_rows(campaign: Campaign) -> list[dict[str, str]]:
    """A campaign's choices as ChoiceForms show them."""
    values = campaign.values
    return [
        {
            "label": choice["label"],
            "value": choice["value"],
            "key": choice["key"],
            "mirror": ""
            if choice["mirror"] == choice["value"]
            else str(values.index(choice["mirror"]) + 1),
        }
        for choice in campaign.choices
    ]
