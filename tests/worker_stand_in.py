"""Stands in for a worker that is a fork of another process: gives it its streams, and ends with it."""

import socket
import sys

with socket.socket(socket.AF_UNIX) as fork_server:
    fork_server.connect(sys.argv[1])
    socket.send_fds(fork_server, [b"w"], [0, 1, 2])
    fork_server.recv(1)
