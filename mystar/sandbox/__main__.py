from mystar.sandbox.process import sandbox_command

if __name__ == "__main__":
    sandbox_command(prog_name="python -m mystar.sandbox")
