"""Label configs, read and written."""

import pytest

from labeling import queue
from labeling.label_studio.configs import LabelConfig, mirrors_of, read_config, write_config
from labeling.label_studio.errors import Invalid
from tests.labeling.label_studio.client import LIGHT


def config(*choices: str, choices_more: str = "", image: str = '$image" name="i', more: str = ""):
    tags = "".join(choices or ("<Choice value='a'/>", "<Choice value='b'/>"))
    return (
        f'<View><Image value="{image}"/><Choices name="c" toName="i" {choices_more}>{tags}'
        f"</Choices>{more}</View>"
    )


def test_a_label_config_becomes_prompt_and_choices():
    read = read_config(LIGHT)
    assert read.prompt == "Where does the light come from?"
    assert (read.image_name, read.image_key, read.choices_name) == ("face", "picture", "light")
    assert read.choices == [
        {"value": "left", "label": "left", "key": "a", "mirror": "right"},
        {"value": "center", "label": "center", "key": "ArrowLeft", "mirror": "center"},
        {"value": "right", "label": "right", "key": "d", "mirror": "left"},
    ]


def test_a_config_about_light_gets_the_arrows():
    read = read_config(
        config("<Choice value='left'/>", "<Choice value='center'/>", "<Choice value='right'/>")
    )
    keys = [choice["key"] for choice in read.choices]
    assert keys == ["ArrowLeft", "ArrowDown", "ArrowRight"]


def test_an_alias_is_what_annotations_say():
    read = read_config(config("<Choice value='Yes' alias='y'/>", "<Choice value='No'/>"))
    assert read.words == ["y", "No"]
    assert [(c["value"], c["label"]) for c in read.choices] == [("y", "Yes"), ("no", "No")]


def test_choices_of_any_text_have_plain_words_as_values():
    words = ["From the Left", "From the Right", "слева", "from the left"]
    read = read_config(config(*(f"<Choice value='{w}' alias='{w}!'/>" for w in words[:3])))
    assert read.values == ["from-the-left", "from-the-right", "choice-3"]
    assert [choice["mirror"] for choice in read.choices] == [
        "from-the-right", "from-the-left", "choice-3",
    ]  # fmt: skip
    assert read.value_of("слева!") == "choice-3"
    assert read.word_for("from-the-left") == "From the Left!"
    with pytest.raises(Invalid, match="different"):
        read_config(config(*(f"<Choice value='{word}'/>" for word in words)))


def test_keys_are_all_different_and_none_is_a_tool_of_the_page():
    read = read_config(
        config(*(f"<Choice value='{n}' hotkey='{key}'/>" for n, key in enumerate("z1qqA")))
    )
    keys = [choice["key"] for choice in read.choices]
    assert keys == ["ArrowLeft", "ArrowDown", "q", "ArrowRight", "a"]
    most = read_config(config(*(f"<Choice value='{n}'/>" for n in range(9))))
    assert len({choice["key"] for choice in most.choices}) == 9


@pytest.mark.parametrize(
    ("values", "mirrors"),
    [
        (["left", "right"], ["right", "left"]),
        (["Left side", "Right side", "both"], ["Right side", "Left side", "both"]),
        (["from the LEFT", "from the RIGHT"], ["from the RIGHT", "from the LEFT"]),
        (["left", "center"], ["left", "center"]),
        (["bright", "leftover", "right"], ["bright", "leftover", "right"]),
        (["lEft", "left", "right"], ["lEft", "right", "left"]),
    ],
)
def test_sides_are_each_other_s_mirror_and_the_rest_their_own(values, mirrors):
    assert list(mirrors_of(values).values()) == mirrors


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "expected XML"),
        ("", "expected XML"),
        ("<View>", "no XML"),
        ("<View></View>", "0 Image"),
        ("\ud800", "no XML"),
        ("x" * 20_001, "at most 20,000"),
        (config(more="<Image name='j' value='$j'/>"), "2 Image"),
        (config(more="<Choices name='d' toName='i'/>"), "2 Choices"),
        (config(more="<Header value='a'/><Header value='b'/>"), "2 Header"),
        (config(more="<Header value='$question'/>"), "same for every task"),
        (config(more="<Header/>"), "same for every task"),
        (config(more="<RectangleLabels name='d' toName='i'/>"), "RectangleLabels"),
        (config(more="<TextArea name='d' toName='i'/>"), "TextArea"),
        (config(more="<Style>a{}</Style>"), "Style"),
        (config("<Choice value='a'/>"), "1 choices"),
        (config(*(f"<Choice value='{n}'/>" for n in range(10))), "10 choices"),
        (config("<Choice value='a'/>", "<Choice value='a'/>"), "different"),
        (config("<Choice value='a'/>", "<Choice value='Unsure'/>"), "skipped"),
        (config("<Choice value='a'><Choice value='b'/></Choice>"), "within another Choice"),
        (config("<Choice value='a'/>", "<Choice/>"), "1 to 40"),
        (config("<Choice value='a'/>", f"<Choice value='{'b' * 41}'/>"), "1 to 40"),
        (config(choices_more="choice='multiple'"), "'multiple'"),
        (config(choices_more="perRegion='true'"), "perRegion"),
        (config(choices_more="perItem='true'"), "perItem"),
        (config(choices_more="allowNested='true'"), "allowNested"),
        (config(choices_more="visibleWhen='choice-selected'"), "visibleWhen"),
        (config(choices_more="value='$options'"), "value"),
        (config(image='$image" name="j'), "toName"),
        (config(image='image" name="i'), "'image'"),
        (config(image="$image"), "name"),
    ],
)
def test_another_question_is_refused_with_its_reason(text, complaint):
    with pytest.raises(Invalid) as refused:
        read_config(text)
    assert complaint in refused.value.detail
    assert refused.value.field == "label_config"


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE View [<!ENTITY a "b">]>',
        '<!DOCTYPE View SYSTEM "http://127.0.0.1/x.dtd">',
        '<!DOCTYPE View [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE View [<!ENTITY a "aa"><!ENTITY b "&a;&a;&a;">]>',
    ],
)
def test_nothing_that_a_config_names_is_expanded_or_fetched(head):
    with pytest.raises(Invalid, match="doctype"):
        read_config(head + LIGHT.strip())


def test_what_is_written_reads_the_same():
    asked = LabelConfig(
        prompt='Is it <this> & "that"?',
        choices=[
            {"value": "a", "label": "A & <b>", "key": "ArrowLeft", "mirror": "a"},
            {"value": "see", "label": "c", "key": "g", "mirror": "see"},
        ],
        words=["a", "See"],
        choices_name="of",
        image_key="photo",
    )
    assert read_config(write_config(asked)) == asked
    light = LabelConfig("Light?", queue.ILLUMINATION, ["left", "center", "right"])
    assert read_config(write_config(light)) == light
