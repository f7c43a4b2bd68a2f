from mystar.cli.commands import main

if __name__ == "__main__":
    main(prog_name="python -m mystar")
