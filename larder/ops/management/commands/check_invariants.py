"""Checks in the tables that nothing was oversold, lost or duplicated."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError

from larder.ops.books import invariants
from larder.ops.books.invariants import Finding, Report

VIOLATED = 1
NOT_CHECKED = 2

AWAY = "Check that the database at DATABASE_URL answers, then run the command again."
DO = "Keep a backup before you change anything, and read docs/operate/alerts.md."
"""What the operator does."""


class Command(BaseCommand):
    """Exit status: 0 if all invariants hold, 1 if one is violated, 2 if they could not be
    checked."""

    help = (
        "Check in one snapshot of the tables that nothing was oversold, lost or duplicated. "
        "Exit status 0: all invariants hold; 1: one is violated; 2: they could not be checked."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = invariants.check()
        except (DatabaseError, InterfaceError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise CommandError(f"Not checked: {reason}\n{AWAY}", returncode=NOT_CHECKED) from error
        write = self._write_json if options["format"] == "json" else self._write_text
        write(report)
        if report.violated:
            message = (
                f"{len(report.violated)} of {len(report.findings)} invariants are violated. {DO}"
            )
            raise CommandError(message, returncode=VIOLATED)

    def _write_json(self, report: Report) -> None:
        """Writes `{"ok", "looked_at", "invariants": [{"name", "ok", "violations", "rows"}]}`, with
        amounts as strings."""
        invariants = [
            {
                "name": finding.invariant.name,
                "ok": not finding.violations,
                "violations": finding.violations,
                "rows": finding.rows,
            }
            for finding in report.findings
        ]
        shown = {"ok": not report.violated, "looked_at": report.looked_at, "invariants": invariants}
        self.stdout.write(json.dumps(shown, indent=1))

    def _write_text(self, report: Report) -> None:
        for finding in report.findings:
            self._write_finding(finding)
        if not report.violated:
            extent = ", ".join(f"{count} × {table}" for table, count in report.looked_at.items())
            self.stdout.write(f"All {len(report.findings)} invariants hold over {extent}.")

    def _write_finding(self, finding: Finding) -> None:
        result = "violated" if finding.violations else "ok"
        self.stdout.write(f"{result:<10}{finding.invariant.name:<46}{finding.violations:>9}")
        if finding.violations:
            self.stdout.write(f"          {finding.invariant.means}")
            self.stdout.write(f"          Look at {finding.invariant.look_at}.")
        for row in finding.rows:
            self.stdout.write(f"          {json.dumps(row)}")
        if finding.violations > len(finding.rows):
            self.stdout.write(f"          and {finding.violations - len(finding.rows)} more")
