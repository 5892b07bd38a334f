"""Label configs: one question about one image, as Label Studio's XML and as our choices."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError, SubElement, indent, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from django.utils.text import slugify

from labeling import campaigns
from labeling.errors import Refused
from labeling.label_studio.errors import Invalid
from labeling.label_studio.texts import quoted
from labeling.models import UNSURE, Campaign, Vote

Choice = dict[str, str]
VALUE_LETTERS = Vote._meta.get_field("choice").max_length

MOST_LETTERS = 20_000
PROMPT_LETTERS, NAME_LETTERS = 300, 100
# "select" only draws single choices as a list.
SINGLE = (None, "single", "single-radio", "select")
# What would make it another question: several answers, trees, or regions of the image.
REFUSED_ATTRIBUTES = ("perRegion", "perItem", "allowNested", "visibleWhen", "whenTagName", "value")
ARROWS = {"left": "ArrowLeft", "right": "ArrowRight", "up": "ArrowUp", "down": "ArrowDown"}
HOTKEYS = {key: name for name, key in ARROWS.items()}
LIGHT_KEYS = {"left": "ArrowLeft", "center": "ArrowDown", "right": "ArrowRight"}


@dataclass(frozen=True)
class LabelConfig:
    """What a label config asks, and the names by which annotations and tasks refer to its parts.

    words  what annotations say for each choice: any text, where our values are plain words
    """

    prompt: str
    choices: list[Choice]
    words: list[str]
    choices_name: str = "choice"
    image_name: str = "image"
    image_key: str = "image"

    @property
    def values(self) -> list[str]:
        return [choice["value"] for choice in self.choices]

    def word_for(self, value: str) -> str:
        return self.words[self.values.index(value)]

    def value_of(self, word: str) -> str:
        return self.values[self.words.index(word)]


def read_config(text: object) -> LabelConfig:
    """One Image and one single-choice Choices, perhaps under a Header; Invalid for all else.

    The prompt is empty where there is no Header.
    """
    root = _parse(text)
    found: dict[str, list[Element]] = {}
    for element in root.iter():
        found.setdefault(str(element.tag), []).append(element)
    if unknown := sorted(set(found) - {"View", "Header", "Image", "Choices", "Choice"}):
        raise _no(f"The tags {unknown} came; expected View, Header, Image, Choices and Choice")
    for tag, least in (("Image", 1), ("Choices", 1), ("Header", 0)):
        if not least <= (n := len(found.get(tag, []))) <= 1:
            raise _no(f"{n} {tag} tags came; expected {'one' if least else 'at most one'}")
    image, choices = found["Image"][0], found["Choices"][0]
    if len(choices) != len(found.get("Choice", [])):
        raise _no("A Choice stands outside of Choices or within another Choice")
    image_name, choices_name = _name(image), _name(choices)
    if choices.get("toName") != image_name:
        raise _no(f"Choices have toName {choices.get('toName')!r}; expected {image_name!r}")
    if choices.get("choice") not in SINGLE:
        raise _no(f"Choices have choice {choices.get('choice')!r}; expected 'single'")
    for attribute in REFUSED_ATTRIBUTES:
        if choices.get(attribute, "false").lower() != "false":
            raise _no(f"Choices have {attribute}; expected one answer about the whole image")
    variable = re.fullmatch(r"\$(\w{1,100})", image.get("value", ""))
    if variable is None:
        raise _no(f"Image has the value {image.get('value')!r}; expected one like '$image'")
    headers = found.get("Header", [])
    asked, words = _read_choices(choices)
    return LabelConfig(
        prompt=_prompt(headers[0]) if headers else "",
        choices=asked,
        words=words,
        choices_name=choices_name,
        image_name=image_name,
        image_key=variable[1],
    )


def _no(detail: str) -> Invalid:
    what = "Penumbra asks one single-choice question about one image."
    return Invalid("label_config", f"{detail}. {what}")


def _parse(text: object) -> Element:
    if not isinstance(text, str) or not text.strip():
        raise _no(f"The label config is {quoted(text)}; expected XML")
    if len(text) > MOST_LETTERS:
        raise _no(f"The label config has {len(text):,} letters; expected at most {MOST_LETTERS:,}")
    try:
        # Neither entities nor a doctype: nothing that a config names is expanded or fetched.
        return fromstring(text, forbid_dtd=True)
    except DefusedXmlException:
        raise _no("The label config has a doctype or entities; expected neither") from None
    except (ParseError, ValueError) as error:
        raise _no(f"The label config is no XML ({error})") from None


def _name(element: Element) -> str:
    name = element.get("name", "")
    if not 0 < len(name) <= NAME_LETTERS:
        raise _no(f"{element.tag} has the name {name!r}; expected 1 to {NAME_LETTERS} letters")
    return name


def _prompt(header: Element) -> str:
    prompt = header.get("value", "").strip()
    if prompt.startswith("$") or not 0 < len(prompt) <= PROMPT_LETTERS:
        raise _no(
            f"Header has the value {prompt!r}; expected the question, the same for every task, "
            f"in 1 to {PROMPT_LETTERS} letters"
        )
    return prompt


def _read_choices(choices: Element) -> tuple[list[Choice], list[str]]:
    """Our choices, and what annotations say for each."""
    labels = [one.get("value", "").strip() for one in choices]
    # An alias is what annotations say instead of the value on screen.
    words = [
        one.get("alias", "").strip() or label for one, label in zip(choices, labels, strict=True)
    ]
    if len(set(words)) < len(words):
        raise _no(f"The choices are {words}; expected a different one for each")
    if UNSURE in [word.lower() for word in words]:
        raise _no(f"A choice is {UNSURE!r}, which every campaign has: such a task is skipped")
    values = _values(words)
    value_of = dict(zip(words, values, strict=True))
    mirrors = mirrors_of(words)
    keys = _keys(values, [one.get("hotkey", "").strip() for one in choices])
    asked = [
        {"value": value, "label": label, "key": key, "mirror": value_of[mirrors[word]]}
        for value, label, key, word in zip(values, labels, keys, words, strict=True)
    ]
    try:
        return campaigns.read_choices(asked), words
    except Refused as refused:
        raise _no(refused.detail.rstrip(".")) from None


def _values(words: Sequence[str]) -> list[str]:
    """A plain word for each choice, itself where it is one."""
    values: list[str] = []
    for number, word in enumerate(words, start=1):
        value = slugify(word)[:VALUE_LETTERS].strip("-_")
        values.append(value if value and value not in values else f"choice-{number}")
    return values


def mirrors_of(values: Sequence[str]) -> dict[str, str]:
    """What each choice becomes when the image is flipped: sides swap, where both are choices."""
    mirrors = {}
    for value in values:
        other = _swap(value)
        mirrors[value] = other if other in values and _swap(other) == value else value
    return mirrors


def _swap(text: str) -> str:
    swap = {"left": "right", "right": "left"}

    def other(found: re.Match[str]) -> str:
        word = swap[found[0].lower()]
        return word.upper() if found[0].isupper() else word.title() if found[0].istitle() else word

    return re.sub(r"(?<![A-Za-z])(left|right)(?![A-Za-z])", other, text, flags=re.IGNORECASE)


def _keys(values: list[str], hotkeys: list[str]) -> list[str]:
    """A key for each choice: its hotkey where our page can have it, else a spare one."""
    if not any(hotkeys) and set(values) == set(LIGHT_KEYS):
        return [LIGHT_KEYS[value] for value in values]
    wished = [_key(hotkey) for hotkey in hotkeys]
    spare = iter([key for key in campaigns.KEYS if key not in wished])
    keys: list[str] = []
    for wish in wished:
        # Spare keys run out only beyond the number of choices that is refused anyway.
        keys.append(wish if wish is not None and wish not in keys else next(spare, ""))
    return keys


def _key(hotkey: str) -> str | None:
    key = ARROWS.get(hotkey.lower(), hotkey.lower())
    return key if key in campaigns.KEYS else None


def write_config(config: LabelConfig) -> str:
    """The XML that asks the same; `read_config` gives it back."""
    view = Element("View")
    SubElement(view, "Header", value=config.prompt)
    SubElement(view, "Image", name=config.image_name, value=f"${config.image_key}")
    choices = SubElement(
        view, "Choices", name=config.choices_name, toName=config.image_name, choice="single"
    )
    for choice, word in zip(config.choices, config.words, strict=True):
        said = {"value": choice["label"], "hotkey": HOTKEYS.get(choice["key"], choice["key"])}
        if word != choice["label"]:
            said["alias"] = word
        SubElement(choices, "Choice", said)
    indent(view)
    return tostring(view, encoding="unicode")


def config_of(campaign: Campaign) -> tuple[LabelConfig, str]:
    """A campaign's label config, read and as text.

    The text is the client's own while it still asks for the campaign's choices; a campaign that was
    made or changed on our pages gets one written for it, with the client's names where it has some.
    """
    asked = {
        "prompt": campaign.prompt,
        "choices": campaign.choices,
        "words": campaign.values,
    }
    project = getattr(campaign, "label_studio", None)
    if project is None:
        config = LabelConfig(**asked)
        return config, write_config(config)
    came = read_config(project.label_config)
    if came.values == campaign.values:
        return came, project.label_config
    names = {name: getattr(came, name) for name in ("choices_name", "image_name", "image_key")}
    config = LabelConfig(**asked, **names)
    return config, write_config(config)
