"""The keys that answer on the label page: one set per layout, with what stands on the key."""

import json
from dataclasses import dataclass

from labeling.models import Campaign, User

SHOWN = {
    "ArrowLeft": "←",
    "ArrowRight": "→",
    "ArrowUp": "↑",
    "ArrowDown": "↓",
    " ": "Space",
    "Semicolon": ";",
    "Comma": ",",
}
# Places on the keyboard (KeyboardEvent.code), so that a home row is one on every keyboard. The key
# after the last choice says "can't tell". None of them is a tool of the page (Z X C M U).
LEFT_HAND = [f"Key{letter}" for letter in "ASDFGQWERT"]
RIGHT_HAND = ["KeyJ", "KeyK", "KeyL", "Semicolon", "KeyH", "KeyI", "KeyO", "KeyP", "KeyN", "Comma"]
DIGITS = list("123456789")


@dataclass(frozen=True)
class Layout:
    """One way to answer: a key for each choice in order, and one for "can't tell"."""

    value: str
    label: str
    keys: list[str]
    unsure: str

    @property
    def shown(self) -> list[str]:
        return [show_key(key) for key in [*self.keys, self.unsure]]

    @property
    def as_json(self) -> str:
        """For the page's script."""
        return json.dumps({"keys": self.keys, "unsure": self.unsure, "shown": self.shown})


def layouts_of(campaign: Campaign) -> list[Layout]:
    """Every layout for a campaign's choices; choices beyond the ninth have buttons only."""
    n = min(len(campaign.choices), len(DIGITS))
    keys = {
        User.KeyLayout.ARROWS: ([choice["key"] for choice in campaign.choices], "u"),
        User.KeyLayout.LEFT_HAND: (LEFT_HAND[:n], LEFT_HAND[n]),
        User.KeyLayout.RIGHT_HAND: (RIGHT_HAND[:n], RIGHT_HAND[n]),
        User.KeyLayout.DIGITS: (DIGITS[:n], "0"),
    }
    return [Layout(one.value, one.label, *keys[one]) for one in User.KeyLayout]


def layout_for(campaign: Campaign, person: User) -> Layout:
    return next(one for one in layouts_of(campaign) if one.value == person.key_layout)


def show_key(key: str) -> str:
    """What stands on a key, as far as a server can know."""
    return SHOWN.get(key, key.removeprefix("Key").upper())
