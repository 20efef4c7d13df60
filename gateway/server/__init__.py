"""Gateway under gunicorn: settings, worker, and the admin process beside it."""
