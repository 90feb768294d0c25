"""What all applications of this test share: the validator that is put around them, and how they tell what they saw."""

import functools
import gc
import queue
import sys
import warnings
import wsgiref.validate

PLAIN = [("Content-Type", "text/plain")]

# What the validator found, whoever swallowed the exception. The text of each says enough to find the case.
findings = []


def recording(condition, *args):
    """The validator's own check, which also takes down what it finds."""
    if not condition:
        findings.append("%s" % (args,))
        raise AssertionError(*args)


def unraisable(raised):
    """Nobody gets what a destructor raises, such as that of an iterator that wasn't closed."""
    findings.append("in %r: %r" % (raised.object, raised.exc_value))


wsgiref.validate.assert_ = recording
warnings.simplefilter("error", wsgiref.validate.WSGIWarning)
sys.unraisablehook = unraisable


class Scene:
    """What one application tells its test, and the gate that the test opens for it."""

    def __init__(self, tell=None):
        self.told = queue.Queue()
        self.tell = tell or self.told.put
        self.gate = queue.Queue()

    def stage(self, application, is_validated):
        """The application as it is served, with this scene in its environ."""
        # The files that our server sends by itself are only seen to without the validator's own iterators.
        inside = wsgiref.validate.validator(application) if is_validated else application

        @functools.wraps(application)
        def staged(environ, start_response):
            environ["test.scene"] = self
            return inside(environ, start_response)

        return staged

    def next(self):
        """The next thing that was told, for the test."""
        return self.told.get(timeout=30)


def taken_findings():
    """All findings up to now, once what nobody holds is gone."""
    gc.collect()
    taken = findings[:]
    findings.clear()
    return taken


def tell(environ, what):
    """Tells the test something."""
    environ["test.scene"].tell(what)


def answer(start_response, text, status="200 OK", headers=PLAIN):
    """The usual answer."""
    start_response(status, headers[:])
    return [text.encode("utf-8")]
