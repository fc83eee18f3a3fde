"""Django settings."""

from pathlib import Path

from sample.lib.config import CONFIG

BASE_DIR = Path(__file__).absolute().parent.parent.parent

SECRET_KEY = CONFIG.get("secret_key")
DEBUG = False
ALLOWED_HOSTS = ["*"]

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "sample_cache",
    "sample_channels",
    "sample_permissions",
    "sample_tasks",
    "sample.core",
    "sample.blueprints",
    "sample.stages.email",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
ROOT_URLCONF = "sample.root.urls"
ASGI_APPLICATION = "sample.root.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": CONFIG.get("postgresql.host"),
        "PORT": CONFIG.get_int("postgresql.port"),
        "NAME": CONFIG.get("postgresql.name"),
        "USER": CONFIG.get("postgresql.user"),
        "PASSWORD": CONFIG.get("postgresql.password"),
        # A readiness check must not wait for long: the pool's own default is 30 seconds.
        "OPTIONS": {"pool": {"min_size": 1, "max_size": 4, "timeout": 5}},
    }
}
CACHES = {"default": {"BACKEND": "sample_cache.backend.TableCache", "LOCATION": ""}}

AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "sample_permissions.backend.ObjectPermissionBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.BCryptSHA256PasswordHasher"]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [CONFIG.get("email.template_dir")],
        "APP_DIRS": True,
    }
]

STATIC_URL = "/static/"
STATIC_DIR = BASE_DIR / "web"

EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
DEFAULT_FROM_EMAIL = CONFIG.get("email.from")
