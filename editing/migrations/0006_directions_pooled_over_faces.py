from django.db import migrations, models

METHODS = [
    ("jive", "Jive"),
    ("joint", "Joint"),
    ("locality", "Locality"),
    ("null_space", "Null Space"),
    ("pooled", "Pooled"),
    ("svd", "Svd"),
]


class Migration(migrations.Migration):
    dependencies = [("editing", "0005_decompositions_are_known_by_their_sha256")]

    operations = [
        migrations.AddField(
            "decomposition",
            "pool",
            models.JSONField(
                default=dict, help_text="faces to be local on, too: filter, faces, ids"
            ),
        ),
        migrations.AlterField(
            "component", "method", models.CharField(choices=METHODS, max_length=10)
        ),
    ]
