"""The second in which the run of the tests began, the same in all of its processes: their cases are named by it."""

import os
import time

NOW_S = int(os.environ.setdefault("TESTS_BEGAN_S", str(int(time.time()))))
