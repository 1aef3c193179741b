"""``python -m evonas``."""

from evonas.cli.app import main

if __name__ == "__main__":
    main()
