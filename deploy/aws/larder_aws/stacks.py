"""Stacks: their order, and how what one puts out becomes what another takes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.exceptions import ClientError

from deploy.aws import template
from deploy.aws.larder_aws.failure import Failure

ACCOUNT = "account"
BEFORE_IMAGE = ("network", "alarms", "database", "cache", "front")
AFTER_IMAGE = ("tasks", "rotation", "service", "worker", "monitoring", "audit", "backup")
OF_A_RELEASE = ("tasks", "rotation", "service", "worker")
LONGEST_SECONDS = 5_400
"""Ninety minutes: by expectation more than RDS in two zones with a replica needs; never timed."""
POLL_SECONDS = 5.0
UNMADE = ("REVIEW_IN_PROGRESS", "CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
"""A first try that failed: such a stack cannot be changed, only deleted."""
GONE = "gone"
GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")


@dataclass
class Installation:
    """All stacks of one installation, `larder-<environment>-<stack>`, and the account's."""

    environment: str
    poll_seconds: float = POLL_SECONDS
    _put_out: dict[str, dict[str, str]] = field(default_factory=dict)
    _client: Any = field(default_factory=lambda: boto3.client("cloudformation"))

    def name(self, stack: str) -> str:
        """The name that CloudFormation knows a stack by."""
        return "larder-account" if stack == ACCOUNT else f"larder-{self.environment}-{stack}"

    def apply(self, stack: str, given: Mapping[str, str] | None = None) -> str:
        """Make or change a stack, wait for its end; returns what was done.

        Parameters come from `given`, from what other stacks put out, from the stack as it is, and
        at last from the template's defaults. Raises Failure with the reasons CloudFormation gives.
        """
        known = self._cleared(stack)
        body = template.text(stack)
        wanted = template.read(stack).get("Parameters", {})
        parameters = self._parameters(stack, wanted, given or {}, known)
        return self._change(stack, known, {"TemplateBody": body, "Parameters": parameters})

    def change_image(self, stack: str, image: str) -> str:
        """Give a stack another image and change nothing else, its template neither."""
        known = self._stack(stack)
        if known is None:
            raise Failure(f"{self.name(stack)} does not exist: run `up` first.")
        names = [one["ParameterKey"] for one in known["Parameters"] if "ParameterKey" in one]
        parameters = [
            {"ParameterKey": name, "UsePreviousValue": True}
            if name != "Image"
            else {"ParameterKey": name, "ParameterValue": image}
            for name in names
        ]
        change = {"UsePreviousTemplate": True, "Parameters": parameters}
        return self._change(stack, known, change)

    def outputs(self) -> dict[str, str]:
        """What all stacks that are there put out, by name."""
        found: dict[str, str] = {}
        for stack in (ACCOUNT, *BEFORE_IMAGE, *AFTER_IMAGE, "release"):
            if stack not in self._put_out and self.is_there(stack):
                self._put_out[stack] = self.outputs_of(stack)
            found |= self._put_out.get(stack, {})
        return found

    def outputs_of(self, stack: str) -> dict[str, str]:
        """What one stack puts out; nothing where it is not there."""
        known = self._stack(stack) or {}
        return {one["OutputKey"]: one["OutputValue"] for one in known.get("Outputs", [])}

    def parameter(self, stack: str, name: str) -> str:
        """A parameter's value as it is; empty where the stack is not there."""
        known = self._stack(stack) or {}
        found = [
            one["ParameterValue"]
            for one in known.get("Parameters", [])
            if one["ParameterKey"] == name
        ]
        return found[0] if found else ""

    def is_there(self, stack: str) -> bool:
        """Whether the stack was made."""
        return self._stack(stack) is not None

    def _stack(self, stack: str) -> dict[str, Any] | None:
        try:
            found = self._client.describe_stacks(StackName=self.name(stack))["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return dict(found[0])

    def _cleared(self, stack: str) -> dict[str, Any] | None:
        """The stack as it is; none where its creation failed, and what was left of it is deleted.

        Such a stack never served. What protects itself from deletion, a database or the load
        balancer, stays, and is named by the Failure.
        """
        known, name = self._stack(stack), self.name(stack)
        if known is None or known["StackStatus"] not in (*UNMADE, "DELETE_FAILED"):
            return known
        if known["StackStatus"] in UNMADE:
            began = time.time()
            self._client.update_termination_protection(
                StackName=name, EnableTerminationProtection=False
            )
            self._client.delete_stack(StackName=name)
            if self._ended(stack) == GONE:
                return None
        else:
            began = 0.0
        reasons = "\n  ".join(self._reasons(stack, began))
        raise Failure(
            f"{name} could not be made, and not all of it be deleted:\n  {reasons}\nRemove what"
            f" protects it, run aws cloudformation delete-stack --stack-name {name}, and try again."
        )

    def _parameters(
        self,
        stack: str,
        wanted: Mapping[str, Mapping[str, Any]],
        given: Mapping[str, str],
        known: Mapping[str, Any] | None,
    ) -> list[dict[str, Any]]:
        """CloudFormation's own form of the parameters that are not left to their defaults."""
        before = {one["ParameterKey"] for one in (known or {}).get("Parameters", [])}
        others = self.outputs()
        # What a stack itself puts out may be what it made for an empty parameter.
        for name in self._put_out.get(stack, {}):
            others.pop(name)
        values = others | {"Environment": self.environment} | dict(given)
        parameters: list[dict[str, Any]] = []
        missing = []
        for name, declared in wanted.items():
            if name in values:
                parameters.append({"ParameterKey": name, "ParameterValue": values[name]})
            elif name in before:
                parameters.append({"ParameterKey": name, "UsePreviousValue": True})
            elif "Default" not in declared:
                missing.append(f"{name} ({declared.get('Description', '')})")
        if missing:
            raise Failure(
                f"Set these of {self.name(stack)} (--set NAME=VALUE): {'; '.join(missing)}"
            )
        return parameters

    def _change(self, stack: str, known: Mapping[str, Any] | None, change: dict[str, Any]) -> str:
        change |= {"StackName": self.name(stack), "Capabilities": ["CAPABILITY_NAMED_IAM"]}
        change["Tags"] = [{"Key": "larder:environment", "Value": self.environment}]
        if stack == ACCOUNT:
            change["Tags"] = [{"Key": "larder:environment", "Value": "all"}]
        self._put_out.pop(stack, None)
        # A stack whose creation was undone is deleted: its name would be in the way.
        fresh = {"RetainExceptOnCreate": True}
        began = time.time()
        if known is None:
            self._client.create_stack(**change, **fresh, EnableTerminationProtection=True)
        else:
            try:
                self._client.update_stack(**change, **fresh)
            except ClientError as error:
                if "No updates are to be performed" in str(error):
                    return "as it was"
                raise
        self._wait(stack, began)
        return "made" if known is None else "changed"

    def _wait(self, stack: str, began: float) -> None:
        status = self._ended(stack)
        if status not in GOOD:
            reasons = "\n  ".join(self._reasons(stack, began)) or "no reason was given"
            raise Failure(f"{self.name(stack)} is {status}. Read why:\n  {reasons}")

    def _ended(self, stack: str) -> str:
        """The status that a stack ends with, `GONE` where it is deleted; waits for it."""
        deadline = time.monotonic() + LONGEST_SECONDS
        while time.monotonic() < deadline:
            status = str((self._stack(stack) or {}).get("StackStatus", GONE))
            if status in GOOD or not status.endswith("_IN_PROGRESS"):
                return status
            time.sleep(self.poll_seconds)
        raise Failure(f"{self.name(stack)} is not done after {LONGEST_SECONDS} s: check it later.")

    def _reasons(self, stack: str, began: float) -> Iterator[str]:
        events = self._client.describe_stack_events(StackName=self.name(stack))["StackEvents"]
        for event in reversed(events):
            failed = event["ResourceStatus"].endswith("_FAILED")
            if failed and event["Timestamp"].timestamp() >= began - 5:
                yield f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
