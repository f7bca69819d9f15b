"""Settings of gunicorn: threads, which keep connections alive. What an older one does not know it passes over."""

workers = 4
worker_class = "gthread"
threads = 4
keepalive = 60
loglevel = "warning"
graceful_timeout = 5
control_socket_disable = True
