"""The same answers as `app.py`, as a Flask application is usually laid out: a factory and a blueprint."""

from flask import Blueprint, Flask, Response

pages = Blueprint("pages", __name__)


@pages.get("/ping")
def ping():
    """Answers `pong` as plain text, as `app.py` does; Flask's own default would be HTML."""
    return Response("pong", mimetype="text/plain")


def create_app():
    """Makes the application; the servers call this once in each worker."""
    app = Flask(__name__, static_folder=None)
    app.register_blueprint(pages)
    return app
