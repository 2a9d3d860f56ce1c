"""CloudWatch Logs: groups with retention and tags, streams, events; and the tagging API over them."""

import json

from local import advance, client, equal, refused

logs = client("logs")
logs.create_log_group(logGroupName="/ecs/one", tags={"stack": "s"})
refused("ResourceAlreadyExistsException", logs.create_log_group, logGroupName="/ecs/one")
refused("InvalidParameterException", logs.create_log_group, logGroupName="/ecs/two", tags={})
refused("InvalidParameterException", logs.create_log_group, logGroupName="with space")
group = logs.describe_log_groups(logGroupNamePrefix="/ecs/")["logGroups"][0]
arn = "arn:aws:logs:ap-northeast-1:123456789012:log-group:/ecs/one"
equal((group["arn"], group["logGroupArn"], group["logGroupClass"], "retentionInDays" in group), (arn + ":*", arn, "STANDARD", False))
refused("InvalidParameterException", logs.put_retention_policy, logGroupName="/ecs/one", retentionInDays=31)
logs.put_retention_policy(logGroupName="/ecs/one", retentionInDays=30)
equal(logs.describe_log_groups(logGroupIdentifiers=[arn])["logGroups"][0]["retentionInDays"], 30)
logs.delete_retention_policy(logGroupName="/ecs/one")
assert "retentionInDays" not in logs.describe_log_groups()["logGroups"][0]

equal(logs.list_tags_for_resource(resourceArn=arn)["tags"], {"stack": "s"})
refused("InvalidParameterException", logs.list_tags_for_resource, resourceArn=arn + ":*")
logs.tag_resource(resourceArn=arn, tags={"more": "1"})
logs.untag_resource(resourceArn=arn, tagKeys=["stack"])
equal(logs.list_tags_log_group(logGroupName="/ecs/one")["tags"], {"more": "1"})
found = client("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "more"}])["ResourceTagMappingList"]
equal([r["ResourceARN"] for r in found], [arn])

write = dict(logGroupName="/ecs/one", logStreamName="web/1")
refused("ResourceNotFoundException", logs.put_log_events, "log stream", logEvents=[{"timestamp": 1, "message": "x"}], **write)
logs.create_log_stream(**write)
refused("ResourceAlreadyExistsException", logs.create_log_stream, **write)
advance(1)
logs.put_log_events(logEvents=[{"timestamp": i, "message": f"line {i} of log"} for i in range(1, 11)], **write)
refused("InvalidParameterException", logs.put_log_events, logEvents=[{"timestamp": 2, "message": "x"}, {"timestamp": 1, "message": "y"}], **write)
first = logs.get_log_events(limit=4, startFromHead=True, **write)
equal([e["message"] for e in first["events"]], [f"line {i} of log" for i in range(1, 5)])
second = logs.get_log_events(limit=10, nextToken=first["nextForwardToken"], **write)
equal(len(second["events"]), 6)
end = logs.get_log_events(limit=10, nextToken=second["nextForwardToken"], **write)
equal((end["events"], end["nextForwardToken"]), ([], second["nextForwardToken"]))
equal([e["timestamp"] for e in logs.filter_log_events(logGroupName="/ecs/one", filterPattern='"line 10"')["events"]], [10])
equal(len(logs.filter_log_events(logGroupName="/ecs/one", startTime=3, endTime=5)["events"]), 3)
equal(logs.describe_log_streams(logGroupName="/ecs/one", orderBy="LastEventTime", descending=True)["logStreams"][0]["lastEventTimestamp"], 10)

for i in range(60):
    logs.create_log_group(logGroupName=f"many-{i}")
equal(len(logs.describe_log_groups()["logGroups"]), 50)
equal(len(logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix="many-").build_full_result()["logGroups"]), 60)
logs.delete_log_group(logGroupName="/ecs/one")
refused("ResourceNotFoundException", logs.delete_log_group, logGroupName="/ecs/one")

# A key whose policy does not let CloudWatch Logs in cannot be used.
kms = client("kms")
key = kms.create_key()["KeyMetadata"]["Arn"]
refused("InvalidParameterException", logs.create_log_group, logGroupName="/kms", kmsKeyId=key.split("/")[-1])
refused("AccessDeniedException", logs.create_log_group, "log-group:/kms", logGroupName="/kms", kmsKeyId=key)
refused("AccessDeniedException", logs.create_log_group, logGroupName="/kms", kmsKeyId=key[:-1] + "x")
may = {"Effect": "Allow", "Principal": {"Service": "logs.ap-northeast-1.amazonaws.com"}, "Action": ["kms:Encrypt*", "kms:Decrypt*"], "Resource": "*"}
own = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "kms:*", "Resource": "*"}
kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps({"Version": "2012-10-17", "Statement": [own, may]}))
logs.create_log_group(logGroupName="/kms", kmsKeyId=key)
logs.disassociate_kms_key(logGroupName="/kms")
kms.disable_key(KeyId=key)
refused("AccessDeniedException", logs.associate_kms_key, logGroupName="/kms", kmsKeyId=key)
