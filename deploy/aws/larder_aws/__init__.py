"""The tool: `deploy/aws/run up`, `release`, `rollback`, `restore` …"""
