"""What the scripts beside this one have in common. They run against the local cloud of AWS_ENDPOINT_URL."""

import json
import os
import urllib.request

import boto3
import botocore.config
import botocore.exceptions


def client(service, region="ap-northeast-1"):
    """A client that does not retry: a refusal is to be seen."""
    config = botocore.config.Config(retries={"total_max_attempts": 1, "mode": "standard"})
    return boto3.client(service, region_name=region, config=config)


def admin(method, path, body=None):
    url = os.environ["AWS_ENDPOINT_URL"] + "/_aomidori/" + path
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data=data, method=method)) as answer:
        return json.load(answer)


def advance(seconds):
    """Lets simulated time pass."""
    admin("POST", "clock", {"advanceSeconds": seconds})


def refused(code, call, text=None, **parameters):
    """The call must be refused with this code, and this text in the message."""
    try:
        answer = call(**parameters)
    except botocore.exceptions.ClientError as error:
        found = error.response["Error"]
        assert found["Code"] == code, f"{code} was expected, not {found}"
        if text is not None:
            assert text in found["Message"], f"'{text}' was expected in {found}"
        return error.response
    raise AssertionError(f"{code} was expected, and the call was accepted: {answer}")


def equal(found, expected):
    assert found == expected, f"{expected} was expected, not {found}"


def tags(kind, **pairs):
    """TagSpecifications for a kind."""
    return [{"ResourceType": kind, "Tags": [{"Key": k, "Value": v} for k, v in pairs.items()]}]


def tag_filter(key, *values):
    return [{"Name": "tag:" + key, "Values": list(values)}]
