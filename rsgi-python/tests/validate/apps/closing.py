"""PEP 3333: "If the iterable returned by the application has a close() method, the server or gateway must call that method
upon completion of the current request", however that came about."""

import gc
import io
import os
import tempfile
import weakref

from prelude import PLAIN, tell


class Closable:
    """Tells each step of its life."""

    def __init__(self, environ, pieces, fails=False):
        self.environ = environ
        self.pieces = iter(pieces)
        self.fails = fails

    def __iter__(self):
        return self

    def __next__(self):
        piece = next(self.pieces, None)
        tell(self.environ, "asked" if piece is not None else "ended")
        if piece is None:
            raise StopIteration
        if isinstance(piece, Exception):
            raise piece
        return piece

    def close(self):
        tell(self.environ, "closed")
        if self.fails:
            raise ValueError("close failed at %s" % self.environ["PATH_INFO"])


def close_comes_once_and_last(environ, start_response):
    start_response("200 OK", PLAIN[:])
    return Closable(environ, [b"one ", b"two"])


def close_comes_when_the_length_is_reached(environ, start_response):
    start_response("200 OK", PLAIN + [("Content-Length", "3")])
    return Closable(environ, [b"one", b"two"])


def close_comes_behind_an_error(environ, start_response):
    start_response("200 OK", PLAIN[:])
    return Closable(environ, [b"one", ValueError("planned")])


def close_comes_behind_an_error_at_once(environ, start_response):
    start_response("200 OK", PLAIN[:])
    return Closable(environ, [ValueError("planned")])


def close_comes_behind_a_bad_piece(environ, start_response):
    start_response("200 OK", PLAIN[:])
    return Closable(environ, ["text"])


def close_comes_without_a_start(environ, start_response):
    return Closable(environ, [b"one"])


def close_comes_for_answers_without_content(environ, start_response):
    if environ["QUERY_STRING"]:
        start_response(environ["QUERY_STRING"] + " Nothing", [])
        return Closable(environ, [])
    start_response("200 OK", PLAIN[:])
    return Closable(environ, [b"one", b"two"])


def close_comes_when_the_client_is_gone(environ, start_response):
    start_response("200 OK", PLAIN[:])
    return Endless(environ)


class Endless:
    """Tells nothing but its end."""

    def __init__(self, environ):
        self.environ = environ

    def __iter__(self):
        while True:
            yield b"0123456789abcdef" * 512

    def close(self):
        tell(self.environ, "closed")


def a_close_that_fails_is_logged(environ, start_response):
    start_response("200 OK", PLAIN[:])
    return Closable(environ, [b"whole"], fails=True)


class List(list):
    """A list that wants to be closed."""

    def close(self):
        self.tell("closed")


def a_list_is_closed_if_it_can_be(environ, start_response):
    start_response("200 OK", PLAIN[:])
    returned = List([b"listed"])
    returned.tell = environ["test.scene"].tell
    return returned


def a_generator_is_closed_on_its_way(environ, start_response):
    start_response("200 OK", PLAIN + [("Content-Length", "3")])
    try:
        yield b"one"
        yield b"two"
    finally:
        tell(environ, "finally")


class Traced:
    """Something whose end is told."""


def nothing_of_a_request_is_kept(environ, start_response):
    scene = environ["test.scene"]
    if environ["QUERY_STRING"] == "count":
        gc.collect()
        start_response("200 OK", PLAIN[:])
        return [str(sum(reference() is not None for reference in scene.kept)).encode()]
    traced = environ["test.traced"] = Traced()
    scene.kept = getattr(scene, "kept", []) + [weakref.ref(traced)]

    def pieces():
        yield b"piece of "
        yield traced.__class__.__name__.encode()

    start_response("200 OK", PLAIN[:])
    return pieces()


class Told(io.FileIO):
    """A file of the system's that tells its end."""

    def close(self):
        if not self.closed and hasattr(self, "tell_end"):
            self.tell_end("closed")
        super().close()


def opened(environ, content):
    path = os.path.join(tempfile.mkdtemp(), "file")
    with open(path, "wb") as file:
        file.write(content)
    file = Told(path)
    os.unlink(path)
    os.rmdir(os.path.dirname(path))
    file.tell_end = environ["test.scene"].tell
    return file


def a_file_is_sent_and_closed(environ, start_response):
    file = opened(environ, b"0123456789" * 20_000)
    start_response("200 OK", PLAIN[:])
    return environ["wsgi.file_wrapper"](file)


a_wrapped_file_passes_the_validator = a_file_is_sent_and_closed


def a_file_is_closed_when_the_client_is_gone(environ, start_response):
    file = opened(environ, b"0123456789abcdef" * (1 << 20))
    start_response("200 OK", PLAIN[:])
    return environ["wsgi.file_wrapper"](file)


def a_file_is_sent_from_where_it_stands(environ, start_response):
    file = opened(environ, b"0123456789" * 10)
    file.seek(95)
    start_response("200 OK", PLAIN[:])
    return environ["wsgi.file_wrapper"](file, 3)


def a_file_is_sent_as_far_as_the_length(environ, start_response):
    file = opened(environ, b"0123456789" * 10)
    start_response("200 OK", PLAIN + [("Content-Length", "15")])
    return environ["wsgi.file_wrapper"](file)


def a_file_of_no_system_is_sent_too(environ, start_response):
    file = io.BytesIO(b"0123456789" * 5)
    file.seek(5)
    start_response("200 OK", PLAIN[:])
    return environ["wsgi.file_wrapper"](file, 7)


def a_wrapped_file_can_be_iterated(environ, start_response):
    wrapped = environ["wsgi.file_wrapper"](io.BytesIO(b"0123456789"), 4)
    start_response("200 OK", PLAIN[:])
    return [repr(list(wrapped)).encode()]


def a_text_file_is_an_error(environ, start_response):
    start_response("200 OK", PLAIN[:])
    return environ["wsgi.file_wrapper"](io.StringIO("text"))
