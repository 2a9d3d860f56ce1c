"""What an environment has around it: certificates, scaling, topics, keys, secrets, flow logs, dashboards."""

import json

from local import advance, client, equal, refused

account = "123456789012"
ec2, elb, acm, dns = client("ec2"), client("elbv2"), client("acm"), client("route53")

# A certificate is issued once its records are in a public zone, and not before.
names = {"DomainName": "App.example.com", "SubjectAlternativeNames": ["*.app.example.com"], "ValidationMethod": "DNS"}
certificate = acm.request_certificate(**names, IdempotencyToken="once")["CertificateArn"]
equal(acm.request_certificate(**names, IdempotencyToken="once")["CertificateArn"], certificate)
detail = acm.describe_certificate(CertificateArn=certificate)["Certificate"]
assert "ResourceRecord" not in detail["DomainValidationOptions"][0], "records are known a moment later"
advance(5)
detail = acm.describe_certificate(CertificateArn=certificate)["Certificate"]
equal([detail["Status"], detail["DomainName"]], ["PENDING_VALIDATION", "app.example.com"])
records = [option["ResourceRecord"] for option in detail["DomainValidationOptions"]]
equal(records[0], records[1])


def put(zone, record):
    dns.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": {
        "Name": record["Name"], "Type": record["Type"], "TTL": 60, "ResourceRecords": [{"Value": record["Value"]}]}}]})


vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
private = dns.create_hosted_zone(Name="example.com", CallerReference="p", VPC={"VPCRegion": "ap-northeast-1", "VPCId": vpc})
put(private["HostedZone"]["Id"], records[0])
advance(600)
equal(acm.describe_certificate(CertificateArn=certificate)["Certificate"]["Status"], "PENDING_VALIDATION")
public = dns.create_hosted_zone(Name="example.com", CallerReference="q")["HostedZone"]["Id"]
put(public, {**records[0], "Value": "something.else."})
advance(600)
equal(acm.describe_certificate(CertificateArn=certificate)["Certificate"]["Status"], "PENDING_VALIDATION")
put(public, records[0])
equal(acm.describe_certificate(CertificateArn=certificate)["Certificate"]["Status"], "PENDING_VALIDATION")
advance(120)
equal(acm.describe_certificate(CertificateArn=certificate)["Certificate"]["Status"], "ISSUED")
acm.get_certificate(CertificateArn=certificate)
# The same domain has the same record: the next one is issued by itself.
again = acm.request_certificate(DomainName="app.example.com", ValidationMethod="DNS")["CertificateArn"]
advance(120)
equal(acm.describe_certificate(CertificateArn=again)["Certificate"]["Status"], "ISSUED")
equal({c["CertificateArn"] for c in acm.list_certificates(CertificateStatuses=["ISSUED"])["CertificateSummaryList"]},
      {certificate, again})

# A listener has what is issued, or was made elsewhere; what it has cannot be deleted, what is deleted it cannot have.
ec2.attach_internet_gateway(InternetGatewayId=ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"], VpcId=vpc)
subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{at}.0/24", AvailabilityZone="ap-northeast-1" + zone)["Subnet"]["SubnetId"]
           for at, zone in enumerate("ac")]
balancer = elb.create_load_balancer(Name="b", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
say = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}]
listener = {"LoadBalancerArn": balancer, "Protocol": "HTTPS", "DefaultActions": say}
https = elb.create_listener(**listener, Port=443, Certificates=[{"CertificateArn": certificate}])["Listeners"][0]["ListenerArn"]
equal(acm.describe_certificate(CertificateArn=certificate)["Certificate"]["InUseBy"], [balancer])
refused("ResourceInUseException", acm.delete_certificate, CertificateArn=certificate)
acm.delete_certificate(CertificateArn=again)
refused("CertificateNotFound", elb.create_listener, **listener, Port=444, Certificates=[{"CertificateArn": again}])
elsewhere = f"arn:aws:acm:ap-northeast-1:{account}:certificate/11111111-2222-3333-4444-555555555555"
elb.create_listener(**listener, Port=444, Certificates=[{"CertificateArn": elsewhere}])
elb.delete_listener(ListenerArn=https)
acm.delete_certificate(CertificateArn=certificate)
refused("ResourceNotFoundException", acm.describe_certificate, CertificateArn=certificate)

# A topic: the same again is the same one, and what nobody has confirmed stays until its topic goes.
sns = client("sns")
topic = sns.create_topic(Name="ops", Tags=[{"Key": "a", "Value": "b"}])["TopicArn"]
equal(sns.create_topic(Name="ops")["TopicArn"], topic)
sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="Ops")
equal(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"], "Ops")
mail = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ops@example.com", ReturnSubscriptionArn=True)["SubscriptionArn"]
equal(sns.get_subscription_attributes(SubscriptionArn=mail)["Attributes"]["PendingConfirmation"], "true")
equal(sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]["SubscriptionArn"], "PendingConfirmation")
refused("InvalidParameter", sns.unsubscribe, "pending confirmation", SubscriptionArn=mail)
queue = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:ap-northeast-1:{account}:q")["SubscriptionArn"]
sns.unsubscribe(SubscriptionArn=queue)
sns.publish(TopicArn=topic, Message="hello")
sns.delete_topic(TopicArn=topic)
equal(sns.list_subscriptions()["Subscriptions"], [])

# A key goes after its days of grace, and its aliases with it.
kms = client("kms")
key = kms.create_key(Description="d")["KeyMetadata"]
kms.create_alias(AliasName="alias/mine", TargetKeyId=key["KeyId"])
kms.enable_key_rotation(KeyId="alias/mine")
equal(kms.get_key_rotation_status(KeyId=key["Arn"])["KeyRotationEnabled"], True)
equal(kms.describe_key(KeyId="alias/aws/ssm")["KeyMetadata"]["KeyManager"], "AWS")
kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
equal(kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"], "PendingDeletion")
advance(7 * 24 * 3600)
refused("NotFoundException", kms.describe_key, KeyId=key["KeyId"])
refused("NotFoundException", kms.describe_key, KeyId="alias/mine")

# A secret's current value becomes its previous one.
secrets = client("secretsmanager")
secret = secrets.create_secret(Name="app/db", SecretString="one")
secrets.put_secret_value(SecretId="app/db", SecretString="two")
equal(secrets.get_secret_value(SecretId=secret["ARN"])["SecretString"], "two")
equal(secrets.get_secret_value(SecretId="app/db", VersionStage="AWSPREVIOUS")["SecretString"], "one")
token = "0" * 32
secrets.put_secret_value(SecretId="app/db", SecretString="three", ClientRequestToken=token)
secrets.put_secret_value(SecretId="app/db", SecretString="three", ClientRequestToken=token)
refused("ResourceExistsException", secrets.put_secret_value, SecretId="app/db", SecretString="four", ClientRequestToken=token)
secrets.delete_secret(SecretId="app/db", RecoveryWindowInDays=7)
equal(secrets.list_secrets()["SecretList"], [])
secrets.restore_secret(SecretId="app/db")
equal(secrets.get_secret_value(SecretId="app/db")["SecretString"], "three")
secrets.delete_secret(SecretId="app/db", ForceDeleteWithoutRecovery=True)
refused("ResourceNotFoundException", secrets.describe_secret, SecretId="app/db")

# Flow logs are told of one by one, and go with what they are of.
role = f"arn:aws:iam::{account}:role/flow"
logs = {"ResourceType": "VPC", "TrafficType": "ALL", "LogGroupName": "l", "DeliverLogsPermissionArn": role}
made = ec2.create_flow_logs(ResourceIds=[vpc, "vpc-0123456789abcdef0"], **logs)
equal([len(made["FlowLogIds"]), made["Unsuccessful"][0]["Error"]["Code"]], [1, "InvalidVpcID.NotFound"])
equal(ec2.create_flow_logs(ResourceIds=[vpc], **logs)["Unsuccessful"][0]["Error"]["Code"], "FlowLogAlreadyExists")
equal(ec2.describe_flow_logs(Filters=[{"Name": "resource-id", "Values": [vpc]}])["FlowLogs"][0]["LogGroupName"], "l")

# Rules say who is told of what; nobody is.
events = client("events")
pattern = json.dumps({"source": ["aws.codedeploy"], "detail": {"state": ["FAILURE"]}})
rule = events.put_rule(Name="failures", EventPattern=pattern, Tags=[{"Key": "a", "Value": "b"}])["RuleArn"]
equal(events.list_tags_for_resource(ResourceARN=rule)["Tags"], [{"Key": "a", "Value": "b"}])
target = {"Id": "1", "Arn": f"arn:aws:sns:ap-northeast-1:{account}:ops"}
equal(events.put_targets(Rule="failures", Targets=[target])["FailedEntryCount"], 0)
equal(events.list_targets_by_rule(Rule="failures")["Targets"], [target])
refused("ValidationException", events.delete_rule, "it has targets", Name="failures")
events.remove_targets(Rule="failures", Ids=["1"])
events.delete_rule(Name="failures")
equal(events.list_rules()["Rules"], [])
equal([bus["Name"] for bus in events.list_event_buses()["EventBuses"]], ["default"])

# A table of locks, made in its time.
db = client("dynamodb")
key = {"AttributeDefinitions": [{"AttributeName": "LockID", "AttributeType": "S"}],
       "KeySchema": [{"AttributeName": "LockID", "KeyType": "HASH"}]}
db.create_table(TableName="locks", BillingMode="PAY_PER_REQUEST", **key)
equal(db.describe_table(TableName="locks")["Table"]["TableStatus"], "CREATING")
refused("ResourceInUseException", db.delete_table, TableName="locks")
refused("ResourceNotFoundException", db.get_item, TableName="locks", Key={"LockID": {"S": "state"}})
advance(10)
equal(db.describe_table(TableName="locks")["Table"]["TableStatus"], "ACTIVE")
lock = {"TableName": "locks", "Item": {"LockID": {"S": "state"}}, "ConditionExpression": "attribute_not_exists(LockID)"}
db.put_item(**lock)
refused("ConditionalCheckFailedException", db.put_item, **lock)
db.delete_item(TableName="locks", Key=lock["Item"])
db.delete_table(TableName="locks")
equal(db.describe_table(TableName="locks")["Table"]["TableStatus"], "DELETING")
advance(10)
equal(db.list_tables()["TableNames"], [])
