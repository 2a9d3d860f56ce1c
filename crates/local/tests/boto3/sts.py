"""STS, and what all services have in common: credentials, protocols, unknown operations."""

import os

import boto3

from local import client, equal, refused

sts = client("sts")
equal(sts.get_caller_identity()["Account"], "123456789012")
role = sts.assume_role(RoleArn="arn:aws:iam::123456789012:role/path/deployer", RoleSessionName="session")
equal(role["AssumedRoleUser"]["Arn"], "arn:aws:sts::123456789012:assumed-role/deployer/session")
keys = role["Credentials"]
session = boto3.client("sts", region_name="ap-northeast-1", aws_access_key_id=keys["AccessKeyId"],
                       aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"])
caller = session.get_caller_identity()
equal((caller["Arn"], caller["UserId"]), (role["AssumedRoleUser"]["Arn"], role["AssumedRoleUser"]["AssumedRoleId"]))
equal(sts.get_caller_identity()["Arn"], "arn:aws:iam::123456789012:user/local")
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
