"""STS, and what all services have in common: credentials, protocols, unknown operations."""

import os

import boto3

from local import client, equal, refused

sts = client("sts")
equal(sts.get_caller_identity()["Account"], "123456789012")
role = sts.assume_role(RoleArn="arn:aws:iam::123456789012:role/path/deployer", RoleSessionName="session")
equal(role["AssumedRoleUser"]["Arn"], "arn:aws:sts::123456789012:assumed-role/deployer/session")
refused("ValidationError", sts.assume_role, RoleArn="arn:aws:iam::123456789012:user/somebody", RoleSessionName="session")
refused("InvalidAction", sts.get_access_key_info, "does not have sts:GetAccessKeyInfo", AccessKeyId="AKIA1234567890123456")

os.environ["AWS_ACCESS_KEY_ID"] = "AKIAEXPIRED"
for service, operation, code in (
    ("sts", "get_caller_identity", "ExpiredToken"),
    ("ec2", "describe_vpcs", "RequestExpired"),
    ("ssm", "describe_parameters", "ExpiredTokenException"),
):
    boto3.DEFAULT_SESSION = None
    refused(code, getattr(client(service), operation))
