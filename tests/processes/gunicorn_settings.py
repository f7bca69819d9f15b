"""Settings of the gunicorn that the tests start. What an older gunicorn does not know in here, it passes over."""

preload_app = True
workers = 4
loglevel = "warning"
graceful_timeout = 5
control_socket_disable = True
