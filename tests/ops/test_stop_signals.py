"""What `make run` and production do is in faults/test_killed.py."""

from concurrent.futures import ThreadPoolExecutor

from larder.ops.serving import stop_signals


def test_stop_signals_are_set_up_only_in_the_main_thread() -> None:
    with ThreadPoolExecutor(1) as runserver:
        assert runserver.submit(stop_signals.wake_main_thread).exception() is None
