"""The smallest PEP 3333 application: what every Python server here is measured with.

No framework, no middleware: what a request costs is what the server costs. `flask_app.py` beside it answers the
same through Flask.
"""

PONG = b"pong"
PONG_HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(PONG)))]
NOT_FOUND = b"not found"
NOT_FOUND_HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(NOT_FOUND)))]


def app(environ, start_response):
    """Answers `/ping` with `pong`, anything else with a 404."""
    # A list of its own for each request: PEP 3333 lets the server change it.
    if environ["PATH_INFO"] == "/ping":
        start_response("200 OK", PONG_HEADERS.copy())
        return [PONG]
    start_response("404 Not Found", NOT_FOUND_HEADERS.copy())
    return [NOT_FOUND]
