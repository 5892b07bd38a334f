from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("editing", "0004_mean_faces_and_figures")]

    operations = [
        migrations.RemoveConstraint("decomposition", "an_equal_decomposition_is_made_once"),
        migrations.RenameField("decomposition", "key", "sha256"),
        migrations.AlterField(
            "decomposition",
            "sha256",
            models.CharField(max_length=64, help_text="over all that it follows from"),
        ),
        migrations.AddConstraint(
            "decomposition",
            models.UniqueConstraint(
                fields=["sha256"],
                condition=models.Q(status__in=["queued", "running", "done"]),
                name="an_equal_decomposition_is_made_once",
            ),
        ),
    ]
