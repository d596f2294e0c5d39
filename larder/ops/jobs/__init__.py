"""The job worker. The periodic tasks are in `larder/ops/tasks.py`: procrastinate looks there."""
