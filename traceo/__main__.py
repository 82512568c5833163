"""`python -m traceo`, the same as `traceo`."""

import sys

from traceo.cli import main

sys.exit(main())
