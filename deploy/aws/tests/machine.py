"""Requests that make the machine of single.yaml in the emulator."""

from __future__ import annotations

from typing import Any


def instance(client: Any, name: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Start an instance from a launch template; returns its id."""
    [card] = given.pop("NetworkInterfaces")
    card = {"Groups": card.pop("GroupSet"), **card, "DeviceIndex": int(card["DeviceIndex"])}
    given["TagSpecifications"] = [{"ResourceType": "instance", "Tags": given.pop("Tags")}]
    given["Monitoring"] = {"Enabled": given["Monitoring"]}
    given["LaunchTemplate"]["Version"] = str(given["LaunchTemplate"]["Version"])
    [made] = client.run_instances(MinCount=1, MaxCount=1, NetworkInterfaces=[card], **given)[
        "Instances"
    ]
    return made["InstanceId"], {}


def elastic_address(client: Any, name: str, given: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Give an address to an instance; returns the id of the association."""
    return client.associate_address(**given)["AssociationId"], {}
