"""The parameter store, which the lease of a stack is kept in."""

from local import client, equal, refused

ssm = client("ssm")
refused("ParameterNotFound", ssm.get_parameter, Name="/stack/lease")
refused("ValidationException", ssm.put_parameter, Name="/stack/lease", Value="one")
equal(ssm.put_parameter(Name="/stack/lease", Value="one", Type="String", Tags=[{"Key": "stack", "Value": "s"}])["Version"], 1)
refused("ParameterAlreadyExists", ssm.put_parameter, Name="/stack/lease", Value="two", Type="String")
refused("ValidationException", ssm.put_parameter, "tags and overwrite can't be used together", Name="/stack/lease", Value="two",
        Overwrite=True, Tags=[{"Key": "a", "Value": "b"}])
equal(ssm.put_parameter(Name="/stack/lease", Value="two", Overwrite=True)["Version"], 2)
found = ssm.get_parameter(Name="/stack/lease")["Parameter"]
equal((found["Value"], found["Type"], found["Version"], found["ARN"]),
      ("two", "String", 2, "arn:aws:ssm:ap-northeast-1:123456789012:parameter/stack/lease"))
equal(ssm.get_parameter(Name="/stack/lease:1")["Parameter"]["Value"], "one")
equal(ssm.get_parameter(Name=found["ARN"])["Parameter"]["Value"], "two")
refused("ParameterVersionNotFound", ssm.get_parameter, Name="/stack/lease:9")
equal([v["Value"] for v in ssm.get_parameter_history(Name="/stack/lease")["Parameters"]], ["one", "two"])

ssm.put_parameter(Name="/stack/secret/key", Value="hidden", Type="SecureString")
assert "hidden" not in ssm.get_parameter(Name="/stack/secret/key")["Parameter"]["Value"]
equal(ssm.get_parameter(Name="/stack/secret/key", WithDecryption=True)["Parameter"]["Value"], "hidden")
for bad in ("/aws/x", "a/b", "with space"):
    refused("ValidationException", ssm.put_parameter, Name=bad, Value="x", Type="String")

digits = {"Name": "/digits", "Type": "String", "AllowedPattern": r"^\d+$"}
refused("ParameterPatternMismatchException", ssm.put_parameter, Value="four", **digits)
ssm.put_parameter(Value="4", **digits)
equal(ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": ["/digits"]}])["Parameters"][0]["AllowedPattern"], r"^\d+$")
refused("InvalidAllowedPatternException", ssm.put_parameter, Name="/bad", Type="String", Value="x", AllowedPattern="[a-z")

names = lambda answer: [p["Name"] for p in answer["Parameters"]]
equal(names(ssm.get_parameters_by_path(Path="/stack")), ["/stack/lease"])
equal(names(ssm.get_parameters_by_path(Path="/stack", Recursive=True)), ["/stack/lease", "/stack/secret/key"])
for i in range(12):
    ssm.put_parameter(Name=f"/many/{i:02}", Value="x", Type="String")
pages = ssm.get_paginator("get_parameters_by_path").paginate(Path="/many", PaginationConfig={"PageSize": 5})
equal([len(p["Parameters"]) for p in pages], [5, 5, 2])
equal(len(ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Option": "BeginsWith", "Values": ["/many"]}])["Parameters"]), 12)
equal(names(ssm.describe_parameters(ParameterFilters=[{"Key": "tag:stack", "Values": ["s"]}])), ["/stack/lease"])
answer = ssm.get_parameters(Names=["/many/01", "/none"])
equal((names(answer), answer["InvalidParameters"]), (["/many/01"], ["/none"]))

ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId="/stack/lease", Tags=[{"Key": "more", "Value": "1"}])
ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId="/stack/lease", TagKeys=["stack"])
equal(ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/stack/lease")["TagList"], [{"Key": "more", "Value": "1"}])
refused("InvalidResourceId", ssm.list_tags_for_resource, ResourceType="Parameter", ResourceId="/none")

answer = ssm.delete_parameters(Names=["/many/00", "/none"])
equal((answer["DeletedParameters"], answer["InvalidParameters"]), (["/many/00"], ["/none"]))
ssm.delete_parameter(Name="/stack/lease")
refused("ParameterNotFound", ssm.delete_parameter, Name="/stack/lease")
