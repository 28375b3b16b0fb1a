"""``python -m lmctool`` is ``lmctool``."""

from lmctool.cli import main

if __name__ == "__main__":
    main()
