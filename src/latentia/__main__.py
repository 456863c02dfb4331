"""``python -m latentia`` and ``torchrun -m latentia`` are the command line."""

from latentia.cli.main import run

if __name__ == "__main__":
    run()
