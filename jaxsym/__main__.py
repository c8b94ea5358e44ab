"""`python -m jaxsym` is the command `jaxsym`."""

from jaxsym.cli import main

if __name__ == "__main__":
    main(prog_name="jaxsym")
