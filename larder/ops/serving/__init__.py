"""What a server process is made of; `larder/ops/serve.py` starts it."""
