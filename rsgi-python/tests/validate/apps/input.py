"""PEP 3333, "Input and Error Streams"."""

from prelude import answer, tell


def reads_end_with_the_content(environ, start_response):
    content = environ["wsgi.input"]
    pieces = [content.read(3), content.read(0), content.read(1000), content.read(10), content.read(1)]
    return answer(start_response, repr(pieces))


def a_read_takes_any_size(environ, start_response):
    content = environ["wsgi.input"]
    pieces = [content.read(2), content.read(None), content.read(), content.read(-1)]
    return answer(start_response, repr(pieces))


def lines_are_read_one_by_one(environ, start_response):
    content = environ["wsgi.input"]
    lines = [content.readline(), content.readline(3), content.readline(100), content.readline(), content.readline()]
    return answer(start_response, repr(lines))


def a_line_takes_any_size(environ, start_response):
    content = environ["wsgi.input"]
    return answer(start_response, repr([content.readline(-1), content.readline(None), content.readline(0)]))


def lines_are_read_together(environ, start_response):
    content = environ["wsgi.input"]
    return answer(start_response, repr([content.readlines(4), content.readlines(), content.readlines()]))


def the_input_is_iterated_by_lines(environ, start_response):
    content = environ["wsgi.input"]
    return answer(start_response, repr([content.read(1)] + list(content) + [content.read(1)]))


def lines_cross_what_comes_at_once(environ, start_response):
    content = environ["wsgi.input"]
    lines = [line for line in content]
    whole = b"".join(lines)
    letters = whole.replace(b"a", b"").replace(b"b", b"")
    are_lines = letters == b"\n" * 6 + b"end" and all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines[:-1])
    return answer(start_response, "%d %d %s" % (len(lines), len(whole), are_lines))


def without_content_there_is_nothing_to_read(environ, start_response):
    content = environ["wsgi.input"]
    read = [content.read(5), content.readline(), content.readlines(), list(content)]
    return answer(start_response, "%r %r" % (environ.get("CONTENT_LENGTH"), read))


def content_of_unknown_length_ends_by_itself(environ, start_response):
    read = environ["wsgi.input"].read(1 << 20)
    told = (environ.get("CONTENT_LENGTH"), environ.get("wsgi.input_terminated"))
    return answer(start_response, "%r %r" % (told, read))


def content_that_is_not_read_is_in_nobodys_way(environ, start_response):
    return answer(start_response, "unread")


def content_that_breaks_off_is_an_error(environ, start_response):
    try:
        read = environ["wsgi.input"].read(100)
    except OSError as error:
        tell(environ, "%s: %s" % (type(error).__name__, error))
        raise
    return answer(start_response, "read %r" % read)


def what_is_written_to_errors_is_logged(environ, start_response):
    errors = environ["wsgi.errors"]
    here = environ["PATH_INFO"]
    errors.write("written at %s\n" % here)
    errors.writelines(["lines ", "of \xfc\u20ac ", "at %s\n" % here])
    errors.write("flushed at %s" % here)
    errors.flush()
    print("printed at %s" % here, file=errors)
    return answer(start_response, "written")


def errors_take_native_strings_alone(environ, start_response):
    try:
        environ["wsgi.errors"].write(b"bytes")
    except TypeError as error:
        return answer(start_response, "TypeError")
    return answer(start_response, "taken")
