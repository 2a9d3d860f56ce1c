//! What is kept over a restart, and which permissions calls need. The protocol itself is boto3's to judge.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::clock::Time;
use crate::options::Options;
use crate::world::World;

fn call(world: &mut World, operation: &str, input: Value) -> Value {
    let options = Options::manual();
    let mut cx = Cx::new(world, &options, &SERVICE, "us-east-1".to_owned());
    cx.operation = operation.to_owned();
    handler(operation).unwrap()(&mut cx, input).unwrap()
}

#[test]
fn everything_survives_its_process() {
    let mut world = World::new(&Options::manual(), Time(1_000_000));
    let bucket = json!({"Name": "states"});
    let rules = "<LifecycleConfiguration><Rule><Filter><Prefix>a</Prefix></Filter><Status>Enabled</Status><Expiration>\
                 <Days>1</Days></Expiration></Rule></LifecycleConfiguration>";
    let versioning = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    call(&mut world, "CreateBucket", json!({"Bucket": bucket}));
    call(&mut world, "PutBucketVersioning", json!({"Bucket": bucket, "Document": versioning}));
    call(&mut world, "PutBucketLifecycleConfiguration", json!({"Bucket": bucket, "Document": rules}));
    let traits = json!({"Metadata": {"a": "b"}, "Tagging": "c=d"});
    let put = json!({"Bucket": bucket, "Key": "x", "Body": STANDARD.encode([0, 255]), "Traits": traits});
    call(&mut world, "PutObject", put);
    call(&mut world, "DeleteObject", json!({"Bucket": bucket, "Key": "x"}));
    let started = call(&mut world, "CreateMultipartUpload", json!({"Bucket": bucket, "Key": "y", "Traits": {}}));
    let id = started["Xml"]["UploadId"].clone();
    let part = json!({"Bucket": bucket, "Key": "y", "UploadId": id, "PartNumber": "1", "Body": STANDARD.encode([1])});
    call(&mut world, "UploadPart", part);

    let mut again: World = serde_json::from_str(&serde_json::to_string(&world).unwrap()).unwrap();
    for (operation, more) in [
        ("ListObjectVersions", json!({})),
        ("GetBucketLifecycleConfiguration", json!({})),
        ("GetBucketEncryption", json!({})),
        ("GetPublicAccessBlock", json!({})),
        ("GetObject", json!({"Key": "x", "VersionId": version(&mut world)})),
        ("ListParts", json!({"Key": "y", "UploadId": id})),
    ] {
        let mut input = more;
        input["Bucket"] = bucket.clone();
        assert_eq!(call(&mut again, operation, input.clone()), call(&mut world, operation, input), "{operation}");
    }
}

/// The id of the one version of the one object.
fn version(world: &mut World) -> Value {
    let versions = call(world, "ListObjectVersions", json!({"Bucket": {"Name": "states"}}));
    versions["Xml"]["Version"][0]["VersionId"].clone()
}
