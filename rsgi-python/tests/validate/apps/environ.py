"""PEP 3333, "environ Variables"."""

from urllib.parse import quote

from prelude import PLAIN, answer, tell


def the_environ_is_a_dictionary_of_native_strings(environ, start_response):
    wrong = [] if type(environ) is dict else ["it is %s" % type(environ)]
    for key, value in environ.items():
        if type(key) is not str:
            wrong.append("key %r is %s" % (key, type(key)))
        if "." not in str(key) and type(value) is not str:
            wrong.append("%s is %s" % (key, type(value)))
    kinds = [
        ("wsgi.version", tuple),
        ("wsgi.url_scheme", str),
        ("wsgi.multithread", bool),
        ("wsgi.multiprocess", bool),
        ("wsgi.run_once", bool),
        ("wsgi.input_terminated", bool),
    ]
    wrong += ["%s is %r" % (key, environ.get(key)) for key, kind in kinds if type(environ.get(key)) is not kind]
    if environ["wsgi.version"] != (1, 0):
        wrong.append("wsgi.version is %r" % (environ["wsgi.version"],))
    if not callable(environ["wsgi.file_wrapper"]):
        wrong.append("wsgi.file_wrapper can't be called")
    return answer(start_response, "; ".join(wrong) or "fine")


def the_environ_is_the_applications_own(environ, start_response):
    names = " ".join(sorted(environ))
    environ.clear()
    environ["wsgi.version"] = environ["REQUEST_METHOD"] = None
    return answer(start_response, names)


NAMES = [
    "REQUEST_METHOD",
    "SCRIPT_NAME",
    "PATH_INFO",
    "QUERY_STRING",
    "CONTENT_TYPE",
    "CONTENT_LENGTH",
    "SERVER_PROTOCOL",
    "wsgi.url_scheme",
]


def variables_are_those_of_the_request(environ, start_response):
    for name in ["SERVER_NAME", "SERVER_PORT"]:
        assert environ[name] != "", name
    return answer(start_response, "\n".join("%s=%s" % (name, environ.get(name)) for name in NAMES))


def paths_are_decoded_and_latin_1(environ, start_response):
    path = environ["PATH_INFO"]
    return answer(start_response, "%s %s" % (ascii(path), ascii(path.encode("latin-1").decode("utf-8", "replace"))))


def the_query_is_as_it_was_sent(environ, start_response):
    return answer(start_response, repr(environ["QUERY_STRING"]))


def a_mount_is_the_script_name(environ, start_response):
    return answer(start_response, "%s|%s|%s" % (environ["SCRIPT_NAME"], environ["PATH_INFO"], reconstructed(environ)))


def reconstructed(environ):
    """PEP 3333, "URL Reconstruction"."""
    url = environ["wsgi.url_scheme"] + "://"
    if environ.get("HTTP_HOST"):
        url += environ["HTTP_HOST"]
    else:
        url += environ["SERVER_NAME"] + ":" + environ["SERVER_PORT"]
    url += quote(environ.get("SCRIPT_NAME", ""), encoding="latin-1")
    url += quote(environ.get("PATH_INFO", ""), encoding="latin-1")
    if environ.get("QUERY_STRING"):
        url += "?" + environ["QUERY_STRING"]
    return url


def the_url_can_be_put_together_again(environ, start_response):
    return answer(start_response, reconstructed(environ))


def fields_are_variables(environ, start_response):
    names = ["HTTP_X_THING", "HTTP_COOKIE", "HTTP_X_LATIN", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "HTTP_PROXY"]
    return answer(start_response, "\n".join("%s=%s" % (name, ascii(environ.get(name))) for name in names))


def a_field_with_an_underscore_poses_as_none(environ, start_response):
    return answer(start_response, repr(environ.get("HTTP_X_USER")))


def concurrency_is_told_as_it_is(environ, start_response):
    facts = [environ["wsgi.multithread"], environ["wsgi.multiprocess"], environ["wsgi.run_once"]]
    return answer(start_response, " ".join(map(str, facts)))


def a_request_of_no_path_has_an_empty_one(environ, start_response):
    start_response("200 OK", PLAIN[:])
    return [repr((environ["REQUEST_METHOD"], environ["SCRIPT_NAME"], environ["PATH_INFO"])).encode()]


def methods_are_passed_on(environ, start_response):
    tell(environ, environ["REQUEST_METHOD"])
    start_response("200 OK", PLAIN + [("X-Method", environ["REQUEST_METHOD"])])
    return [b"content"]
