from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="AppliedBlueprint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("path", models.TextField(unique=True)),
                ("sha256", models.CharField(max_length=64)),
                ("applied", models.DateTimeField(auto_now=True)),
            ],
        ),
    ]
