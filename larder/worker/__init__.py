"""What the worker does: it expires holds, sends mails, tells events by the channels of the relay,
and runs the periodic tasks of `larder/ops/tasks.py`."""
