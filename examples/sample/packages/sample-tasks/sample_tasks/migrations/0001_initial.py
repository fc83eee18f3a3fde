from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Task",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("function", models.TextField()),
                ("arguments", models.JSONField()),
                ("done", models.BooleanField(db_index=True, default=False)),
                ("created", models.DateTimeField(auto_now_add=True)),
            ],
        ),
    ]
