"""Serves an application with bjoern, which has no command of its own.

Usage: run_bjoern.py HOST PORT MODULE:NAME, or MODULE:NAME() for a factory.
"""

import importlib
import sys

import bjoern

host, port, target = sys.argv[1:]
module, name = target.split(":")
found = getattr(importlib.import_module(module), name.removesuffix("()"))
bjoern.run(found() if name.endswith("()") else found, host, int(port), listen_backlog=1024)
