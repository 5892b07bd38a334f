"""The rows of labeling: people, datasets, campaigns, votes, and what is believed of faces."""

from labeling.models.campaigns import (
    UNSURE,
    AuditDraw,
    Campaign,
    Disguise,
    Lease,
    QuizAttempt,
    RubricReading,
    Turn,
)
from labeling.models.faces import ELSEWHERE, Dataset, Face
from labeling.models.jobs import Import, Job, Refresh
from labeling.models.label_studio import LabelStudioProject, LabelStudioTask
from labeling.models.learning import (
    AnnotatorSkill,
    Classifier,
    Consensus,
    FaceFeatures,
    FeatureBasis,
    Suggestion,
)
from labeling.models.people import Act, Invite, User
from labeling.models.releases import Release, ReleasedLabel
from labeling.models.votes import Adjudication, Vote

__all__ = [
    "ELSEWHERE",
    "UNSURE",
    "Act",
    "Adjudication",
    "AnnotatorSkill",
    "AuditDraw",
    "Campaign",
    "Classifier",
    "Consensus",
    "Dataset",
    "Disguise",
    "Face",
    "FaceFeatures",
    "FeatureBasis",
    "Import",
    "Invite",
    "Job",
    "LabelStudioProject",
    "LabelStudioTask",
    "Lease",
    "QuizAttempt",
    "Refresh",
    "Release",
    "ReleasedLabel",
    "RubricReading",
    "Suggestion",
    "Turn",
    "User",
    "Vote",
]
