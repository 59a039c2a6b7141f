"""A small process around a command, which says in JSON what the command took.

python watch.py FILE COMMAND... : FILE gets seconds by the clock and the peak of memory in bytes.
A child's peak begins at that of the process that starts it, so a large one cannot ask by itself.
"""

import json
import resource
import subprocess
import sys
import time

began = time.perf_counter()
code = subprocess.call(sys.argv[2:])
seconds = time.perf_counter() - began
unit = 1 if sys.platform == "darwin" else 1024
peak_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
with open(sys.argv[1], "w") as file:
    json.dump({"seconds": seconds, "peak_bytes": peak_bytes}, file)
sys.exit(code)
