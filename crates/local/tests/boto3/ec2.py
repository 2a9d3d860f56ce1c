"""EC2: the network of the practice environment, built and torn down, and what AWS refuses on the way."""

from local import advance, client, equal, refused, tag_filter, tags

ec2 = client("ec2")

# VPC, and what comes with it.
refused("InvalidVpc.Range", ec2.create_vpc, CidrBlock="10.0.0.0/8")
refused("InvalidParameterValue", ec2.create_vpc, CidrBlock="ten")
refused("MissingParameter", ec2.create_vpc)
refused("InvalidParameterValue", ec2.create_vpc, CidrBlock="10.0.0.0/16", TagSpecifications=tags("subnet", a="b"))
refused("DryRunOperation", ec2.create_vpc, CidrBlock="10.0.0.0/16", DryRun=True)
created = ec2.create_vpc(CidrBlock="10.0.0.18/16", TagSpecifications=tags("vpc", Name="one", stack="s"))["Vpc"]
vpc = created["VpcId"]
equal((created["State"], created["CidrBlock"], created["IsDefault"]), ("pending", "10.0.0.0/16", False))
assert vpc.startswith("vpc-0") and len(vpc) == 21, vpc
advance(5)
found = ec2.describe_vpcs(Filters=tag_filter("stack", "s*"))["Vpcs"]
equal([(v["VpcId"], v["State"], v["OwnerId"]) for v in found], [(vpc, "available", "123456789012")])
equal(sorted((t["Key"], t["Value"]) for t in found[0]["Tags"]), [("Name", "one"), ("stack", "s")])
equal(ec2.describe_vpcs(Filters=tag_filter("stack", "other"))["Vpcs"], [])
refused("InvalidVpcID.NotFound", ec2.describe_vpcs, VpcIds=["vpc-0123456789abcdef0"])
refused("InvalidVpcID.Malformed", ec2.describe_vpcs, VpcIds=["vpc-x"])
refused("InvalidParameterValue", ec2.describe_vpcs, Filters=[{"Name": "colour", "Values": ["blue"]}])


def attribute(name):
    return ec2.describe_vpc_attribute(VpcId=vpc, Attribute=name)[name[0].upper() + name[1:]]["Value"]


equal([attribute(a) for a in ("enableDnsSupport", "enableDnsHostnames")], [True, False])
refused("InvalidParameterCombination", ec2.modify_vpc_attribute, VpcId=vpc,
        EnableDnsSupport={"Value": True}, EnableDnsHostnames={"Value": True})
main = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}])
main = main["RouteTables"][0]
equal([(r["DestinationCidrBlock"], r["GatewayId"], r["State"]) for r in main["Routes"]], [("10.0.0.0/16", "local", "active")])
default_group = ec2.describe_security_groups(
    Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}])["SecurityGroups"][0]["GroupId"]
acls = ec2.describe_network_acls(Filters=[{"Name": "default", "Values": ["true"]}, {"Name": "vpc-id", "Values": [vpc]}])
equal(len(acls["NetworkAcls"][0]["Entries"]), 4)

# Subnets.
refused("InvalidSubnet.Range", ec2.create_subnet, VpcId=vpc, CidrBlock="10.1.0.0/24")
refused("InvalidParameterValue", ec2.create_subnet, "ap-northeast-1a, ap-northeast-1c", VpcId=vpc, CidrBlock="10.0.0.0/24",
        AvailabilityZone="ap-northeast-1b")


def subnet(cidr, zone):
    return ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone="ap-northeast-1" + zone,
                             TagSpecifications=tags("subnet", stack="s"))["Subnet"]["SubnetId"]


public_a, public_c, private_a = subnet("10.0.0.0/24", "a"), subnet("10.0.1.0/24", "c"), subnet("10.0.100.0/24", "a")
refused("InvalidSubnet.Conflict", ec2.create_subnet, "The CIDR '10.0.1.128/25' conflicts with another subnet",
        VpcId=vpc, CidrBlock="10.0.1.128/25")
ec2.modify_subnet_attribute(SubnetId=public_a, MapPublicIpOnLaunch={"Value": True})
advance(5)
found = ec2.describe_subnets(SubnetIds=[public_a])["Subnets"][0]
equal((found["State"], found["MapPublicIpOnLaunch"], found["AvailableIpAddressCount"], found["AvailabilityZoneId"]),
      ("available", True, 251, "apne1-az4"))
equal(len(ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]), 3)
pages = ec2.get_paginator("describe_subnets").paginate(PaginationConfig={"PageSize": 5})
equal(len(pages.build_full_result()["Subnets"]), 3)
refused("InvalidParameterValue", ec2.describe_subnets, MaxResults=1001)
refused("DependencyViolation", ec2.delete_vpc, "has dependencies and cannot be deleted", VpcId=vpc)

# Internet gateway.
igw = ec2.create_internet_gateway(TagSpecifications=tags("internet-gateway", stack="s"))["InternetGateway"]["InternetGatewayId"]
other = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
rtb = ec2.create_route_table(VpcId=vpc, ClientToken="t1")["RouteTable"]["RouteTableId"]
equal(ec2.create_route_table(VpcId=vpc, ClientToken="t1")["RouteTable"]["RouteTableId"], rtb)
refused("IdempotentParameterMismatch", ec2.create_route_table, VpcId=vpc, ClientToken="t1", TagSpecifications=tags("route-table", a="b"))
refused("InvalidParameterValue", ec2.create_route, "belong to different networks", RouteTableId=rtb,
        DestinationCidrBlock="0.0.0.0/0", GatewayId=igw)
refused("Gateway.NotAttached", ec2.detach_internet_gateway, InternetGatewayId=igw, VpcId=vpc)

eip = ec2.allocate_address(Domain="vpc", TagSpecifications=tags("elastic-ip", stack="s"))["AllocationId"]
# A NAT gateway in a VPC without an internet gateway fails.
failing = ec2.create_nat_gateway(SubnetId=public_a, AllocationId=eip)["NatGateway"]
equal(failing["State"], "pending")
advance(120)
found = ec2.describe_nat_gateways(NatGatewayIds=[failing["NatGatewayId"]])["NatGateways"][0]
equal((found["State"], found["FailureCode"]), ("failed", "Gateway.NotAttached"))

ec2.attach_internet_gateway(InternetGatewayId=igw, VpcId=vpc)
refused("Resource.AlreadyAssociated", ec2.attach_internet_gateway, InternetGatewayId=igw, VpcId=vpc)
refused("InvalidParameterValue", ec2.attach_internet_gateway, InternetGatewayId=other, VpcId=vpc)
ec2.delete_internet_gateway(InternetGatewayId=other)
refused("InvalidInternetGatewayID.NotFound", ec2.delete_internet_gateway, InternetGatewayId=other)
refused("DependencyViolation", ec2.delete_internet_gateway, InternetGatewayId=igw)
found = ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [vpc]}])["InternetGateways"]
equal([g["Attachments"] for g in found], [[{"State": "available", "VpcId": vpc}]])

# Routes and associations.
ec2.create_route(RouteTableId=rtb, DestinationCidrBlock="0.0.0.0/0", GatewayId=igw)
refused("RouteAlreadyExists", ec2.create_route, RouteTableId=rtb, DestinationCidrBlock="0.0.0.0/0", GatewayId=igw)
refused("InvalidNatGatewayID.NotFound", ec2.create_route, RouteTableId=rtb, DestinationCidrBlock="1.0.0.0/8",
        NatGatewayId="nat-0123456789abcdef0")
refused("InvalidParameterValue", ec2.delete_route, "cannot remove local route", RouteTableId=rtb, DestinationCidrBlock="10.0.0.0/16")
refused("InvalidRoute.NotFound", ec2.delete_route, RouteTableId=rtb, DestinationCidrBlock="1.0.0.0/8")
association = ec2.associate_route_table(RouteTableId=rtb, SubnetId=public_a)["AssociationId"]
refused("Resource.AlreadyAssociated", ec2.associate_route_table, RouteTableId=main["RouteTableId"], SubnetId=public_a)
second = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
moved = ec2.replace_route_table_association(AssociationId=association, RouteTableId=second)["NewAssociationId"]
assert moved != association
refused("InvalidAssociationID.NotFound", ec2.disassociate_route_table, AssociationId=association)
refused("DependencyViolation", ec2.delete_route_table, RouteTableId=second)
ec2.replace_route_table_association(AssociationId=moved, RouteTableId=rtb)
ec2.delete_route_table(RouteTableId=second)
refused("InvalidRouteTableID.NotFound", ec2.delete_route_table, RouteTableId=second)
refused("DependencyViolation", ec2.delete_route_table, RouteTableId=main["RouteTableId"])
found = ec2.describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": [public_a]}])["RouteTables"]
equal([t["RouteTableId"] for t in found], [rtb])

# NAT gateway and its address.
request = dict(SubnetId=public_a, AllocationId=eip, ClientToken="nat", TagSpecifications=tags("natgateway", stack="s"))
nat = ec2.create_nat_gateway(**request)["NatGateway"]["NatGatewayId"]
equal(ec2.create_nat_gateway(**request)["NatGateway"]["NatGatewayId"], nat)
refused("InvalidIPAddress.InUse", ec2.release_address, AllocationId=eip)
advance(60)
equal(ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]["State"], "pending")
advance(60)
found = ec2.describe_nat_gateways(Filter=[{"Name": "state", "Values": ["available"]}] + tag_filter("stack", "s"))["NatGateways"]
equal([g["NatGatewayId"] for g in found], [nat])
address = ec2.describe_addresses(AllocationIds=[eip])["Addresses"][0]
equal(found[0]["NatGatewayAddresses"][0]["PublicIp"], address["PublicIp"])
enis = ec2.describe_network_interfaces(Filters=[{"Name": "subnet-id", "Values": [public_a]}])["NetworkInterfaces"]
equal([(e["InterfaceType"], e["Description"], e["RequesterManaged"]) for e in enis],
      [("nat_gateway", "Interface for NAT Gateway " + nat, True)])
equal(ec2.describe_subnets(SubnetIds=[public_a])["Subnets"][0]["AvailableIpAddressCount"], 250)
refused("DependencyViolation", ec2.detach_internet_gateway, "mapped public address", InternetGatewayId=igw, VpcId=vpc)
refused("DependencyViolation", ec2.delete_subnet, SubnetId=public_a)
private = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
ec2.create_route(RouteTableId=private, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
ec2.associate_route_table(RouteTableId=private, SubnetId=private_a)

# Security groups and rules.
refused("InvalidParameterValue", ec2.create_security_group, GroupName="sg-x", Description="d", VpcId=vpc)
one = ec2.create_security_group(GroupName="one", Description="d", VpcId=vpc, TagSpecifications=tags("security-group", stack="s"))["GroupId"]
two = ec2.create_security_group(GroupName="two", Description="d", VpcId=vpc)["GroupId"]
refused("InvalidGroup.Duplicate", ec2.create_security_group, GroupName="ONE", Description="d", VpcId=vpc)
everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
ec2.revoke_security_group_egress(GroupId=one, IpPermissions=everything)
refused("InvalidPermission.NotFound", ec2.revoke_security_group_egress, GroupId=one, IpPermissions=everything)
http = [{"IpProtocol": "6", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.1/16", "Description": "vpc"}],
         "UserIdGroupPairs": [{"GroupId": two}]}]
rules = ec2.authorize_security_group_ingress(GroupId=one, IpPermissions=http,
                                             TagSpecifications=tags("security-group-rule", stack="s"))["SecurityGroupRules"]
equal({(r["IpProtocol"], r["FromPort"], r.get("CidrIpv4"), r.get("ReferencedGroupInfo", {}).get("GroupId")) for r in rules},
      {("tcp", 80, "10.0.0.0/16", None), ("tcp", 80, None, two)})
refused("InvalidPermission.Duplicate", ec2.authorize_security_group_ingress, "peer: 10.0.0.0/16, TCP, from port: 80, to port: 80, ALLOW",
        GroupId=one, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}])
refused("InvalidParameterValue", ec2.authorize_security_group_ingress, GroupId=one, IpProtocol="tcp", FromPort=90, ToPort=80,
        CidrIp="10.0.0.0/16")
refused("InvalidGroup.NotFound", ec2.authorize_security_group_ingress, GroupId=one, IpPermissions=[
    {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": "sg-0123456789abcdef0"}]}])
rule = next(r for r in rules if "CidrIpv4" in r)["SecurityGroupRuleId"]
ec2.modify_security_group_rules(GroupId=one, SecurityGroupRules=[{"SecurityGroupRuleId": rule, "SecurityGroupRule": {
    "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIpv4": "10.0.0.0/16", "Description": "tls"}}])
found = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [one]}])["SecurityGroupRules"]
equal({(r["FromPort"], r.get("Description")) for r in found}, {(443, "tls"), (80, None)})
equal([r["Tags"] for r in found], [[{"Key": "stack", "Value": "s"}]] * 2)
ec2.update_security_group_rule_descriptions_ingress(GroupId=one, SecurityGroupRuleDescriptions=[
    {"SecurityGroupRuleId": rule, "Description": "again"}])
group = ec2.describe_security_groups(GroupIds=[one])["SecurityGroups"][0]
equal(sorted(p["FromPort"] for p in group["IpPermissions"]), [80, 443])
equal(group["IpPermissionsEgress"], [])
refused("DependencyViolation", ec2.delete_security_group, "has a dependent object", GroupId=two)
refused("CannotDelete", ec2.delete_security_group, GroupId=default_group)
refused("InvalidSecurityGroupRuleId.NotFound", ec2.revoke_security_group_ingress, GroupId=one,
        SecurityGroupRuleIds=["sgr-0123456789abcdef0"])

# VPC endpoints.
s3, logs = "com.amazonaws.ap-northeast-1.s3", "com.amazonaws.ap-northeast-1.logs"
refused("InvalidServiceName", ec2.create_vpc_endpoint, VpcId=vpc, ServiceName="com.amazonaws.ap-northeast-1.nonsense")
refused("InvalidParameter", ec2.create_vpc_endpoint, "does not match available service types", VpcId=vpc, ServiceName=logs)
gateway = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=s3, RouteTableIds=[rtb, private], ClientToken="s3",
                                  TagSpecifications=tags("vpc-endpoint", stack="s"))["VpcEndpoint"]
refused("RouteAlreadyExists", ec2.create_vpc_endpoint, VpcId=vpc, ServiceName=s3, RouteTableIds=[rtb])
lists = ec2.describe_prefix_lists(Filters=[{"Name": "prefix-list-name", "Values": [s3]}])["PrefixLists"]
routes = ec2.describe_route_tables(RouteTableIds=[private])["RouteTables"][0]["Routes"]
equal({(r.get("DestinationPrefixListId"), r.get("GatewayId")) for r in routes if "DestinationPrefixListId" in r},
      {(lists[0]["PrefixListId"], gateway["VpcEndpointId"])})
interface = dict(VpcId=vpc, ServiceName=logs, VpcEndpointType="Interface", SubnetIds=[private_a], SecurityGroupIds=[two],
                 PrivateDnsEnabled=True)
refused("InvalidParameter", ec2.create_vpc_endpoint, "enableDnsHostnames", **interface)
ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
equal(attribute("enableDnsHostnames"), True)
endpoint = ec2.create_vpc_endpoint(**interface)["VpcEndpoint"]
equal((endpoint["State"], len(endpoint["NetworkInterfaceIds"])), ("pending", 1))
refused("InvalidParameter", ec2.create_vpc_endpoint, "conflicting DNS domain for logs.ap-northeast-1.amazonaws.com", **interface)
refused("DuplicateSubnetsInSameZone", ec2.modify_vpc_endpoint, VpcEndpointId=endpoint["VpcEndpointId"], AddSubnetIds=[public_a])
ec2.modify_vpc_endpoint(VpcEndpointId=endpoint["VpcEndpointId"], AddSubnetIds=[public_c])
advance(120)
found = ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "vpc-endpoint-type", "Values": ["Interface"]}])
found = found["VpcEndpoints"][0]
equal((found["State"], sorted(found["SubnetIds"]), found["PrivateDnsEnabled"], [g["GroupId"] for g in found["Groups"]]),
      ("available", sorted([private_a, public_c]), True, [two]))
equal(ec2.describe_vpc_endpoints(Filters=tag_filter("stack", "s"))["VpcEndpoints"][0]["RouteTableIds"], [rtb, private])
services = ec2.describe_vpc_endpoint_services(ServiceNames=[s3])
equal(services["ServiceNames"], [s3])
bad = ec2.delete_vpc_endpoints(VpcEndpointIds=["vpce-0123456789abcdef0"])["Unsuccessful"]
equal([(u["ResourceId"], u["Error"]["Code"]) for u in bad], [("vpce-0123456789abcdef0", "InvalidVpcEndpointId.NotFound")])

# Tags.
ec2.create_tags(Resources=[vpc, rtb], Tags=[{"Key": "extra", "Value": "1"}])
refused("InvalidID", ec2.create_tags, Resources=["thing-1"], Tags=[{"Key": "a", "Value": "b"}])
refused("InvalidParameterValue", ec2.create_tags, Resources=[vpc], Tags=[{"Key": "aws:x", "Value": "b"}])
found = ec2.describe_tags(Filters=[{"Name": "key", "Values": ["extra"]}])["Tags"]
equal({t["ResourceType"] for t in found}, {"vpc", "route-table"})
ec2.delete_tags(Resources=[vpc], Tags=[{"Key": "extra", "Value": "other"}])
ec2.delete_tags(Resources=[rtb], Tags=[{"Key": "extra"}])
equal(len(ec2.describe_tags(Filters=[{"Name": "key", "Values": ["extra"]}])["Tags"]), 1)
tagging = client("resourcegroupstaggingapi")
listed = tagging.get_resources(TagFilters=[{"Key": "stack", "Values": ["s"]}], ResourceTypeFilters=["ec2:vpc", "ec2:subnet"])
equal(len(listed["ResourceTagMappingList"]), 4)
refused("InvalidParameterException", tagging.get_resources, ResourceARNList=["arn:aws:ec2:::x"], TagFilters=[{"Key": "a"}])

# Everything else that a provider reads.
equal([z["ZoneName"][-1] for z in ec2.describe_availability_zones()["AvailabilityZones"]], ["a", "c", "d"])
equal(ec2.describe_addresses_attribute(AllocationIds=[eip], Attribute="domain-name")["Addresses"], [])
assert ec2.describe_account_attributes(AttributeNames=["default-vpc"])["AccountAttributes"]
assert ec2.describe_dhcp_options()["DhcpOptions"]
equal(client("ec2", "us-east-1").describe_vpcs()["Vpcs"], [])
refused("InvalidAction", ec2.describe_instances, "does not have ec2:DescribeInstances")
refused("UnknownParameter", ec2.create_subnet, "Ipv6CidrBlock", VpcId=vpc, CidrBlock="10.0.9.0/24", Ipv6CidrBlock="2001:db8::/64")

# Down again, in AWS's order.
ec2.delete_vpc_endpoints(VpcEndpointIds=[gateway["VpcEndpointId"], endpoint["VpcEndpointId"]])
ec2.revoke_security_group_ingress(GroupId=one, SecurityGroupRuleIds=[r["SecurityGroupRuleId"] for r in rules])
refused("DependencyViolation", ec2.delete_security_group, GroupId=two)
advance(60)
equal(ec2.describe_vpc_endpoints()["VpcEndpoints"], [])
for group in (one, two):
    ec2.delete_security_group(GroupId=group)
refused("InvalidGroup.NotFound", ec2.delete_security_group, GroupId=one)
ec2.delete_nat_gateway(NatGatewayId=nat)
refused("InvalidIPAddress.InUse", ec2.release_address, AllocationId=eip)
advance(60)
equal(ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]["State"], "deleted")
route = [r for r in ec2.describe_route_tables(RouteTableIds=[private])["RouteTables"][0]["Routes"] if "NatGatewayId" in r]
equal([r["State"] for r in route], ["blackhole"])
ec2.release_address(AllocationId=eip)
refused("InvalidAllocationID.NotFound", ec2.release_address, AllocationId=eip)
ec2.detach_internet_gateway(InternetGatewayId=igw, VpcId=vpc)
ec2.delete_internet_gateway(InternetGatewayId=igw)
for s in (public_a, public_c, private_a):
    ec2.delete_subnet(SubnetId=s)
refused("InvalidSubnetID.NotFound", ec2.describe_subnets, SubnetIds=[public_a])
refused("DependencyViolation", ec2.delete_vpc, VpcId=vpc)
for t in (rtb, private):
    ec2.delete_route_table(RouteTableId=t)
ec2.delete_vpc(VpcId=vpc)
refused("InvalidVpcID.NotFound", ec2.delete_vpc, VpcId=vpc)
for empty in (ec2.describe_security_groups()["SecurityGroups"], ec2.describe_route_tables()["RouteTables"],
              ec2.describe_network_acls()["NetworkAcls"], ec2.describe_network_interfaces()["NetworkInterfaces"]):
    equal(empty, [])
advance(3700)
refused("NatGatewayNotFound", ec2.describe_nat_gateways, NatGatewayIds=[nat])
