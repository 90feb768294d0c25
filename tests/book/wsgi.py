"""Runs blocks of Python in one namespace, and asks the WSGI applications among them under wsgiref.validate.

Reads JSON: `code`, the blocks; `requests`, each [application, method, path, content], the first an expression such as a name
or a factory's call. Writes JSON: `applications`, the names of the callables that take (environ, start_response); `answers`,
each [status, content].
"""

import inspect
import io
import json
import sys
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator


def ask(application, method, path, content):
    environ = {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": ""}
    content = content.encode()
    if content:
        environ |= {"CONTENT_LENGTH": str(len(content)), "wsgi.input": io.BytesIO(content)}
    setup_testing_defaults(environ)
    started, pieces = [], []

    def start_response(status, headers, exc_info=None):
        started[:] = [status]
        return pieces.append

    result = validator(application)(environ, start_response)
    try:
        pieces.extend(result)
    finally:
        result.close()
    return [started[0], b"".join(pieces).decode()]


def is_application(value):
    try:
        parameters = list(inspect.signature(value).parameters)
    except (TypeError, ValueError):
        return False
    return not inspect.isclass(value) and parameters[:2] == ["environ", "start_response"]


given = json.load(sys.stdin)
names = {"__name__": "__main__"}
for block in given["code"]:
    exec(compile(block, "block", "exec"), names)
found = [name for name, value in names.items() if callable(value) and is_application(value)]
answers = [ask(eval(application, names), *request) for application, *request in given["requests"]]
json.dump({"applications": found, "answers": answers}, sys.stdout)
