"""What the job worker does: it expires holds, sends mails, and tells events by the channels of the
relay. The periodic tasks are in `larder/ops/tasks.py`: procrastinate looks there."""
