"""`python -m chronoslide` is the command `chronoslide`."""

import sys

from chronoslide.cli import main

if __name__ == "__main__":
    sys.exit(main())
