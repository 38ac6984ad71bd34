"""`python -m rayline.cli` is `rayline`."""

from rayline.cli.main import main

main()
