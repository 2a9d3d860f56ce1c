"""S3: buckets, their settings, objects and their versions, as boto3 sends and reads them."""

import hashlib
import io
import json
import os
import socket
import urllib.error
import urllib.request

import boto3
import botocore.config

from local import advance, client, equal, refused

s3 = client("s3")
here = {"LocationConstraint": "ap-northeast-1"}

# Buckets are in a region, and their names are everybody's.
refused("IllegalLocationConstraintException", s3.create_bucket, "unspecified location constraint", Bucket="states")
elsewhere = {"LocationConstraint": "eu-west-1"}
refused("IllegalLocationConstraintException", s3.create_bucket, Bucket="states", CreateBucketConfiguration=elsewhere)
refused("InvalidBucketName", s3.create_bucket, Bucket="My_States", CreateBucketConfiguration=here)
s3.create_bucket(Bucket="states", CreateBucketConfiguration=here)
refused("BucketAlreadyOwnedByYou", s3.create_bucket, Bucket="states", CreateBucketConfiguration=here)
virginia, ireland = client("s3", "us-east-1"), client("s3", "eu-west-1")
virginia.create_bucket(Bucket="virginia-1")
virginia.create_bucket(Bucket="virginia-1")
virginia.create_bucket(Bucket="ireland-1", CreateBucketConfiguration=elsewhere)
equal([b["Name"] for b in s3.list_buckets()["Buckets"]], ["ireland-1", "states", "virginia-1"])
equal([b["Name"] for b in s3.list_buckets(BucketRegion="eu-west-1")["Buckets"]], ["ireland-1"])
equal([len(p["Buckets"]) for p in s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 2})], [2, 1])
equal(virginia.get_bucket_location(Bucket="states")["LocationConstraint"], "ap-northeast-1")
equal(s3.get_bucket_location(Bucket="virginia-1")["LocationConstraint"], None)
equal(s3.head_bucket(Bucket="states")["BucketRegion"], "ap-northeast-1")
refused("404", s3.head_bucket, Bucket="nobodys")
refused("NoSuchBucket", s3.list_objects_v2, Bucket="nobodys")
refused("NoSuchBucket", s3.get_object, Bucket="nobodys", Key="x")
refused("AccessDenied", s3.get_bucket_policy, Bucket="states", ExpectedBucketOwner="999999999999")
# Whoever asks elsewhere is told where; boto3 then asks there.
answer = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"] + "/states?versioning", headers={
    "authorization": "AWS4-HMAC-SHA256 Credential=A/20260101/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0",
    "x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
try:
    urllib.request.urlopen(answer)
    raise AssertionError("a redirection was expected")
except urllib.error.HTTPError as error:
    equal((error.code, error.headers["x-amz-bucket-region"]), (301, "ap-northeast-1"))
    assert b"<Code>PermanentRedirect</Code>" in error.read()
ireland.put_object(Bucket="states", Key="from/ireland", Body=b"x")
ireland.delete_object(Bucket="states", Key="from/ireland")

# Objects.
refused("NoSuchKey", s3.get_object, Bucket="states", Key="env/x.tfstate")
refused("404", s3.head_object, Bucket="states", Key="env/x.tfstate")
body = b'{"version": 4}' * 10
put = s3.put_object(Bucket="states", Key="env/x.tfstate", Body=body, ContentType="application/json", Metadata={"who": "me"},
                    Tagging="a=b&c=d%20e", ServerSideEncryption="AES256")
equal(put["ETag"], '"' + hashlib.md5(body).hexdigest() + '"')
assert put["ChecksumCRC32"], put
assert "VersionId" not in put, put
got = s3.get_object(Bucket="states", Key="env/x.tfstate")
equal((got["Body"].read(), got["ContentType"], got["Metadata"], got["ContentLength"], got["TagCount"], got["ServerSideEncryption"]),
      (body, "application/json", {"who": "me"}, len(body), 2, "AES256"))
head = s3.head_object(Bucket="states", Key="env/x.tfstate", ChecksumMode="ENABLED")
equal((head["ContentLength"], head["ETag"], head["ChecksumCRC32"]), (len(body), put["ETag"], put["ChecksumCRC32"]))
equal(s3.get_object(Bucket="states", Key="env/x.tfstate", Range="bytes=2-8")["Body"].read(), b"version")
got = s3.get_object(Bucket="states", Key="env/x.tfstate", Range="bytes=-3")
equal((got["Body"].read(), got["ContentRange"]), (b" 4}", f"bytes {len(body) - 3}-{len(body) - 1}/{len(body)}"))
refused("InvalidRange", s3.get_object, Bucket="states", Key="env/x.tfstate", Range="bytes=9999-")
refused("304", s3.get_object, Bucket="states", Key="env/x.tfstate", IfNoneMatch=put["ETag"])
refused("PreconditionFailed", s3.get_object, Bucket="states", Key="env/x.tfstate", IfMatch='"other"')
for algorithm in ("CRC32", "CRC32C", "SHA1", "SHA256", "CRC64NVME"):
    try:
        s3.put_object(Bucket="states", Key="sum/" + algorithm, Body=b"123456789", ChecksumAlgorithm=algorithm)
    except botocore.exceptions.MissingDependencyException:
        continue  # boto3 has no such checksum without its CRT.
    s3.get_object(Bucket="states", Key="sum/" + algorithm, ChecksumMode="ENABLED")["Body"].read()
# A stream of unknown length comes in chunks, with its checksum behind it.
plain = boto3.client("s3", region_name="ap-northeast-1")
plain.upload_fileobj(io.BytesIO(b"streamed"), "states", "sum/stream")
equal(s3.get_object(Bucket="states", Key="sum/stream")["Body"].read(), b"streamed")
refused("BadDigest", s3.put_object, Bucket="states", Key="bad", Body=b"x", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
refused("InvalidDigest", s3.put_object, Bucket="states", Key="bad", Body=b"x", ContentMD5="x")
refused("BadDigest", s3.put_object, "SHA256", Bucket="states", Key="bad", Body=b"x", ChecksumSHA256="x" * 43 + "=")
refused("404", s3.head_object, Bucket="states", Key="bad")

# A lock: made once, by whoever is first.
lock = dict(Bucket="states", Key="env/x.tfstate.tflock")
s3.put_object(Body=b"mine", IfNoneMatch="*", **lock)
refused("PreconditionFailed", s3.put_object, Body=b"theirs", IfNoneMatch="*", **lock)
equal(s3.get_object(**lock)["Body"].read(), b"mine")
refused("PreconditionFailed", s3.put_object, Body=b"theirs", IfMatch='"0"', **lock)
refused("NoSuchKey", s3.put_object, Body=b"x", IfMatch='"0"', Bucket="states", Key="none")
refused("NotImplemented", s3.put_object, Body=b"x", IfNoneMatch='"0"', Bucket="states", Key="none")
s3.delete_object(**lock)
s3.delete_object(**lock)
s3.put_object(Body=b"theirs", IfNoneMatch="*", **lock)
s3.delete_object(**lock)

# Names of every kind come back as they went.
for key in ("a b+c", "ä/ö", "x//y", "q?a=b&c", "100%", "<&>", "~.-_"):
    s3.put_object(Bucket="states", Key="odd/" + key, Body=key.encode())
    equal(s3.get_object(Bucket="states", Key="odd/" + key)["Body"].read().decode(), key)
listed = [o["Key"] for o in s3.list_objects_v2(Bucket="states", Prefix="odd/")["Contents"]]
equal(sorted(listed), sorted("odd/" + k for k in ("a b+c", "ä/ö", "x//y", "q?a=b&c", "100%", "<&>", "~.-_")))
refused("KeyTooLongError", s3.put_object, Bucket="states", Key="k" * 1025, Body=b"")

# Lists.
for i in range(7):
    s3.put_object(Bucket="states", Key=f"many/{i}/x", Body=b"")
pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket="states", Prefix="many/", PaginationConfig={"PageSize": 3}))
equal([len(p["Contents"]) for p in pages], [3, 3, 1])
pages = list(s3.get_paginator("list_objects").paginate(Bucket="states", Prefix="many/", Delimiter="/", PaginationConfig={"PageSize": 4}))
equal([len(p["CommonPrefixes"]) for p in pages], [4, 3])
found = s3.list_objects_v2(Bucket="states", Prefix="many/", Delimiter="/", StartAfter="many/4/x")
equal([p["Prefix"] for p in found["CommonPrefixes"]], ["many/5/", "many/6/"])
equal(s3.list_objects_v2(Bucket="states", Prefix="nothing/")["KeyCount"], 0)
refused("InvalidArgument", s3.list_objects_v2, "continuation token", Bucket="states", ContinuationToken="!")
done = s3.delete_objects(Bucket="states", Delete={"Objects": [{"Key": f"many/{i}/x"} for i in range(7)] + [{"Key": "none"}]})
equal(len(done["Deleted"]), 8)

# Copies.
copied = s3.copy_object(Bucket="states", Key="copy ä", CopySource={"Bucket": "states", "Key": "env/x.tfstate"})
equal(copied["CopyObjectResult"]["ETag"], put["ETag"])
equal(s3.head_object(Bucket="states", Key="copy ä")["Metadata"], {"who": "me"})
s3.copy_object(Bucket="states", Key="copy ä", CopySource={"Bucket": "states", "Key": "copy ä"}, MetadataDirective="REPLACE")
equal(s3.head_object(Bucket="states", Key="copy ä")["Metadata"], {})
refused("InvalidRequest", s3.copy_object, Bucket="states", Key="copy ä", CopySource={"Bucket": "states", "Key": "copy ä"})
refused("NoSuchKey", s3.copy_object, Bucket="states", Key="x", CopySource={"Bucket": "states", "Key": "none"})

# Tags.
refused("NoSuchTagSet", s3.get_bucket_tagging, Bucket="states")
s3.put_bucket_tagging(Bucket="states", Tagging={"TagSet": [{"Key": "owner", "Value": "me"}]})
equal(s3.get_bucket_tagging(Bucket="states")["TagSet"], [{"Key": "owner", "Value": "me"}])
index = client("resourcegroupstaggingapi")
equal([r["ResourceARN"] for r in index.get_resources(ResourceTypeFilters=["s3"])["ResourceTagMappingList"]], ["arn:aws:s3:::states"])
refused("InvalidTag", s3.put_bucket_tagging, Bucket="states", Tagging={"TagSet": [{"Key": "aws:x", "Value": ""}]})
s3.delete_bucket_tagging(Bucket="states")
equal(s3.get_object_tagging(Bucket="states", Key="env/x.tfstate")["TagSet"], [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d e"}])
s3.put_object_tagging(Bucket="states", Key="env/x.tfstate", Tagging={"TagSet": []})
equal(s3.get_object_tagging(Bucket="states", Key="env/x.tfstate")["TagSet"], [])

# Versions.
assert "Status" not in s3.get_bucket_versioning(Bucket="states")
refused("IllegalVersioningConfigurationException", s3.put_bucket_versioning, Bucket="states", VersioningConfiguration={"Status": "Perhaps"})
s3.put_bucket_versioning(Bucket="states", VersioningConfiguration={"Status": "Enabled"})
equal(s3.get_bucket_versioning(Bucket="states")["Status"], "Enabled")
key = dict(Bucket="states", Key="env/x.tfstate")
advance(10)
second = s3.put_object(Body=b"second", **key)["VersionId"]
marker = s3.delete_object(**key)
equal(marker["DeleteMarker"], True)
refused("NoSuchKey", s3.get_object, **key)
refused("405", s3.head_object, VersionId=marker["VersionId"], **key)
refused("MethodNotAllowed", s3.get_object, VersionId=marker["VersionId"], **key)
equal(s3.get_object(VersionId=second, **key)["Body"].read(), b"second")
equal(s3.get_object(VersionId="null", **key)["Body"].read(), body)
refused("NoSuchVersion", s3.get_object, VersionId="0" * 32, **key)
refused("InvalidArgument", s3.get_object, "version id", VersionId="x", **key)
third = s3.put_object(Body=b"third", **key)["VersionId"]
found = s3.list_object_versions(Bucket="states", Prefix="env/x")
equal([v["VersionId"] for v in found["Versions"]], [third, second, "null"])
equal([v["IsLatest"] for v in found["Versions"]], [True, False, False])
equal([m["VersionId"] for m in found["DeleteMarkers"]], [marker["VersionId"]])
pages = s3.get_paginator("list_object_versions").paginate(Bucket="states", Prefix="env/x", PaginationConfig={"PageSize": 2})
equal([len(p.get("Versions", [])) + len(p.get("DeleteMarkers", [])) for p in pages], [2, 2])
gone = s3.delete_object(VersionId=marker["VersionId"], **key)
equal((gone["DeleteMarker"], gone["VersionId"]), (True, marker["VersionId"]))
s3.put_bucket_versioning(Bucket="states", VersioningConfiguration={"Status": "Suspended"})
equal(s3.put_object(Body=b"fourth", **key)["VersionId"], "null")
equal(len(s3.list_object_versions(Bucket="states", Prefix="env/x")["Versions"]), 3)

# Settings.
rule = lambda bucket: s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
equal(rule("states")["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"], "AES256")
kms = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/states"}, "BucketKeyEnabled": True}]}
s3.put_bucket_encryption(Bucket="states", ServerSideEncryptionConfiguration=kms)
equal(rule("states")["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"], "alias/states")
equal(s3.put_object(Bucket="states", Key="secret", Body=b"")["SSEKMSKeyId"], "alias/states")
bad = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "ROT13"}}]}
refused("MalformedXML", s3.put_bucket_encryption, Bucket="states", ServerSideEncryptionConfiguration=bad)
s3.delete_bucket_encryption(Bucket="states")
equal(rule("states")["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"], "AES256")

everything = dict(BlockPublicAcls=True, IgnorePublicAcls=True, BlockPublicPolicy=True, RestrictPublicBuckets=True)
equal(s3.get_public_access_block(Bucket="states")["PublicAccessBlockConfiguration"], everything)
public = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::states/*"}]}
refused("NoSuchBucketPolicy", s3.get_bucket_policy, Bucket="states")
refused("AccessDenied", s3.put_bucket_policy, "BlockPublicPolicy", Bucket="states", Policy=json.dumps(public))
s3.put_public_access_block(Bucket="states", PublicAccessBlockConfiguration=dict(everything, BlockPublicPolicy=False))
s3.put_bucket_policy(Bucket="states", Policy=json.dumps(public))
equal(json.loads(s3.get_bucket_policy(Bucket="states")["Policy"]), public)
equal(s3.get_bucket_policy_status(Bucket="states")["PolicyStatus"]["IsPublic"], True)
refused("MalformedPolicy", s3.put_bucket_policy, Bucket="states", Policy=json.dumps(public).replace(":::states", ":::other"))
s3.delete_bucket_policy(Bucket="states")
s3.delete_public_access_block(Bucket="states")
refused("NoSuchPublicAccessBlockConfiguration", s3.get_public_access_block, Bucket="states")

equal(s3.get_bucket_ownership_controls(Bucket="states")["OwnershipControls"]["Rules"], [{"ObjectOwnership": "BucketOwnerEnforced"}])
refused("AccessControlListNotSupported", s3.put_bucket_acl, Bucket="states", ACL="log-delivery-write")
refused("AccessControlListNotSupported", s3.put_object, Bucket="states", Key="x", Body=b"", ACL="public-read")
s3.put_bucket_ownership_controls(Bucket="states", OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]})
s3.put_bucket_acl(Bucket="states", ACL="log-delivery-write")
grants = s3.get_bucket_acl(Bucket="states")["Grants"]
equal([(g["Grantee"]["Type"], g["Permission"]) for g in grants],
      [("CanonicalUser", "FULL_CONTROL"), ("Group", "WRITE"), ("Group", "READ_ACP")])
s3.put_bucket_acl(Bucket="states", ACL="private")
s3.delete_bucket_ownership_controls(Bucket="states")
refused("OwnershipControlsNotFoundError", s3.get_bucket_ownership_controls, Bucket="states")

refused("NoSuchLifecycleConfiguration", s3.get_bucket_lifecycle_configuration, Bucket="states")
rules = [{"ID": "old", "Status": "Enabled", "Filter": {"And": {"Prefix": "env/", "Tags": [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}]}},
          "NoncurrentVersionExpiration": {"NoncurrentDays": 90, "NewerNoncurrentVersions": 3}},
         {"Status": "Disabled", "Filter": {"Prefix": ""}, "Transitions": [{"Days": 30, "StorageClass": "GLACIER"}],
          "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}]
s3.put_bucket_lifecycle_configuration(Bucket="states", LifecycleConfiguration={"Rules": rules})
found = s3.get_bucket_lifecycle_configuration(Bucket="states")
equal(found["TransitionDefaultMinimumObjectSize"], "all_storage_classes_128K")
equal(found["Rules"][0], rules[0])
assert found["Rules"][1].pop("ID"), found
equal(found["Rules"][1], rules[1])
lazy = [{"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}}]
refused("InvalidRequest", s3.put_bucket_lifecycle_configuration, Bucket="states", LifecycleConfiguration={"Rules": lazy})
s3.delete_bucket_lifecycle(Bucket="states")

refused("NoSuchCORSConfiguration", s3.get_bucket_cors, Bucket="states")
cors = [{"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["*"], "MaxAgeSeconds": 60}]
s3.put_bucket_cors(Bucket="states", CORSConfiguration={"CORSRules": cors})
equal(s3.get_bucket_cors(Bucket="states")["CORSRules"], cors)
s3.delete_bucket_cors(Bucket="states")
assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket="states")
status = {"LoggingEnabled": {"TargetBucket": "states", "TargetPrefix": "logs/"}}
s3.put_bucket_logging(Bucket="states", BucketLoggingStatus=status)
equal(s3.get_bucket_logging(Bucket="states")["LoggingEnabled"], status["LoggingEnabled"])
equal(s3.get_bucket_request_payment(Bucket="states")["Payer"], "BucketOwner")
refused("NoSuchWebsiteConfiguration", s3.get_bucket_website, Bucket="states")
refused("ReplicationConfigurationNotFoundError", s3.get_bucket_replication, Bucket="states")
refused("ObjectLockConfigurationNotFoundError", s3.get_object_lock_configuration, Bucket="states")

# What is not here says so, by its name.
refused("NotImplemented", s3.put_bucket_website, "s3:PutBucketWebsite", Bucket="states", WebsiteConfiguration={})
refused("NotImplemented", s3.restore_object, "s3:RestoreObject", Bucket="states", Key="x", RestoreRequest={})
refused("NotImplemented", s3.put_object, "ObjectLockMode", Bucket="states", Key="x", Body=b"", ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate="2030-01-01T00:00:00Z")

# Large things come in parts.
large = bytes(range(256)) * (6 * 4096)
s3.upload_fileobj(io.BytesIO(large), "states", "large", Config=boto3.s3.transfer.TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20))
head = s3.head_object(Bucket="states", Key="large")
assert head["ContentLength"] == len(large) and head["ETag"].endswith('-2"'), head
assert s3.get_object(Bucket="states", Key="large")["Body"].read() == large
upload = dict(Bucket="states", Key="parts", UploadId=s3.create_multipart_upload(Bucket="states", Key="parts")["UploadId"])
tags = [s3.upload_part(PartNumber=n, Body=b"x", **upload)["ETag"] for n in (1, 2)]
equal([p["PartNumber"] for p in s3.list_parts(**upload)["Parts"]], [1, 2])
equal([u["Key"] for u in s3.list_multipart_uploads(Bucket="states")["Uploads"]], ["parts"])
parts = lambda *numbers: {"Parts": [{"PartNumber": n, "ETag": tags[n - 1]} for n in numbers]}
refused("EntityTooSmall", s3.complete_multipart_upload, MultipartUpload=parts(1, 2), **upload)
refused("InvalidPartOrder", s3.complete_multipart_upload, MultipartUpload=parts(2, 1), **upload)
s3.abort_multipart_upload(**upload)
refused("NoSuchUpload", s3.list_parts, **upload)

# Buckets in host names are the same buckets.
virtual = boto3.client("s3", region_name="ap-northeast-1", endpoint_url=os.environ["AWS_ENDPOINT_URL"].replace("127.0.0.1", "localhost"),
                       config=botocore.config.Config(s3={"addressing_style": "virtual"}))
look_up = socket.getaddrinfo
socket.getaddrinfo = lambda host, *more, **named: look_up("127.0.0.1", *more, **named)
virtual.put_object(Bucket="states", Key="by/host", Body=b"host")
equal(s3.get_object(Bucket="states", Key="by/host")["Body"].read(), b"host")
equal(len(virtual.list_objects_v2(Bucket="states", Prefix="by/")["Contents"]), 1)
signer = boto3.client("s3", region_name="ap-northeast-1", config=botocore.config.Config(signature_version="s3v4"))
url = signer.generate_presigned_url("get_object", Params={"Bucket": "states", "Key": "by/host"})
equal(urllib.request.urlopen(url).read(), b"host")

refused("BucketNotEmpty", s3.delete_bucket, Bucket="states")
for page in s3.get_paginator("list_object_versions").paginate(Bucket="states"):
    both = page.get("Versions", []) + page.get("DeleteMarkers", [])
    s3.delete_objects(Bucket="states", Delete={"Quiet": True, "Objects": [{"Key": o["Key"], "VersionId": o["VersionId"]} for o in both]})
s3.delete_bucket(Bucket="states")
refused("NoSuchBucket", s3.delete_bucket, Bucket="states")
