"""CloudFormation's protection from deletion, which moto takes and then knows nothing of."""

from __future__ import annotations

from typing import Any

from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult


def extend() -> None:
    """Let moto refuse to delete a protected stack, and lift the protection; once in a process."""
    plain = CloudFormationResponse.delete_stack
    if getattr(CloudFormationResponse, "protecting", False):
        return

    def lift(self: Any) -> ActionResult:
        stack = self.cloudformation_backend.get_stack(self._get_param("StackName"))
        stack.enable_termination_protection = self._get_param("EnableTerminationProtection")
        return ActionResult({"StackId": stack.stack_id})

    def delete(self: Any) -> ActionResult:
        name = self._get_param("StackName")
        if self.cloudformation_backend.get_stack(name).enable_termination_protection:
            raise ValidationError(name, message=f"Stack [{name}] cannot be deleted: protected")
        return plain(self)

    CloudFormationResponse.update_termination_protection = lift  # type: ignore[attr-defined]
    CloudFormationResponse.delete_stack = delete  # type: ignore[method-assign]
    CloudFormationResponse.protecting = True  # type: ignore[attr-defined]
