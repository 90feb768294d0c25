"""PEP 3333, "The start_response() Callable"."""

import sys

from prelude import PLAIN, answer, tell


def what_is_written_goes_before_what_is_returned(environ, start_response):
    write = start_response("200 OK", PLAIN[:])
    write(b"one ")
    write(b"")
    write(b"two ")
    return [b"three ", b"four"]


def writing_may_be_all_there_is(environ, start_response):
    write = start_response("201 Created", PLAIN + [("X-Way", "written")])
    for _ in range(64):
        write(b"0123456789abcdef" * 256)
    return []


def a_second_start_without_exc_info_is_an_error(environ, start_response):
    start_response("200 OK", PLAIN + [("X-Start", "first")])
    try:
        start_response("201 Created", PLAIN + [("X-Start", "second")])
    except AssertionError as error:
        return [str(error).encode()]
    return [b"taken"]


def an_error_before_the_head_is_sent_replaces_it(environ, start_response):
    start_response("200 OK", PLAIN + [("X-Start", "first")])
    try:
        raise KeyError("planned")
    except KeyError:
        start_response("503 Sorry", PLAIN + [("X-Start", "second")], sys.exc_info())
    return [b"sorry"]


def the_head_waits_for_the_first_content(environ, start_response):
    start_response("200 OK", PLAIN + [("X-Start", "first")])
    yield b""
    yield b""
    try:
        raise KeyError("planned")
    except KeyError:
        start_response("503 Sorry", PLAIN + [("X-Start", "second")], sys.exc_info())
    yield b"sorry"


def an_error_behind_the_head_is_raised_again(environ, start_response):
    start_response("200 OK", PLAIN[:])
    yield b"begun"
    try:
        raise KeyError("planned behind the head")
    except KeyError:
        try:
            start_response("503 Sorry", PLAIN[:], sys.exc_info())
        except KeyError as error:
            tell(environ, "again: %s" % error)
            raise
    yield b"never"


def an_application_that_never_starts_is_an_error(environ, start_response):
    return [b"without a head"]


HEADERS = PLAIN + [("X-Mine", "as it was")]


def the_list_of_headers_stays_as_it_was(environ, start_response):
    start_response("200 OK", HEADERS)
    return [repr(HEADERS).encode()]


def the_status_is_what_the_application_says(environ, start_response):
    return answer(start_response, "answered", environ["QUERY_STRING"].replace("+", " "))


STATUSES = {
    "empty": "",
    "short": "20",
    "long": "2000 Much",
    "word": "OK",
    "below": "099 Less",
    "glued": "200OK",
    "lines": "200 OK\r\nX-Smuggled: 1",
    "null": "200 O\x00K",
    "bytes": b"200 OK",
    "number": 200,
    "none": None,
    "euro": "200 \u20ac",
}


def a_bad_status_is_an_error_that_says_so(environ, start_response):
    return answer(start_response, "taken", STATUSES[environ["QUERY_STRING"]])


BAD_HEADERS = {
    "tuple": (("Content-Type", "text/plain"),),
    "dict": {"Content-Type": "text/plain"},
    "none": None,
    "list-in-list": [["Content-Type", "text/plain"]],
    "triple": [("Content-Type", "text/plain", "more")],
    "single": [("Content-Type",)],
    "bytes-name": [(b"Content-Type", "text/plain")],
    "bytes-value": [("Content-Type", b"text/plain")],
    "number": [("Content-Length", 5)],
    "no-name": [("", "text/plain")],
    "space": [("Content Type", "text/plain")],
    "colon": [("Content-Type:", "text/plain")],
    "line-in-name": [("Content-Type\n", "text/plain")],
    "latin-name": [("X-\xe9", "1")],
    "line": [("X-Line", "a\nX-Smuggled: 1")],
    "return": [("X-Line", "a\rb")],
    "null": [("X-Null", "a\x00b")],
    "euro": [("X-Euro", "1 \u20ac")],
    "connection": [("Connection", "close")],
    "keep-alive": [("Keep-Alive", "timeout=5")],
    "te": [("TE", "trailers")],
    "transfer-encoding": [("Transfer-Encoding", "chunked")],
    "upgrade": [("Upgrade", "websocket")],
    "two-lengths": [("Content-Length", "5"), ("Content-Length", "6")],
    "bad-length": [("Content-Length", "five")],
}


def bad_headers_are_an_error_that_says_so(environ, start_response):
    return answer(start_response, "taken", headers=Kept(BAD_HEADERS[environ["QUERY_STRING"]]))


class Kept:
    """Headers of any kind, past the copy that `answer` makes."""

    def __init__(self, headers):
        self.headers = headers

    def __getitem__(self, _):
        return self.headers


def fields_are_sent_as_they_are(environ, start_response):
    fields = [("Set-Cookie", "a=1"), ("X-Latin", "caf\xe9"), ("Set-Cookie", "b=2"), ("X-Empty", "")]
    start_response("200 OK", PLAIN + fields)
    return [b"sent"]
