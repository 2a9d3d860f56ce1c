//! Objects of the local cloud, and a server that breaks off.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use aomidori_local::{LocalCloud, Options};
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration, ServerSideEncryption};

use super::*;
use crate::client::Settings;

const REGION: &str = "ap-northeast-1";

async fn cx(endpoint: String, region: &str) -> Cx {
    Cx::connect(Settings::local(endpoint, region)).await.unwrap()
}

/// A cloud with a bucket `states` in this region, and what speaks to it.
async fn cloud(options: Options, region: &str) -> (LocalCloud, Cx) {
    let cloud = LocalCloud::start(options).unwrap();
    let there = cx(cloud.endpoint(), region).await;
    let place = BucketLocationConstraint::from(region);
    let place = CreateBucketConfiguration::builder().location_constraint(place).build();
    there.s3.create_bucket().bucket("states").create_bucket_configuration(place).send().await.unwrap();
    (cloud, there)
}

async fn put(cx: &Cx, key: &str, body: &'static [u8]) {
    cx.s3.put_object().bucket("states").key(key).body(ByteStream::from_static(body)).send().await.unwrap();
}

async fn ask(cx: &Cx, place: &str) -> Result<Vec<u8>, S3Error> {
    read(cx, &place.parse().unwrap(), LIMIT).await.map(|object| object.bytes)
}

#[tokio::test]
async fn what_is_not_there_is_told_apart() {
    let (_cloud, cx) = cloud(Options::instant(), REGION).await;
    put(&cx, "env/a.tfstate", b"first").await;
    put(&cx, "env/a.tfstate.tflock", b"lock").await;
    put(&cx, "env:/blue/b.tfstate", b"blue").await;
    assert_eq!(ask(&cx, "s3://states/env/a.tfstate").await.unwrap(), b"first");
    assert_eq!(ask(&cx, "s3://states/env:/blue/b.tfstate").await.unwrap(), b"blue");
    assert!(matches!(ask(&cx, "s3://nobodys/x").await, Err(S3Error::NoBucket(bucket)) if bucket == "nobodys"));
    for (place, wanted) in [
        ("s3://states/env/b.tfstate", vec!["env/a.tfstate"]),
        ("s3://states/other/b.tfstate", vec!["env/a.tfstate", "env:/blue/b.tfstate"]),
    ] {
        match ask(&cx, place).await {
            Err(S3Error::NoKey { near, .. }) => assert_eq!(near, wanted, "{place}"),
            other => panic!("{place}: {other:?}"),
        }
    }
    let place = "s3://states/env/a.tfstate".parse().unwrap();
    let small = read(&cx, &place, 4).await.map(|object| object.bytes);
    assert!(matches!(small, Err(S3Error::TooLarge { size: 5, limit: 4, .. })), "{small:?}");
}

#[tokio::test]
async fn versions_are_read_and_a_deletion_is_told() {
    let (_cloud, cx) = cloud(Options::instant(), REGION).await;
    let enabled = aws_sdk_s3::types::BucketVersioningStatus::Enabled;
    let versions = aws_sdk_s3::types::VersioningConfiguration::builder().status(enabled).build();
    cx.s3.put_bucket_versioning().bucket("states").versioning_configuration(versions).send().await.unwrap();
    let first = cx.s3.put_object().bucket("states").key("x").body(ByteStream::from_static(b"1")).send().await.unwrap();
    put(&cx, "x", b"2").await;
    cx.s3.delete_object().bucket("states").key("x").send().await.unwrap();
    assert!(matches!(ask(&cx, "s3://states/x").await, Err(S3Error::Deleted { .. })));
    let place = format!("s3://states/x?versionId={}", first.version_id.unwrap());
    assert_eq!(ask(&cx, &place).await.unwrap(), b"1");
    for version in ["0".repeat(32), "nonsense".to_owned()] {
        let answer = ask(&cx, &format!("s3://states/x?versionId={version}")).await;
        assert!(matches!(answer, Err(S3Error::NoVersion { .. })), "{answer:?}");
    }
}

#[tokio::test]
async fn a_bucket_elsewhere_is_asked_there() {
    let (cloud, there) = cloud(Options::instant(), "eu-west-1").await;
    put(&there, "x", b"there").await;
    let here = cx(cloud.endpoint(), REGION).await;
    let object = read(&here, &"s3://states/x".parse().unwrap(), LIMIT).await.unwrap();
    assert_eq!((object.bytes.as_slice(), object.elsewhere.as_deref()), (&b"there"[..], Some("eu-west-1")));
    let object = read(&here, &"s3://states/x?region=eu-west-1".parse().unwrap(), LIMIT).await.unwrap();
    assert_eq!(object.elsewhere, None);
}

#[tokio::test]
async fn who_may_not_read_is_told_what_they_may_not() {
    let deny = |what: &str| Options { deny: vec![what.to_owned()], ..Options::instant() };
    let (_cloud, cx) = cloud(deny("s3:GetObject"), REGION).await;
    put(&cx, "x", b"x").await;
    let Err(S3Error::Cloud(error)) = ask(&cx, "s3://states/x").await else { panic!("it was read") };
    assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::Denied, "s3:GetObject"));
    assert!(error.message.contains("s3:ListBucket"), "{}", error.message);

    let (_cloud, cx) = self::cloud(deny("kms:Decrypt"), REGION).await;
    let request = cx.s3.put_object().bucket("states").key("x").server_side_encryption(ServerSideEncryption::AwsKms);
    request.ssekms_key_id("alias/states").body(ByteStream::from_static(b"x")).send().await.unwrap();
    let Err(S3Error::Cloud(error)) = ask(&cx, "s3://states/x").await else { panic!("it was read") };
    assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::Denied, "kms:Decrypt"));
    assert!(error.message.contains("alias/states"), "{}", error.message);
}

#[tokio::test]
async fn what_breaks_in_the_middle_is_read_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        for body in ["01234", "0123456789"] {
            let (stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(&stream).lines();
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            write!(&stream, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\n{body}").unwrap();
        }
    });
    let cx = cx(endpoint, REGION).await;
    assert_eq!(ask(&cx, "s3://states/x").await.unwrap(), b"0123456789");
    assert_eq!(cx.calls()["s3:GetObject"], 2);
    server.join().unwrap();
}

#[test]
fn places() {
    let place = |bucket: &str, key: &str, region: Option<&str>, version: Option<&str>| S3Place {
        bucket: bucket.into(),
        key: key.into(),
        region: region.map(Into::into),
        version: version.map(Into::into),
    };
    for (text, want) in [
        ("s3://states/terraform.tfstate", place("states", "terraform.tfstate", None, None)),
        ("s3://states/env:/blue/a/b.tfstate", place("states", "env:/blue/a/b.tfstate", None, None)),
        ("s3://my.states-1//odd key%20", place("my.states-1", "/odd key%20", None, None)),
        ("s3://states/x?region=eu-west-1", place("states", "x", Some("eu-west-1"), None)),
        ("s3://states/x?versionId=a&region=b", place("states", "x", Some("b"), Some("a"))),
    ] {
        assert_eq!(text.parse(), Ok(want), "{text}");
    }
    for bad in [
        "terraform.tfstate",
        "s3:/states/x",
        "s3://",
        "s3:///x",
        "s3://states",
        "s3://states/",
        "s3://states/folder/",
        "s3://a b/x",
        "s3://st/x",
        "s3://states/x?foo=1",
        "s3://states/x?region=",
        "s3://states/x?versionId",
    ] {
        assert!(bad.parse::<S3Place>().is_err(), "{bad}");
    }
}
