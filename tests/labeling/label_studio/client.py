"""What a client of the dialect brings: a token, a label config, an answer."""

from datetime import timedelta

from knox.models import AuthToken

LIGHT = """
<View>
  <Header value="Where does the light come from?"/>
  <Image name="face" value="$picture"/>
  <Choices name="light" toName="face" choice="single-radio" showInLine="true">
    <Choice value="left" hotkey="a"/>
    <Choice value="center"/>
    <Choice value="right" hotkey="d"/>
  </Choices>
</View>
"""


def token_of(user: object) -> str:
    return AuthToken.objects.create(user, expiry=timedelta(days=1))[1]


def said(choice: str, **more: object) -> dict[str, object]:
    """The body of an annotation that says this about a task of a LIGHT project."""
    region = {
        "from_name": "light",
        "to_name": "face",
        "type": "choices",
        "value": {"choices": [choice]},
    }
    return {"result": [region], **more}
