"""Load balancers, the roles that services act with, and names in DNS: what belongs together in front of a service."""

import json

from local import advance, client, equal, refused

ec2, elb, iam, dns = client("ec2"), client("elbv2"), client("iam"), client("route53")

vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
subnets = [
    ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{i}.0/24", AvailabilityZone=f"ap-northeast-1{zone}")["Subnet"]["SubnetId"]
    for i, zone in enumerate("ac")
]
group = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]

# Load balancers
refused("InvalidSubnet", elb.create_load_balancer, "no internet gateway", Name="web", Subnets=subnets, SecurityGroups=[group])
gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
made = elb.create_load_balancer(Name="web", Subnets=subnets, SecurityGroups=[group], Tags=[{"Key": "stack", "Value": "s"}])
[lb] = made["LoadBalancers"]
equal((lb["State"]["Code"], lb["Type"], lb["Scheme"], lb["IpAddressType"]), ("provisioning", "application", "internet-facing", "ipv4"))
equal(lb["CanonicalHostedZoneId"], "Z14GRHDCWA56QT")
assert lb["DNSName"].endswith(".ap-northeast-1.elb.amazonaws.com"), lb
equal([zone["SubnetId"] for zone in lb["AvailabilityZones"]], subnets)
arn = lb["LoadBalancerArn"]
refused("LoadBalancerNotFound", elb.describe_load_balancers, Names=["none"])

blue, green = (
    elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip", HealthCheckPath="/health")
    ["TargetGroups"][0] for name in ("blue", "green")
)
equal((blue["HealthCheckTimeoutSeconds"], blue["Matcher"], blue["LoadBalancerArns"], blue["ProtocolVersion"]),
      (5, {"HttpCode": "200"}, [], "HTTP1"))
blue, green = blue["TargetGroupArn"], green["TargetGroupArn"]
elb.register_targets(TargetGroupArn=blue, Targets=[{"Id": "10.0.0.9"}, {"Id": "10.0.1.9", "Port": 8080}])
states = lambda tg: sorted(t["TargetHealth"]["State"] for t in elb.describe_target_health(TargetGroupArn=tg)["TargetHealthDescriptions"])
equal(states(blue), ["unused", "unused"])

forward = lambda tg: [{"Type": "forward", "TargetGroupArn": tg}]
listener = elb.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=forward(blue),
                               Tags=[{"Key": "stack", "Value": "s"}])["Listeners"][0]
equal(listener["DefaultActions"], [{
    "Type": "forward", "TargetGroupArn": blue, "Order": 1,
    "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": blue, "Weight": 1}], "TargetGroupStickinessConfig": {"Enabled": False}},
}])
listener = listener["ListenerArn"]
refused("DuplicateListener", elb.create_listener, LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=forward(green))
refused("ResourceInUse", elb.delete_target_group, "currently in use", TargetGroupArn=blue)
refused("ValidationError", elb.describe_listeners)
redirect = [{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}]
equal(elb.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=81, DefaultActions=redirect)["Listeners"][0]["DefaultActions"][0]
      ["RedirectConfig"], {"Protocol": "HTTPS", "Port": "443", "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}", "StatusCode": "HTTP_301"})

rule = elb.create_rule(ListenerArn=listener, Priority=10, Actions=forward(green), Conditions=[
    {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/api/*"]}},
    {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Test", "Values": ["1"]}},
])["Rules"][0]
equal((rule["Priority"], rule["IsDefault"], rule["Conditions"][0]["Values"]), ("10", False, ["/api/*"]))
refused("PriorityInUse", elb.create_rule, ListenerArn=listener, Priority=10, Actions=forward(green),
        Conditions=[{"Field": "path-pattern", "Values": ["/"]}])
pages = elb.get_paginator("describe_rules").paginate(ListenerArn=listener, PaginationConfig={"PageSize": 1})
rules = [rule for page in pages for rule in page["Rules"]]
equal([r["Priority"] for r in rules], ["10", "default"])
refused("OperationNotPermitted", elb.delete_rule, RuleArn=rules[1]["RuleArn"])
weighted = {"TargetGroups": [{"TargetGroupArn": green, "Weight": 100}, {"TargetGroupArn": blue, "Weight": 0}]}
modified = elb.modify_listener(ListenerArn=listener, DefaultActions=[{"Type": "forward", "ForwardConfig": weighted}])
assert "TargetGroupArn" not in modified["Listeners"][0]["DefaultActions"][0], modified
equal(elb.describe_target_groups(LoadBalancerArn=arn)["TargetGroups"][0]["LoadBalancerArns"], [arn])

equal(states(blue), ["initial", "initial"])
advance(150)
equal(elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]["State"]["Code"], "active")
elb.get_waiter("load_balancer_available").wait(LoadBalancerArns=[arn], WaiterConfig={"MaxAttempts": 1})
advance(150)
equal(states(blue), ["healthy", "healthy"])
elb.modify_target_group_attributes(TargetGroupArn=blue, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}])
elb.deregister_targets(TargetGroupArn=blue, Targets=[{"Id": "10.0.0.9"}])
equal(states(blue), ["draining", "healthy"])
advance(30)
equal(states(blue), ["healthy"])

described = elb.describe_tags(ResourceArns=[arn, listener])["TagDescriptions"]
equal([d["Tags"] for d in described], [[{"Key": "stack", "Value": "s"}]] * 2)
elb.add_tags(ResourceArns=[blue], Tags=[{"Key": "a", "Value": "1"}])
elb.remove_tags(ResourceArns=[blue, arn], TagKeys=["a"])
attributes = {a["Key"]: a["Value"] for a in elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]}
equal((attributes["routing.http2.enabled"], attributes["idle_timeout.timeout_seconds"], attributes["access_logs.s3.bucket"]), ("true", "60", ""))
assert elb.describe_listener_attributes(ListenerArn=listener)["Attributes"]

# Logs go to a bucket that lets the load balancer in.
s3 = client("s3")
logged = dict(LoadBalancerArn=arn, Attributes=[{"Key": f"access_logs.s3.{key}", "Value": value} for key, value in (("enabled", "true"), ("bucket", "logged"), ("prefix", "web"))])
refused("InvalidConfigurationRequest", elb.modify_load_balancer_attributes, "Access Denied for bucket: logged", **logged)
s3.create_bucket(Bucket="logged", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
refused("InvalidConfigurationRequest", elb.modify_load_balancer_attributes, "check S3bucket permission", **logged)
for principal, path, allowed in (
    ({"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}, "other/AWSLogs/123456789012/*", False),
    ({"AWS": "arn:aws:iam::123456789012:root"}, "*", False),
    ({"AWS": "arn:aws:iam::582318560864:root"}, "web/AWSLogs/123456789012/*", True),
    ({"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}, "web/AWSLogs/*", True),
):
    statement = {"Effect": "Allow", "Principal": principal, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::logged/{path}"}
    s3.put_bucket_policy(Bucket="logged", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    if allowed:
        elb.modify_load_balancer_attributes(**logged)
        elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[{"Key": "access_logs.s3.enabled", "Value": "false"}])
    else:
        refused("InvalidConfigurationRequest", elb.modify_load_balancer_attributes, **logged)
names = {policy["Name"] for policy in elb.describe_ssl_policies()["SslPolicies"]}
assert {"ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", "ELBSecurityPolicy-FS-1-2-Res-2019-08", "ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04"} <= names
assert elb.describe_ssl_policies()["SslPolicies"] and elb.describe_account_limits()["Limits"]
equal(elb.describe_capacity_reservation(LoadBalancerArn=arn)["CapacityReservationState"], [])

# Names
zone = dns.create_hosted_zone(Name="Example.com", CallerReference="1", HostedZoneConfig={"Comment": "c", "PrivateZone": False})
equal((zone["HostedZone"]["Name"], len(zone["DelegationSet"]["NameServers"])), ("example.com.", 4))
assert "/hostedzone/Z" in zone["Location"] and zone["ResponseMetadata"]["HTTPStatusCode"] == 201
zone_id = zone["HostedZone"]["Id"].split("/")[-1]
refused("HostedZoneAlreadyExists", dns.create_hosted_zone, Name="example.com", CallerReference="1")


def change(*changes):
    return dns.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={
        "Changes": [{"Action": action, "ResourceRecordSet": record} for action, record in changes]})


alias = {"Name": "WWW.example.com", "Type": "A", "AliasTarget": {
    "HostedZoneId": lb["CanonicalHostedZoneId"], "DNSName": lb["DNSName"], "EvaluateTargetHealth": True}}
star = {"Name": "*.example.com", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "www.example.com"}]}
submitted = change(("UPSERT", alias), ("CREATE", star))["ChangeInfo"]
equal(submitted["Status"], "PENDING")
advance(40)
equal(dns.get_change(Id=submitted["Id"])["ChangeInfo"]["Status"], "INSYNC")
try:
    change(("CREATE", star))
    raise AssertionError("the record was made twice")
except dns.exceptions.InvalidChangeBatch as error:
    assert "[Tried to create resource record set [name='\\052.example.com.', type='CNAME'] but it already exists]" in str(error), error
records = dns.list_resource_record_sets(HostedZoneId=zone_id)["ResourceRecordSets"]
equal([(r["Name"], r["Type"]) for r in records],
      [("example.com.", "NS"), ("example.com.", "SOA"), ("\\052.example.com.", "CNAME"), ("www.example.com.", "A")])
equal(records[3]["AliasTarget"]["DNSName"], lb["DNSName"].lower() + ".")
one = dns.list_resource_record_sets(HostedZoneId=zone_id, StartRecordName="www.example.com", StartRecordType="A", MaxItems="1")
equal(one["ResourceRecordSets"], [records[3]])
pages = dns.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone_id, PaginationConfig={"PageSize": 1})
equal(sum(len(page["ResourceRecordSets"]) for page in pages), 4)
dns.change_tags_for_resource(ResourceType="hostedzone", ResourceId=zone_id, AddTags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
dns.change_tags_for_resource(ResourceType="hostedzone", ResourceId=zone_id, RemoveTagKeys=["a"])
equal(dns.list_tags_for_resource(ResourceType="hostedzone", ResourceId=zone_id)["ResourceTagSet"]["Tags"], [{"Key": "b", "Value": "2"}])
equal(len(dns.list_tags_for_resources(ResourceType="hostedzone", ResourceIds=[zone_id])["ResourceTagSets"]), 1)
private = dns.create_hosted_zone(Name="x.local", CallerReference="2", VPC={"VPCRegion": "ap-northeast-1", "VPCId": vpc})
equal(private["VPC"], {"VPCRegion": "ap-northeast-1", "VPCId": vpc})
equal(sorted(z["Name"] for z in dns.list_hosted_zones()["HostedZones"]), ["example.com.", "x.local."])
equal([z["Name"] for z in dns.list_hosted_zones_by_name(DNSName="x.local")["HostedZones"]], ["x.local."])
equal([(z["Name"], z["Owner"]) for z in dns.list_hosted_zones_by_vpc(VPCId=vpc, VPCRegion="ap-northeast-1")["HostedZoneSummaries"]],
      [("x.local.", {"OwningAccount": "123456789012"})])
equal(dns.get_dnssec(HostedZoneId=zone_id)["Status"]["ServeSignature"], "NOT_SIGNING")
refused("HostedZoneNotEmpty", dns.delete_hosted_zone, Id=zone_id)
change(*[("DELETE", r) for r in records[2:]])
dns.delete_hosted_zone(Id=zone_id)
refused("NoSuchHostedZone", dns.get_hosted_zone, Id=zone_id)
dns.delete_hosted_zone(Id=private["HostedZone"]["Id"])

# Roles
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:Get*"], "Resource": "*"}]}
role = iam.create_role(RoleName="task", AssumeRolePolicyDocument=json.dumps(trust), Description="d", Tags=[{"Key": "a", "Value": "1"}])["Role"]
equal((role["Path"], role["MaxSessionDuration"], role["AssumeRolePolicyDocument"]), ("/", 3600, trust))
refused("EntityAlreadyExists", iam.create_role, RoleName="TASK", AssumeRolePolicyDocument=json.dumps(trust))
refused("MalformedPolicyDocument", iam.create_role, RoleName="x", AssumeRolePolicyDocument="{}")
answer = refused("NoSuchEntity", iam.get_role, RoleName="none")
equal(answer["ResponseMetadata"]["HTTPStatusCode"], 404)
managed = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
iam.attach_role_policy(RoleName="task", PolicyArn=managed)
refused("NoSuchEntity", iam.attach_role_policy, RoleName="task", PolicyArn="arn:aws:iam::aws:policy/Nope")
iam.put_role_policy(RoleName="task", PolicyName="inline", PolicyDocument=json.dumps(policy))
equal(iam.get_role_policy(RoleName="task", PolicyName="inline")["PolicyDocument"], policy)
equal(iam.list_role_policies(RoleName="task")["PolicyNames"], ["inline"])
equal([p["PolicyArn"] for p in iam.list_attached_role_policies(RoleName="task")["AttachedPolicies"]], [managed])
own = iam.create_policy(PolicyName="own", PolicyDocument=json.dumps(policy), Description="d")["Policy"]["Arn"]
equal(iam.get_policy(PolicyArn=own)["Policy"]["Description"], "d")
for _ in range(4):
    iam.create_policy_version(PolicyArn=own, PolicyDocument=json.dumps(policy))
refused("LimitExceeded", iam.create_policy_version, PolicyArn=own, PolicyDocument=json.dumps(policy))
equal([v["VersionId"] for v in iam.list_policy_versions(PolicyArn=own)["Versions"]], ["v5", "v4", "v3", "v2", "v1"])
equal(iam.get_policy_version(PolicyArn=own, VersionId="v1")["PolicyVersion"]["Document"], policy)
iam.attach_role_policy(RoleName="task", PolicyArn=own)
equal([r["RoleName"] for r in iam.list_entities_for_policy(PolicyArn=own)["PolicyRoles"]], ["task"])
details = iam.get_account_authorization_details(Filter=["Role", "LocalManagedPolicy"])
[detail] = details["RoleDetailList"]
equal((detail["RolePolicyList"], detail["Tags"], len(detail["AttachedManagedPolicies"])),
      ([{"PolicyName": "inline", "PolicyDocument": policy}], [{"Key": "a", "Value": "1"}], 2))
equal([p["PolicyName"] for p in details["Policies"]], ["own"])
assert all("Tags" not in r for r in iam.list_roles()["Roles"])
equal(iam.list_instance_profiles_for_role(RoleName="task")["InstanceProfiles"], [])
pages = iam.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": 20})
assert managed in [p["Arn"] for page in pages for p in page["Policies"]]
refused("DeleteConflict", iam.delete_role, RoleName="task")
for attached in (managed, own):
    iam.detach_role_policy(RoleName="task", PolicyArn=attached)
iam.delete_role_policy(RoleName="task", PolicyName="inline")
iam.delete_role(RoleName="task")
refused("DeleteConflict", iam.delete_policy, PolicyArn=own)
for version in ("v2", "v3", "v4", "v5"):
    iam.delete_policy_version(PolicyArn=own, VersionId=version)
iam.delete_policy(PolicyArn=own)
equal(iam.get_user()["User"]["UserName"], "local")

# And down again: the network interfaces outlive their load balancer.
elb.delete_load_balancer(LoadBalancerArn=arn)
elb.get_waiter("load_balancers_deleted").wait(LoadBalancerArns=[arn], WaiterConfig={"MaxAttempts": 1})
for tg in (blue, green):
    elb.delete_target_group(TargetGroupArn=tg)
interfaces = ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkInterfaces"]
equal(len(interfaces), 2)
assert all(i["Description"].startswith("ELB app/web/") and i["Attachment"]["InstanceOwnerId"] == "amazon-elb" for i in interfaces)
refused("DependencyViolation", ec2.delete_security_group, GroupId=group)
refused("DependencyViolation", ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc)
advance(180)
ec2.delete_security_group(GroupId=group)
ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
