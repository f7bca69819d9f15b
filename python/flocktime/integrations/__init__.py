"""Where services plug in: timestamps that travel with the messages services already send.

``headers`` is the rule, over plain mappings; ``asgi`` and ``httpx`` apply it to a server and a client. None of them
imports a framework: what is installed is the user's choice.
"""
