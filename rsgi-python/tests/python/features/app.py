"""Flask beyond the talk's app: what applications use every day, as Flask's documentation shows it."""

import hashlib
import threading
from pathlib import Path

from flask import (
    Flask,
    Response,
    abort,
    jsonify,
    make_response,
    redirect,
    request,
    send_file,
    session,
    stream_with_context,
    url_for,
)
from werkzeug.exceptions import HTTPException

HERE = Path(__file__).parent
# Opened by /go: the second piece of /pieces waits for it.
GATE = threading.Event()


class OutOfStock(Exception):
    """A fault of the application's own, which has a handler."""


def create_app(greeting="hello", *, limit=None):
    app = Flask(__name__)
    app.secret_key = "not a secret"
    app.config["MAX_CONTENT_LENGTH"] = limit
    sessions(app)
    streams(app)
    files(app)
    uploads(app)
    hooks(app)
    faults(app)

    @app.get("/")
    def index():
        return {"greeting": greeting, "name": request.args.get("name", "nobody")}

    @app.route("/mirror/<path:rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def mirror(rest):
        return jsonify(
            method=request.method,
            rest=rest,
            path=request.path,
            args=request.args.to_dict(flat=False),
            cookies=request.cookies.to_dict(),
            fields={name: value for name, value in request.headers.items() if name.startswith("X-")},
            url=request.url.replace(request.host, "HOST"),
            remote=request.remote_addr,
            data=request.get_data(as_text=True),
        )

    @app.get("/old")
    def old():
        return redirect(url_for("index", name="new", _external=False), code=308)

    @app.get("/cookies")
    def cookies():
        response = make_response("two", 202)
        response.set_cookie("a", "1", httponly=True, samesite="Lax")
        response.set_cookie("b", "2", path="/sub", max_age=60)
        return response

    @app.get("/nothing")
    def nothing():
        return "", 204

    return app


def sessions(app):
    @app.post("/login")
    def login():
        session["user"] = request.form["user"]
        return redirect(url_for("me"))

    @app.get("/me")
    def me():
        return session.get("user", "nobody")

    @app.post("/logout")
    def logout():
        session.clear()
        return "", 204


def streams(app):
    @app.get("/pieces")
    def pieces():
        GATE.clear()

        def generate():
            yield "first\n"
            GATE.wait(30)
            yield "second\n"

        return generate(), {"Content-Type": "text/plain"}

    @app.post("/go")
    def go():
        GATE.set()
        return "", 204

    @app.get("/lines")
    def lines():
        @stream_with_context
        def generate():
            for number in range(int(request.args["count"])):
                yield f"{request.path} {number} {session.get('user')}\n"

        return Response(generate(), mimetype="text/plain")

    @app.get("/endless")
    def endless():
        errors = request.environ["wsgi.errors"]

        def generate():
            try:
                while True:
                    yield b"x" * 10_000
            finally:
                errors.write("the endless stream was closed\n")
                errors.flush()

        return Response(generate(), mimetype="application/octet-stream")

    @app.get("/breaks")
    def breaks():
        def generate():
            yield "so far so good"
            raise RuntimeError("the stream broke")

        return Response(generate(), mimetype="text/plain")


def files(app):
    @app.get("/file")
    def file():
        return send_file(HERE / "alphabet.txt", conditional=True)

    @app.get("/attachment")
    def attachment():
        return send_file(HERE / "alphabet.txt", as_attachment=True, download_name="größe 1.txt")


def uploads(app):
    @app.post("/upload")
    def upload():
        told = [
            {
                "field": name,
                "name": each.filename,
                "type": each.content_type,
                "length": len(content := each.read()),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
            for name, each in request.files.items(multi=True)
        ]
        return {"form": request.form.to_dict(flat=False), "files": told}

    @app.post("/digest")
    def digest():
        return hashlib.sha256(request.get_data()).hexdigest()

    @app.post("/unread")
    def unread():
        return "not looked at"


def hooks(app):
    @app.before_request
    def before():
        if request.headers.get("X-Stop"):
            return "stopped before", 403

    @app.after_request
    def after(response):
        response.headers["X-After"] = "seen"
        return response

    @app.get("/closes")
    def closes():
        errors = request.environ["wsgi.errors"]
        response = make_response("closes")
        response.call_on_close(lambda: print("called on close", file=errors, flush=True))
        return response


def faults(app):
    @app.errorhandler(404)
    def missing(error):
        return f"nothing at {request.path}", 404

    @app.errorhandler(OutOfStock)
    def out_of_stock(error):
        return {"fault": str(error)}, 409

    @app.errorhandler(HTTPException)
    def any_other(error):
        return {"code": error.code, "name": error.name}, error.code

    @app.get("/stock")
    def stock():
        raise OutOfStock("no more of it")

    @app.get("/teapot")
    def teapot():
        abort(418)

    @app.get("/fault")
    def fault():
        raise RuntimeError("a fault that nobody handles")

    @app.get("/bare")
    def bare():
        # Past Flask: the server itself is told.
        class Raises(Response):
            def __call__(self, environ, start_response):
                raise RuntimeError("a fault past the framework")

        return Raises()
