"""`python -m stateserver`, for where the script is not on the path."""

from stateserver.cli import main

if __name__ == "__main__":
    main()
