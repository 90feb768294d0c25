"""The end of Python's threads in a worker, as `threading._shutdown` has it: that one is for the main thread only."""

import threading


def wait():
    """Tells executors to end, and waits for all threads that aren't daemons."""
    for handler in reversed(threading._threading_atexits):
        handler()
    # They may start others.
    while threads := running():
        for thread in threads:
            thread.join()


def running():
    """The threads that are waited for: neither daemons, nor the server's."""
    return [
        thread
        for thread in threading.enumerate()
        if not thread.daemon
        and thread is not threading.main_thread()
        and not isinstance(thread, threading._DummyThread)
    ]


def names():
    """Their names, in one text."""
    return ", ".join(thread.name for thread in running())
