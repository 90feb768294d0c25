"""PEP 3333, "Buffering and Streaming", "Handling the Content-Length Header", "Error Handling"."""

from prelude import PLAIN, answer, tell


def a_list_of_one_has_a_length(environ, start_response):
    return answer(start_response, "content")


a_head_goes_without_its_content = a_list_of_one_has_a_length


def an_empty_list_is_no_content(environ, start_response):
    start_response("200 OK", PLAIN[:])
    return []


def pieces_come_in_their_order(environ, start_response):
    start_response("200 OK", PLAIN[:])
    return [b"one ", b"", b"two ", b"three"]


def a_tuple_is_as_good(environ, start_response):
    start_response("200 OK", PLAIN[:])
    return (b"one ", b"two")


def much_content_comes_whole(environ, start_response):
    start_response("200 OK", PLAIN[:])
    return (bytes([65 + index % 26]) * 10_000 for index in range(300))


def one_big_piece_comes_whole(environ, start_response):
    start_response("200 OK", PLAIN[:])
    return [b"0123456789abcdef" * 100_000]


class Single:
    """An iterable that knows that it has one piece (PEP 3333, "Handling the Content-Length Header")."""

    def __len__(self):
        return 1

    def __iter__(self):
        yield b"a single piece"


def a_length_of_one_gives_the_content_length(environ, start_response):
    start_response("200 OK", PLAIN[:])
    return Single()


def a_generator_may_start_the_answer_late(environ, start_response):
    tell(environ, "begun")
    start_response("202 Accepted", PLAIN[:])
    yield b"late"


def nothing_may_come_before_the_start(environ, start_response):
    yield b""
    yield b""
    start_response("202 Accepted", PLAIN[:])
    yield b"later still"


class Indexed:
    """Iterable by the oldest protocol of Python's."""

    def __getitem__(self, index):
        return [b"by ", b"index"][index]


def any_iterable_will_do(environ, start_response):
    start_response("200 OK", PLAIN[:])
    return Indexed()


class a_class_may_be_the_application:
    """PEP 3333's second example."""

    def __init__(self, environ, start_response):
        self.environ = environ
        self.start = start_response

    def __iter__(self):
        self.start("200 OK", PLAIN[:])
        yield b"of a class"


def each_piece_is_sent_before_the_next_is_asked_for(environ, start_response):
    start_response("200 OK", PLAIN[:])
    yield b"first"
    environ["test.scene"].gate.get(timeout=30)
    yield b" second"


def what_is_written_is_sent_at_once(environ, start_response):
    write = start_response("200 OK", PLAIN[:])
    write(b"first")
    environ["test.scene"].gate.get(timeout=30)
    write(b" second")
    return []


BAD_BODIES = {
    "str": ["text"],
    "str-later": [b"", "text"],
    "bytearray": [bytearray(b"text")],
    "number": [5],
    "none-in": [None],
    "is-str": "text",
    "is-bytes": b"text",
    "is-none": None,
    "is-number": 5,
}


def bodies_of_anything_but_bytes_are_errors(environ, start_response):
    start_response("200 OK", PLAIN[:])
    return BAD_BODIES[environ["QUERY_STRING"]]


def more_than_the_length_is_not_sent(environ, start_response):
    start_response("200 OK", PLAIN + [("Content-Length", "5")])
    yield b"12"
    yield b"34567"
    yield b"8"


def a_list_beyond_the_length_is_an_error_or_cut(environ, start_response):
    start_response("200 OK", PLAIN + [("Content-Length", "5")])
    return [b"12345678"]


def less_than_the_length_is_seen(environ, start_response):
    start_response("200 OK", PLAIN + [("Content-Length", "8")])
    yield b"12"
    yield b"345"


def the_length_of_the_application_is_kept(environ, start_response):
    start_response("200 OK", PLAIN + [("Content-Length", "8")])
    yield b"1234"
    yield b"5678"


def answers_without_content_have_none(environ, start_response):
    start_response(environ["QUERY_STRING"] + " Nothing", [])
    return []


def an_exception_is_answered_500(environ, start_response):
    raise ValueError("raised at once at %s" % environ["PATH_INFO"])


def an_exception_behind_the_start_is_answered_500(environ, start_response):
    start_response("200 OK", PLAIN[:])
    raise ValueError("raised behind the start at %s" % environ["PATH_INFO"])


def an_exception_of_the_first_piece_is_answered_500(environ, start_response):
    start_response("200 OK", PLAIN[:])
    raise ValueError("raised first at %s" % environ["PATH_INFO"])
    yield b"never"


def an_exception_on_the_way_breaks_the_answer(environ, start_response):
    start_response("200 OK", PLAIN[:])
    yield b"begun"
    raise ValueError("raised on the way at %s" % environ["PATH_INFO"])


def exits_end_the_request_alone(environ, start_response):
    if environ["QUERY_STRING"] == "exit":
        raise SystemExit(3)
    if environ["QUERY_STRING"] == "interrupt":
        raise KeyboardInterrupt
    return answer(start_response, "alive")
