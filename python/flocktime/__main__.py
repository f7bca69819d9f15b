"""Run as ``python -m flocktime``."""

import sys

from flocktime.cli.main import main

sys.exit(main())
