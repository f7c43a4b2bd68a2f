import os
import sys

# Bytecode is kept also where the environment says otherwise: compiling all that a run imports takes ten seconds of each
# of its processes.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
