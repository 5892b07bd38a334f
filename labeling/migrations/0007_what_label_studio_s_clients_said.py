"""What a Label Studio client said of its project and tasks is kept, to be given back unchanged."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("labeling", "0006_guides_are_read_and_quizzes_taken_one_at_a_time"),
    ]

    operations = [
        migrations.CreateModel(
            name="LabelStudioTask",
            fields=[
                (
                    "turn",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="label_studio",
                        serialize=False,
                        to="labeling.turn",
                    ),
                ),
                ("data", models.JSONField()),
                ("meta", models.JSONField(default=dict)),
                ("imported_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="LabelStudioProject",
            fields=[
                (
                    "campaign",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="label_studio",
                        serialize=False,
                        to="labeling.campaign",
                    ),
                ),
                (
                    "label_config",
                    models.TextField(
                        help_text="as it came; shown while it fits the choices"
                    ),
                ),
                ("description", models.TextField(blank=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
    ]
