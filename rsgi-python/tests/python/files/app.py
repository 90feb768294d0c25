"""Falcon: what reads and writes nearest to the server, uploads in every way and downloads as they are."""

import hashlib
import io
import tempfile
import threading

import falcon

GATE = threading.Event()


def sizes(pieces):
    """What came, in one line: in how many pieces, of which length in all, and its digest."""
    pieces = list(pieces)
    whole = b"".join(pieces)
    return len(pieces), f"{len(whole)} {hashlib.sha256(whole).hexdigest()}"


class Reads:
    """Reads `wsgi.input` itself, in the way that the path names."""

    def on_post(self, req, resp, way):
        stream = req.env["wsgi.input"]
        pieces = getattr(self, way)(stream)
        count, resp.text = sizes(pieces)
        resp.set_header("X-Pieces", str(count))
        # Whoever reads on past the end is given nothing, again and again.
        resp.set_header("X-Behind", repr([stream.read(), stream.read(1), stream.readline(), stream.readlines()]))

    def read(self, stream):
        return [stream.read()]

    def read_some(self, stream):
        return iter(lambda: stream.read(1000), b"")

    def read_none(self, stream):
        assert stream.read(0) == b""
        return [stream.read(-1)]

    def readline(self, stream):
        return iter(stream.readline, b"")

    def readline_some(self, stream):
        pieces = list(iter(lambda: stream.readline(7), b""))
        assert all(len(piece) <= 7 for piece in pieces)
        return pieces

    def readlines(self, stream):
        return stream.readlines()

    def readlines_hint(self, stream):
        # At least so many bytes of whole lines, and the rest.
        pieces = stream.readlines(10)
        assert sum(map(len, pieces)) >= min(10, sum(map(len, pieces)))
        return pieces + stream.readlines()

    def iterate(self, stream):
        return list(stream)

    def mixed(self, stream):
        return [stream.read(3), stream.readline(), *stream]

    def buffered(self, stream):
        # Werkzeug's and Django's way: something of Python's own on top.
        return io.BytesIO(stream.read()).readlines()


class Bounded:
    """Falcon's own stream, and its multipart."""

    def on_post(self, req, resp):
        _, resp.text = sizes([req.bounded_stream.read()])

    def on_put(self, req, resp):
        told = []
        for part in req.media:
            content = part.stream.read()
            told.append([part.name, part.filename, len(content), hashlib.sha256(content).hexdigest()])
        resp.media = told


class Echo:
    """Each line goes back as it comes: both directions at once."""

    def on_post(self, req, resp):
        resp.content_type = "text/plain"
        resp.stream = (line.upper() for line in req.env["wsgi.input"])


class Pieces:
    def on_get(self, req, resp):
        GATE.clear()

        def generate():
            yield b"first\n"
            GATE.wait(30)
            yield b""
            yield b"second\n"

        resp.content_type = "text/plain"
        resp.stream = generate()

    def on_post(self, req, resp):
        GATE.set()
        resp.status = falcon.HTTP_204


class Download:
    """What `wsgi.file_wrapper` is given, by the path's name."""

    def on_get(self, req, resp, kind):
        length = req.get_param_as_int("length", default=100_000)
        content = bytes(number % 251 for number in range(length))
        if kind == "file":
            stream = tempfile.TemporaryFile()
            stream.write(content)
            stream.seek(req.get_param_as_int("from", default=0))
        elif kind == "memory":
            stream = io.BytesIO(content)
        else:
            stream = Reader(content, req.env["wsgi.errors"])
        resp.content_type = "application/octet-stream"
        if req.get_param_as_bool("sized"):
            resp.set_stream(stream, length)
        else:
            resp.stream = stream

    on_head = on_get


class Reader:
    """Has no descriptor, and says that it was closed."""

    def __init__(self, content, errors):
        self.stream, self.length, self.errors = io.BytesIO(content), len(content), errors

    def read(self, size=-1):
        return self.stream.read(size)

    def close(self):
        print(f"the reader of {self.length} was closed", file=self.errors, flush=True)


class Facts:
    """What the server says of itself."""

    def on_get(self, req, resp):
        env = req.env
        resp.media = {
            "keys": sorted(key for key in env if key.startswith("wsgi.") and key in STANDARD),
            "terminated": env.get("wsgi.input_terminated"),
            "version": env["wsgi.version"],
            "native": all(type(value) is str for key, value in env.items() if key.isupper() and "." not in key),
            "exactly a dict": type(env) is dict,
            "protocol": env["SERVER_PROTOCOL"],
            "query": env["QUERY_STRING"],
            "path": [env["SCRIPT_NAME"], env["PATH_INFO"]],
        }


STANDARD = {
    "wsgi.version",
    "wsgi.url_scheme",
    "wsgi.input",
    "wsgi.errors",
    "wsgi.multithread",
    "wsgi.multiprocess",
    "wsgi.run_once",
    "wsgi.file_wrapper",
    "wsgi.input_terminated",
}


app = falcon.App()
app.add_route("/reads/{way}", Reads())
app.add_route("/bounded", Bounded())
app.add_route("/echo", Echo())
app.add_route("/pieces", Pieces())
app.add_route("/download/{kind}", Download())
app.add_route("/facts", Facts())
app.add_sink(Facts().on_get, "/facts/")
