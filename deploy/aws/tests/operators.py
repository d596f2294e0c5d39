"""A receiver of the alarms of a topic in the emulator."""

from __future__ import annotations

import json

import boto3


def receiver(topic: str) -> str:
    """A queue that subscribes to a topic; returns its URL."""
    queues = boto3.client("sqs")
    url = str(queues.create_queue(QueueName="operators")["QueueUrl"])
    named = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    boto3.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=named["QueueArn"])
    return url


def received(url: str) -> list[str]:
    """The subjects of the messages in a queue, which is empty afterwards."""
    queues = boto3.client("sqs")
    found = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for one in found:
        queues.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    return [json.loads(one["Body"])["Subject"] for one in found]
