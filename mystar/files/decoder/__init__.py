"""Opens uploads with native parsers, Pillow and FFmpeg, in child processes with limits (D38, promise S12).

`pool` is the service's side and imports no parser. `__main__` is the program behind it, `python -m
mystar.files.decoder`, which forks a child for each job. `pictures`, `animations` and `videos` run in a child alone.
"""
