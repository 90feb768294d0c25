"""Processes that the application forks itself, by `multiprocessing` for one: they obey nobody of the server's.

The server's handlers would take a signal there for the worker's, and `Process.terminate` would end nothing.
"""

import os
import signal
import threading

SIGNALS = (
    *(signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGABRT, signal.SIGHUP),
    *(signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH),
)
before = threading.local()


def hold():
    """Holds them back until the new process is an ordinary one: one that comes earlier would be lost."""
    before.mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def let_go():
    """Lets those come that came before."""
    signal.pthread_sigmask(signal.SIG_SETMASK, before.mask)


def be_ordinary():
    """Gives signals back what they do in any program."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    let_go()


os.register_at_fork(before=hold, after_in_parent=let_go, after_in_child=be_ordinary)
