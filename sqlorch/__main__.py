"""``python -m sqlorch``: the same as the installed command."""

from sqlorch.cli.main import main

if __name__ == "__main__":
    main()
