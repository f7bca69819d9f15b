"""The flock: what members say to each other, and what each makes of it.

A machine without I/O: datagrams and readings in, datagrams and a discipline out. The thread that drives it on real sockets and
the tests that drive a village of it in one process use the same calls and send the same bytes.
"""
