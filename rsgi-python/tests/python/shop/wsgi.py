"""What a server of WSGI serves: `wsgi:application`; or `wsgi:static`, where Django hands out the static files itself."""

import os

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
application = get_wsgi_application()
static = StaticFilesHandler(application)
