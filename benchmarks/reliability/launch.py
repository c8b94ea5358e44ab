"""Start a command with Ctrl-C as at a terminal, and a disk with room for so many bytes of a file.

python benchmarks/reliability/launch.py BYTES COMMAND ...    # -1: as many as there are
"""

import os
import resource
import signal
import sys

largest = int(sys.argv[1])
signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell ignores it for what runs in the background
if largest >= 0:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # an error then, and not the end
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
os.execv(sys.argv[2], sys.argv[2:])
