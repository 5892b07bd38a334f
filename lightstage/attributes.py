"""CelebA's 40 attributes of a rendered face, as far as its parameters decide them."""

import numpy as np

from lightstage.people import Person, Shot

_NAMES = (
    "5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips "
    "Big_Nose Black_Hair Blond_Hair Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin "
    "Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male Mouth_Slightly_Open "
    "Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline "
    "Rosy_Cheeks Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat "
    "Wearing_Lipstick Wearing_Necklace Wearing_Necktie Young"
)
ATTRIBUTE_NAMES = tuple(_NAMES.split())


def attributes(person: Person, shot: Shot) -> dict[str, bool]:
    """All 40 names with what is true of this face; what the stage does not have stays False."""
    hair, haired = person.hair_colour_name, person.hair_style != "bald"
    combed = person.hair_style in ("medium", "long")
    true = {
        "5_o_Clock_Shadow": 0 < person.beard <= 0.45,
        "Arched_Eyebrows": person.brow_tilt > 0.2,
        "Bags_Under_Eyes": person.age > 55,
        "Bald": not haired,
        "Bangs": person.has_bangs,
        "Big_Lips": person.lip_fullness > 1.15,
        "Big_Nose": person.nose_width > 19.5,
        "Black_Hair": haired and hair == "black",
        "Blond_Hair": haired and hair == "blond",
        "Brown_Hair": haired and hair == "brown",
        "Gray_Hair": haired and hair == "gray",
        "Bushy_Eyebrows": person.brow_thickness > 4.3,
        "Chubby": person.face_width > 69.5,
        "Eyeglasses": shot.has_glasses,
        "Heavy_Makeup": person.makeup > 0.6,
        "High_Cheekbones": shot.smile > 0.6,
        "Male": person.is_male,
        "Mouth_Slightly_Open": shot.mouth_open > 0.2,
        "Mustache": person.mustache > 0.4,
        "Narrow_Eyes": shot.eye_open < 0.82,
        "No_Beard": person.beard == 0 and person.mustache == 0,
        "Oval_Face": person.face_length / person.face_width > 1.06 / 65,
        "Pale_Skin": float(np.mean(person.skin)) > 205,
        "Pointy_Nose": person.nose_projection > 36.5 and person.nose_width < 16,
        "Receding_Hairline": haired and not person.has_bangs and person.hairline < -76,
        "Sideburns": person.beard > 0.45,
        "Smiling": shot.smile > 0.35,
        "Straight_Hair": combed and person.hair_wave <= 0.25,
        "Wavy_Hair": (combed and person.hair_wave > 0.4) or person.hair_style == "curly",
        "Wearing_Lipstick": person.makeup > 0.45,
        "Young": person.age < 45,
    }
    return {name: bool(true.get(name, False)) for name in ATTRIBUTE_NAMES}
