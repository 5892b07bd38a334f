"""Who has read which version of a guide is a row, and nobody is in two quizzes of a campaign."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeling", "0005_nor_are_they_emptied_at_once")]

    operations = [
        migrations.CreateModel(
            name="RubricReading",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False, auto_created=True, verbose_name="ID")),
                ("version", models.PositiveIntegerField()),
                ("read_at", models.DateTimeField(auto_now=True)),
                ("annotator", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="rubric_readings", to=settings.AUTH_USER_MODEL)),
                ("campaign", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="rubric_readings", to="labeling.campaign")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["campaign", "annotator"], name="a_person_has_read_one_newest_guide")
                ]
            },
        ),
        migrations.AddConstraint(
            model_name="quizattempt",
            constraint=models.UniqueConstraint(
                fields=["campaign", "annotator"],
                condition=models.Q(finished_at__isnull=True, is_void=False),
                name="a_person_takes_one_quiz_at_a_time",
            ),
        ),
    ]
