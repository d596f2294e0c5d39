"""What operators see of the processes: metrics, log lines, spans, reports of errors."""
