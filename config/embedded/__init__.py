"""Django's PostgreSQL backend on the embedded server: see base.py."""
